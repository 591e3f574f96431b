"""Two spaces that are no boards: baskets without places, and furniture in a room."""

import numpy as np

from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label

BASKETS = Items("baskets", tuple(f"thing {i}" for i in range(30)), (1, 12))

_PLACES = np.array([(x, y, z) for x in range(4) for y in range(3) for z in range(2)], dtype=float)
ROOM = Items(
    "room",
    tuple(f"place {i}" for i in range(24)),
    (2, 10),
    (Label("lamp", 1, 2), Label("chair")),
    {"season": ("warm", "cold")},
    xy=_PLACES,
)


def baskets(n, seed):
    """Two kinds of baskets, of the lower and of the upper half of the things, with a stray one now and then."""
    rng, sets = np.random.default_rng(seed), []
    for _ in range(n):
        half = 15 * int(rng.integers(2))
        weights = np.full(30, 0.005)
        weights[half : half + 15] = np.arange(15, 0, -1)
        items = rng.choice(30, int(rng.integers(2, 8)), replace=False, p=weights / weights.sum())
        sets.append(One(tuple((int(i), 0) for i in items)))
    return Sets.of(BASKETS, sets)


def rooms(n, seed):
    """A lamp high up and chairs on the floor, near one corner when it is cold."""
    rng, sets = np.random.default_rng(seed), []
    high, low = np.flatnonzero(_PLACES[:, 2] == 1), np.flatnonzero(_PLACES[:, 2] == 0)
    for _ in range(n):
        cold = int(rng.integers(2))
        lamp, weights = int(rng.choice(high)), np.exp(-cold * _PLACES[low].sum(1))
        chairs = rng.choice(low, int(rng.integers(1, 7)), replace=False, p=weights / weights.sum())
        elements = ((lamp, 0), *((int(i), 1) for i in chairs))
        sets.append(One(elements, (("season", cold),)))
    return Sets.of(ROOM, sets)

"""Optimal transport between collections of sets: how far items must move to make one of the other.

Two sets are as far apart as their items must move, label by label: the sliced Wasserstein-2 distance
(Bonneel et al. 2015) between clouds of their items. Along one direction that is the distance between sorted
projections; so a set becomes a vector of projected quantiles, and the distance between two sets the Euclidean
distance of their vectors, scaled so that moving every item by d moves the set by d. Between the two
collections it is the exact optimal matching (Kantorovich):

    T = min over couplings π of Σ_ij π_ij d(set_i, set_j)      in units of length

Its dual potential is the influence of each set on T (del Barrio & Loubes 2019).
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from setgen.metrics.context import Context, cached
from setgen.metrics.estimate import Estimate, from_influence, undefined
from setgen.metrics.metric import metric
from setgen.sets.space import Space

MOST = 1000
"""Sets of each kind that are matched; of more, a random sample of so many is taken."""

_LEVELS = 6
_GOLDEN = (1 + 5**0.5) / 2
_FLAT = np.arange(8) * np.pi / 8
_DIRECTIONS = {
    1: np.ones((1, 1)),
    2: np.array([[np.cos(angle), np.sin(angle)] for angle in _FLAT]),
    # The axes of an icosahedron.
    3: np.array([v for a in (1, -1) for v in ([0, 1, a * _GOLDEN], [1, a * _GOLDEN, 0], [a * _GOLDEN, 0, 1])])
    / np.sqrt(1 + _GOLDEN**2),
}
"""D → directions over which Σ uuᵀ is a multiple of the identity: no way to move counts more than another."""

Clouds = tuple[tuple[tuple[int, ...], float], ...]
"""(labels, weight): which items are moved onto which, and how much that counts."""


@singledispatch
def clouds_of(space: Space) -> Clouds:
    """All items for one half and each label for an equal part of the other, where there are several labels.

    A kind of space that knows better registers its own function here.
    """
    every = tuple(np.flatnonzero(space.label_occurs).tolist())
    return ((every, 0.5), *(((r,), 0.5 / len(every)) for r in every)) if len(every) > 1 else ((every, 1.0),)


def set_vectors(c: Context) -> np.ndarray:
    """(C, clouds · directions · 6) float64, Euclidean distances between rows in units of length.

    A cloud that a set lacks stands where the training sets have it on average; one that no training set has
    is left out.
    """
    clouds = []
    for labels, weight in clouds_of(c.space):
        typical = _quantiles(c.train, labels)
        if np.isnan(typical).all():
            continue
        own = _quantiles(c, labels)
        clouds.append((np.where(np.isnan(own), np.nanmean(typical, axis=0), own), weight))
    total = sum(weight for _, weight in clouds)
    assert c.space.coordinates is not None
    dimensions = c.space.coordinates.shape[1]
    # cos² averages to 1/D over directions: without the D a shift by d would count as d/√D.
    scale = dimensions / (len(_DIRECTIONS[dimensions]) * _LEVELS * total)
    return np.concatenate([np.sqrt(scale * weight) * vectors for vectors, weight in clouds], axis=1)


@cached
def _quantiles(c: Context, labels: tuple[int, ...]) -> np.ndarray:
    """(C, directions · 6) quantiles of the projections of each set's items of these labels; NaN: none."""
    assert c.space.coordinates is not None
    sets = c.sets
    chosen = np.isin(sets.label, labels)
    owner, xy = sets.owner[chosen], c.space.coordinates[sets.item[chosen]]
    sizes = np.bincount(owner, minlength=len(sets))
    offsets = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    # The middle of each sixth: the step function of n equal masses, so that equal clouds give equal vectors.
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    at = np.minimum((levels * sizes[:, None]).astype(np.int64), np.maximum(sizes[:, None] - 1, 0))
    columns = []
    for direction in _DIRECTIONS[xy.shape[1]]:
        along = xy @ direction
        ordered = np.append(along[np.lexsort((along, owner))], np.nan)
        columns.append(
            np.where(sizes[:, None] > 0, ordered[np.where(sizes > 0, offsets, -1)[:, None] + at], np.nan)
        )
    return np.concatenate(columns, axis=1)


def matching(ours: np.ndarray, real: np.ndarray) -> tuple[float, np.ndarray]:
    """(distance a set, (C,) influence of each of our sets) of the optimal matching of equal masses."""
    import ot  # slow to import

    cost = ot.dist(ours, real, metric="euclidean")
    masses = (np.full(len(x), 1 / len(x)) for x in (ours, real))
    total, log = ot.emd2(*masses, cost, log=True, numItermax=2_000_000)
    return float(total), np.asarray(log["u"])


@metric(
    name="transport distance",
    unit="{length}",
    family="fidelity",
    most=MOST,
    source="Kantorovich 1942; sliced distance: Bonneel et al. 2015; POT",
    needs=300,
    needs_coordinates=True,
    sees=(
        *("{items} replaced", "random {sets}", "{labels} swapped", "duplicated", "few ideas"),
        "one side dropped",
    ),
)
def transport_distance(c: Context) -> Estimate:
    """Cost of the optimal matching of ≤ {most} {sets} with ≤ {most} test {sets}, the distance of two being
    the sliced Wasserstein-2 distance of its {items}, {label} by {label}."""
    c, note = c.at_most(MOST)
    if not c.sets.sizes.any():
        return undefined("no {set} has a {item}".format(**c.words), len(c))
    value, influence = matching(set_vectors(c), set_vectors(c.test))
    return from_influence(value, influence, c.seed, note, (0, np.inf))

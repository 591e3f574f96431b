"""The shape of a climb in a few dozen numbers, nothing trained: counts, heights, hops, where it goes."""

from __future__ import annotations

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.geometry import Geometry
from setgen.boards.roles import Role
from setgen.boards.rules import role_counts

_PLACES = ("left", "right", "bottom", "top")
SHAPE_FEATURES = (
    *("holds", "starts", "middles", "finishes", "feet"),
    *(
        "start to start",
        "lowest start",
        "height gained",
        "largest hop",
        "foot support",
        "mean height",
        "spread",
    ),
    *("hops", "mean hop", "hop deviation", "smallest hop"),
    *("mean x", "deviation x", "deviation y", *_PLACES),
    *("start x", "start y", "finish x", "finish y", "start to finish x", "foot x", "foot y"),
    *("mean nearest hold", "smallest nearest hold"),
)
"""Names of the columns of `shape_features`, inches but for the counts."""


def shape_features(board: Board, sets: Climbs, shape: Geometry) -> np.ndarray:
    """(C, F) float64, NaN where a climb has no such thing. Permuting the holds of a climb changes nothing.

    sets: climbs as `geometry.as_sets` gives them; shape: their geometry.
    """
    n, owner = len(sets), sets.owner
    xy = board.xy[sets.placement]
    columns = [sets.sizes, *(role_counts(sets, role) for role in Role)]
    columns += list(shape.per_climb().values())

    hop_count = np.bincount(shape.hop_owner.astype(np.int64), minlength=n)
    columns += [hop_count, *_spread(shape.hops, shape.hop_owner.astype(np.int64), n)]
    columns.append(_lowest(shape.hops, shape.hop_owner.astype(np.int64), n))

    x_mean, x_deviation = _spread(xy[:, 0], owner, n)
    columns += [x_mean, x_deviation, _spread(xy[:, 1], owner, n)[1]]
    columns += [_lowest(xy[:, 0], owner, n), -_lowest(-xy[:, 0], owner, n)]
    columns += [_lowest(xy[:, 1], owner, n), -_lowest(-xy[:, 1], owner, n)]

    start, finish, foot = (
        _centre(xy, owner, sets.role == r, n) for r in (Role.START, Role.FINISH, Role.FOOT)
    )
    columns += [*start.T, *finish.T, finish[:, 0] - start[:, 0], *foot.T]

    nearest = _nearest_hold(xy, sets)
    columns += [_spread(nearest, owner, n)[0], _lowest(nearest, owner, n)]
    features = np.stack(columns, axis=1).astype(np.float64)
    assert features.shape[1] == len(SHAPE_FEATURES)
    return features


def informative(features: np.ndarray) -> np.ndarray:
    """(F,) bool: the columns of (C, F) features that have two distinct known values at least."""
    low, high = (np.where(np.isnan(features), fill, features) for fill in (np.inf, -np.inf))
    if not len(features):
        return np.zeros(features.shape[1], dtype=bool)
    return low.min(0) < high.max(0)


def _centre(xy: np.ndarray, owner: np.ndarray, chosen: np.ndarray, n: int) -> np.ndarray:
    """(n, 2) centre of the chosen holds of each climb."""
    return np.stack([_spread(xy[chosen, i], owner[chosen], n)[0] for i in (0, 1)], axis=1)


def _spread(values: np.ndarray, owner: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) mean and (n,) population standard deviation of each climb's values; NaN where it has none."""
    count = np.bincount(owner, minlength=n).astype(np.float64)
    count[count == 0] = np.nan
    mean = np.bincount(owner, values, n) / count
    squares = np.bincount(owner, (values - mean[owner]) ** 2, n) / count
    return mean, np.sqrt(squares)


def _lowest(values: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """(n,) smallest of each climb's values; NaN where it has none, or only NaN."""
    lowest = np.full(n, np.inf)
    known = ~np.isnan(values)
    np.minimum.at(lowest, owner[known], values[known])
    lowest[np.isinf(lowest)] = np.nan
    return lowest


def _nearest_hold(xy: np.ndarray, sets: Climbs) -> np.ndarray:
    """(N,) distance of each hold to the nearest other one of its climb; NaN where it is alone."""
    nearest = np.full(len(xy), np.nan)
    for size in np.unique(sets.sizes[sets.sizes > 1]):
        first = sets.offsets[:-1][sets.sizes == size]
        for part in np.array_split(first, -(-len(first) * int(size) ** 2 // 2_000_000)):
            rows = part[:, None] + np.arange(size)
            apart = np.sqrt(((xy[rows][:, :, None] - xy[rows][:, None]) ** 2).sum(-1))
            apart[:, np.arange(size), np.arange(size)] = np.inf
            nearest[rows] = apart.min(-1)
    return nearest

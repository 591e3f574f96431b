"""The shape of a climb in a few dozen numbers, nothing trained: counts, heights, hops, where it goes."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.geometry import Geometry
from setgen.climbing.roles import Role
from setgen.climbing.rules import role_counts
from setgen.sets.per_set import centre, lowest, moments, to_nearest

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
    columns += [hop_count, *moments(shape.hops, shape.hop_owner.astype(np.int64), n)]
    columns.append(lowest(shape.hops, shape.hop_owner.astype(np.int64), n))

    x_mean, x_deviation = moments(xy[:, 0], owner, n)
    columns += [x_mean, x_deviation, moments(xy[:, 1], owner, n)[1]]
    columns += [lowest(xy[:, 0], owner, n), -lowest(-xy[:, 0], owner, n)]
    columns += [lowest(xy[:, 1], owner, n), -lowest(-xy[:, 1], owner, n)]

    start, finish, foot = (centre(xy, owner, sets.role == r, n) for r in (Role.START, Role.FINISH, Role.FOOT))
    columns += [*start.T, *finish.T, finish[:, 0] - start[:, 0], *foot.T]

    nearest = to_nearest(xy, sets)
    columns += [moments(nearest, owner, n)[0], lowest(nearest, owner, n)]
    features = np.stack(columns, axis=1).astype(np.float64)
    assert features.shape[1] == len(SHAPE_FEATURES)
    return features

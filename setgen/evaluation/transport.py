"""Optimal transport between collections of climbs: how many inches holds must move to make one of the other.

Two climbs are as far apart as their holds must move, role by role: the sliced Wasserstein-2 distance
(Bonneel et al. 2015) between their hand holds, their starts, their finishes and their feet. Along one
direction that is the distance between sorted projections; so a climb becomes a vector of projected
quantiles, and the distance between two climbs the Euclidean distance of their vectors, scaled so that moving
every hold by d inches moves the climb by d. Between the two collections it is the exact optimal matching
(Kantorovich):

    T = min over couplings π of Σ_ij π_ij d(climb_i, climb_j)      in inches

Its dual potential is the influence of each climb on T (del Barrio & Loubes 2019).
"""

from __future__ import annotations

import numpy as np
import ot

from setgen.boards.roles import Role
from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate, from_influence, undefined
from setgen.evaluation.metric import Metric

MOST = 1000
"""Climbs of each kind that are matched; of more, a random sample of so many is taken."""

_DIRECTIONS, _LEVELS = 8, 6
_HANDS = (Role.START, Role.MIDDLE, Role.FINISH)
_CLOUDS: tuple[tuple[tuple[Role, ...], float], ...] = (
    (_HANDS, 0.5),
    ((Role.START,), 1 / 6),
    ((Role.FINISH,), 1 / 6),
    ((Role.FOOT,), 1 / 6),
)
"""Which holds are moved onto which, and the weight of each cloud."""


def climb_vectors(sample: Sample, train: Sample) -> np.ndarray:
    """(C, clouds · 8 · 6) float64, Euclidean distances between rows in inches.

    A cloud that a climb lacks stands where the training climbs have it on average; one that no training climb
    has is left out.
    """
    clouds = []
    for roles, weight in _CLOUDS:
        typical = _quantiles(train, roles)
        if np.isnan(typical).all():
            continue
        own = _quantiles(sample, roles)
        clouds.append((np.where(np.isnan(own), np.nanmean(typical, axis=0), own), weight))
    total = sum(weight for _, weight in clouds)
    # cos² averages to ½ over directions: without the 2 a shift by d would count as d/√2.
    scale = 2 / (_DIRECTIONS * _LEVELS * total)
    return np.concatenate([np.sqrt(scale * weight) * vectors for vectors, weight in clouds], axis=1)


def _quantiles(sample: Sample, roles: tuple[Role, ...]) -> np.ndarray:
    """(C, 8 · 6) quantiles of the projections of each climb's holds in these roles; NaN where it has none."""
    key = ("projected quantiles", roles)
    if key in sample.memo:
        return sample.memo[key]
    sets = sample.sets
    chosen = np.isin(sets.role, roles)
    owner, xy = sets.owner[chosen], sample.board.xy[sets.placement[chosen]]
    sizes = np.bincount(owner, minlength=len(sets))
    offsets = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    angles = np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS
    # The middle of each sixth: the step function of n equal masses, so that equal clouds give equal vectors.
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    at = np.minimum((levels * sizes[:, None]).astype(np.int64), np.maximum(sizes[:, None] - 1, 0))
    columns = []
    for angle in angles:
        along = xy @ np.array([np.cos(angle), np.sin(angle)])
        ordered = np.append(along[np.lexsort((along, owner))], np.nan)
        columns.append(
            np.where(sizes[:, None] > 0, ordered[np.where(sizes > 0, offsets, -1)[:, None] + at], np.nan)
        )
    sample.memo[key] = np.concatenate(columns, axis=1)
    return sample.memo[key]


def matching(ours: np.ndarray, real: np.ndarray) -> tuple[float, np.ndarray]:
    """(inches a climb, (C,) influence of each of our climbs) of the optimal matching of equal masses."""
    cost = ot.dist(ours, real, metric="euclidean")
    masses = (np.full(len(x), 1 / len(x)) for x in (ours, real))
    total, log = ot.emd2(*masses, cost, log=True, numItermax=2_000_000)
    return float(total), np.asarray(log["u"])


def _transport(c: Comparison) -> Estimate | None:
    c, note = c.once(("at most", MOST), lambda: c.at_most(MOST))
    if not c.sample.sets.sizes.any():
        return undefined("no climb has a hold", len(c.sample))
    value, influence = matching(*(climb_vectors(sample, c.train) for sample in (c.sample, c.test)))
    return from_influence(value, influence, c.seed, note, (0, np.inf))


METRICS = (
    Metric(
        "transport distance",
        "inches",
        "↓",
        f"cost of the optimal matching of ≤ {MOST} climbs with ≤ {MOST} test climbs, the distance of two "
        "being the sliced Wasserstein-2 distance of its holds, role by role",
        "Kantorovich 1942; sliced distance: Bonneel et al. 2015; POT",
        _transport,
        "train",
        "fidelity",
        300,
        sees=(
            "holds replaced",
            "random climbs",
            "roles swapped",
            "duplicated",
            "few ideas",
            "one side dropped",
        ),
    ),
)

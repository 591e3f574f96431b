"""Wasserstein distances between generated and test climbs of what one number a climb, or a hop, says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.stats import wasserstein_distance

from setgen.boards.roles import Role
from setgen.boards.rules import role_counts
from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate, from_replicates, resamples, undefined
from setgen.evaluation.metric import Metric

Values = Callable[[Sample], tuple[np.ndarray, np.ndarray]]
"""Sample → (M,) values (NaN is left out) and (M,) the climb each belongs to."""


def _distance(values_of: Values, c: Comparison) -> Estimate | None:
    """W₁ = ∫ |F − G| between the distribution functions of the sample's and the test climbs' values."""
    (ours, owner), (real, _) = (_defined(*values_of(s)) for s in (c.sample, c.test))
    if len(real) == 0:
        return None
    if len(ours) == 0:
        return undefined("undefined on every climb")
    at, place = np.unique(ours, return_inverse=True)
    real_at, real_weight = np.unique(real, return_counts=True)

    def w1(weight: np.ndarray) -> float:
        return float(wasserstein_distance(at, real_at, weight, real_weight))

    resampled = (np.bincount(place, weights=times[owner]) for times in resamples(len(c.sample), c.seed))
    spread = np.array([w1(weight) for weight in resampled if weight.sum() > 0])
    return from_replicates(w1(np.bincount(place)), spread, len(np.unique(owner)), bounds=(0, np.inf))


def _defined(values: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    keep = ~np.isnan(values)
    return values[keep], owner[keep]


def _per_climb(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.astype(np.float64), np.arange(len(values))


def _size(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    return _per_climb(sample.sets.sizes)


def _role(role: Role, c: Comparison) -> Estimate | None:
    if not c.board.role_allowed[role]:
        return None
    return _distance(lambda sample: _per_climb(role_counts(sample.sets, role)), c)


def _feature(name: str, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    return _per_climb(getattr(sample.geometry, name))


def _hops(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    return sample.geometry.hops, sample.geometry.hop_owner.astype(np.int64)


def _metric(
    what: str, unit: str, said: str, compute: Callable[[Comparison], Estimate | None], *sees: str
) -> Metric:
    formula = (
        f"W₁ = ∫ |F − G|, F and G the distribution functions of {said}, of the climbs and the test climbs"
    )
    source = "Wasserstein-1 distance, scipy; standard error by bootstrap over climbs, test climbs fixed"
    return Metric(f"W₁ {what}", unit, "↓", formula, source, compute, "train", "fidelity", sees=sees)


_FEATURES = {
    "start to start": ("start_distance", "the distance between the starts"),
    "lowest start": ("lowest_start", "the height of the lowest start"),
    "height gained": ("height_progress", "the height of the highest finish above the highest start"),
    "mean height": ("mean_height", "the mean height of the holds"),
    "spread": ("spread", "the root mean square distance of the holds from their centre"),
    "largest hop": ("largest_hop", "the longest hop on the best path from start to finish"),
    "foot support": ("foot_support", "the largest distance from a hand hold to the nearest lower hold"),
}

METRICS = (
    _metric("size", "holds", "the number of holds", partial(_distance, _size), "rare sizes dropped"),
    *(
        _metric(
            f"{role.label} holds",
            "holds",
            f"the number of {role.label} holds",
            partial(_role, role),
            "roles lost",
        )
        for role in Role
    ),
    *(
        _metric(name, "inches", said, partial(_distance, partial(_feature, feature)), "random climbs")
        for name, (feature, said) in _FEATURES.items()
    ),
    _metric(
        "hop",
        "inches",
        "all hops that link the hand holds",
        partial(_distance, _hops),
        "holds replaced",
        "random climbs",
    ),
)

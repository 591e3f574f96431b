"""Precision, recall, density and coverage: do generated climbs lie where real ones lie, and the reverse?

With r_k(x) the distance from x to its k-th nearest neighbour among its own kind, generated climbs y, test
climbs x:

    precision = share of y with d(y, x) < r_k(x) for some x        (Kynkäänniemi et al. 2019)
    recall    = share of x with d(x, y) < r_k(y) for some y
    density   = mean over y of #{x : d(y, x) < r_k(x)} / k         (Naeem et al. 2020)
    coverage  = share of x with d(x, y) < r_k(x) for some y

Distances between sets are fractions and often tie: a neighbour at exactly r_k is outside, as for `prdc`.

Precision and density are means over generated climbs. Recall and coverage are means over test climbs, yet
other generated climbs would reach others of them; so their variance is the binomial one over test climbs plus
the jackknife's over generated climbs (Efron & Stein 1981): without a climb, the test climbs that it alone
reaches are lost. Radii are held fixed in that; letting them grow overrates the error by half (measured).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate, mean, share, undefined
from setgen.evaluation.metric import Metric
from setgen.evaluation.spaces import SPACES, Space

K = 5
MOST = 10_000
"""Climbs of each kind that are compared; of more, a random sample of so many is taken."""


class Reached:
    """Which of T test climbs are reached: by how many of the generated climbs, and by which one last."""

    def __init__(self, tests: int) -> None:
        self.times = np.zeros(tests, dtype=np.int64)
        self.last = np.full(tests, -1)

    def add(self, first: int, near: np.ndarray) -> None:
        """near: (rows, T) bool, of the generated climbs from number `first` on."""
        hit = near.any(0)
        self.times += near.sum(0)
        self.last[hit] = first + near[:, hit].argmax(0)

    def estimate(self, climbs: int, note: str) -> Estimate:
        """The share of test climbs that any of so many generated climbs reaches."""
        alone = np.bincount(self.last[self.times == 1], minlength=climbs) / len(self.times)
        jackknife = np.sqrt((climbs - 1) / climbs * np.square(alone - alone.mean()).sum())
        return replace(share(self.times > 0, note, besides=float(jackknife)), n=climbs)


@dataclass(frozen=True)
class Neighbours:
    """precise, density: of the (C,) generated climbs. recalled, covered: of the (T,) test climbs."""

    precise: np.ndarray
    density: np.ndarray
    recalled: Reached
    covered: Reached


def radii(space: Space, points: np.ndarray, k: int = K) -> np.ndarray:
    """(N,) float32 distance from each point to its k-th nearest other one; infinite where there are fewer."""
    n = points.shape[0]
    if n <= k:
        return np.full(n, np.inf, dtype=np.float32)
    found = np.empty(n, dtype=np.float32)
    for rows, block in space.distances(points, points):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0  # itself, whatever rounding says
        found[rows] = np.partition(block, k, axis=1)[:, k]
    return found


def neighbours(space: Space, ours: np.ndarray, real: np.ndarray, real_radii: np.ndarray) -> Neighbours:
    """All four from one pass over the distances between (C,) generated and (T,) real points."""
    own_radii, tests = radii(space, ours), real.shape[0]
    inside, covered, recalled = np.zeros(ours.shape[0]), Reached(tests), Reached(tests)
    for rows, block in space.distances(ours, real):
        near_real = block < real_radii
        inside[rows] = near_real.sum(1)
        covered.add(rows.start, near_real)
        recalled.add(rows.start, block < own_radii[rows, None])
    return Neighbours(inside > 0, inside / K, recalled, covered)


def _found(space: Space, c: Comparison) -> tuple[Neighbours | Estimate | None, str, Comparison]:
    c, note = c.once(("at most", MOST), lambda: c.at_most(MOST))

    def compute() -> Neighbours | Estimate | None:
        ours, real = (space.points(sample, c.train) for sample in (c.sample, c.test))
        if ours is None:
            return None
        if min(len(c.sample), len(c.test)) <= K:
            return undefined(f"wants more than {K} climbs", len(c.sample))
        return neighbours(space, ours, real, _real_radii(space, c.test, real))

    return c.once(("neighbours", space.name), compute), note, c


def _real_radii(space: Space, test: Sample, points: np.ndarray) -> np.ndarray:
    key = ("radii", space.name)
    if key not in test.memo:
        test.memo[key] = radii(space, points)
    return test.memo[key]


def _metric_of(space: Space, which: str, c: Comparison) -> Estimate | None:
    found, note, c = _found(space, c)
    if not isinstance(found, Neighbours):
        return found
    values = getattr(found, which)
    if isinstance(values, Reached):
        return values.estimate(len(c.sample), note)
    return mean(values, c.seed, note, (0, np.inf)) if which == "density" else share(values, note)


_NAEEM, _KYNK = "Naeem et al. 2020", "Kynkäänniemi et al. 2019"
_WHAT = (
    ("precision", "precise", "share of climbs within the 5-neighbour radius of some test climb", _KYNK),
    ("recall", "recalled", "share of test climbs within the 5-neighbour radius of some climb", _KYNK),
    (
        "density",
        "density",
        "mean number of test climbs in whose 5-neighbour radius a climb lies, / 5",
        _NAEEM,
    ),
    ("coverage", "covered", "share of test climbs with a climb within their 5-neighbour radius", _NAEEM),
)
_SEES = {
    "precision": ("holds replaced", "random climbs"),
    "recall": ("duplicated", "few ideas"),
    "density": ("random climbs",),
    "coverage": ("random climbs", "duplicated", "few ideas"),
}
assert K == 5  # the formulas above say so

METRICS = tuple(
    Metric(
        f"{name} ({space.name})",
        "climbs" if name == "density" else "share",
        "=" if name == "density" else "↑",
        f"{formula}, in {space.name} distance",
        source,
        partial(_metric_of, space, which),
        "train",
        "fidelity",
        300,
        sees=_SEES[name],
    )
    for space in SPACES
    for name, which, formula, source in _WHAT
)

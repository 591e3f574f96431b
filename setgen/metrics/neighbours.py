"""Precision, recall, density and coverage: do generated sets lie where real ones lie, and the reverse?

With r_k(x) the distance from x to its k-th nearest neighbour among its own kind, generated sets y, test
sets x:

    precision = share of y with d(y, x) < r_k(x) for some x        (Kynkäänniemi et al. 2019)
    recall    = share of x with d(x, y) < r_k(y) for some y
    density   = mean over y of #{x : d(y, x) < r_k(x)} / k         (Naeem et al. 2020)
    coverage  = share of x with d(x, y) < r_k(x) for some y

Distances between sets are fractions and often tie: a neighbour at exactly r_k is outside, as for `prdc`.

Precision and density are means over generated sets. Recall and coverage are means over test sets, yet
other generated sets would reach others of them; so their variance is the binomial one over test sets plus
the jackknife's over generated sets (Efron & Stein 1981): without a set, the test sets that it alone
reaches are lost. Radii are held fixed in that; letting them grow overrates the error by half (measured).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from setgen.metrics.context import Context, cached
from setgen.metrics.estimate import Estimate, mean, share, undefined
from setgen.metrics.features import JACCARD, SHAPE, FeatureSpace
from setgen.metrics.metric import metric

K = 5
MOST = 10_000
"""Sets of each kind that are compared; of more, a random sample of so many is taken."""


class Reached:
    """Which of T test sets are reached: by how many of the generated sets, and by which one last."""

    def __init__(self, tests: int) -> None:
        self.times = np.zeros(tests, dtype=np.int64)
        self.last = np.full(tests, -1)

    def add(self, first: int, near: np.ndarray) -> None:
        """near: (rows, T) bool, of the generated sets from number `first` on."""
        hit = near.any(0)
        self.times += near.sum(0)
        self.last[hit] = first + near[:, hit].argmax(0)

    def estimate(self, sets: int, note: str) -> Estimate:
        """The share of test sets that any of so many generated sets reaches."""
        alone = np.bincount(self.last[self.times == 1], minlength=sets) / len(self.times)
        jackknife = np.sqrt((sets - 1) / sets * np.square(alone - alone.mean()).sum())
        return replace(share(self.times > 0, note, besides=float(jackknife)), n=sets)


@dataclass(frozen=True)
class Neighbours:
    """precise, density: of the (C,) generated sets. recalled, covered: of the (T,) test sets."""

    precise: np.ndarray
    density: np.ndarray
    recalled: Reached
    covered: Reached


def radii(space: FeatureSpace, points: np.ndarray, k: int = K) -> np.ndarray:
    """(N,) float32 distance from each point to its k-th nearest other one; infinite where there are fewer."""
    n = points.shape[0]
    if n <= k:
        return np.full(n, np.inf, dtype=np.float32)
    found = np.empty(n, dtype=np.float32)
    for rows, block in space.distances(points, points):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0  # itself, whatever rounding says
        found[rows] = np.partition(block, k, axis=1)[:, k]
    return found


def neighbours(space: FeatureSpace, ours: np.ndarray, real: np.ndarray, real_radii: np.ndarray) -> Neighbours:
    """All four from one pass over the distances between (C,) generated and (T,) real points."""
    own_radii, tests = radii(space, ours), real.shape[0]
    inside, covered, recalled = np.zeros(ours.shape[0]), Reached(tests), Reached(tests)
    for rows, block in space.distances(ours, real):
        near_real = block < real_radii
        inside[rows] = near_real.sum(1)
        covered.add(rows.start, near_real)
        recalled.add(rows.start, block < own_radii[rows, None])
    return Neighbours(inside > 0, inside / K, recalled, covered)


@cached
def _real_radii(test: Context, space: FeatureSpace) -> np.ndarray:
    return radii(space, space.points(test))


@cached
def _neighbours(c: Context, space: FeatureSpace) -> Neighbours:
    return neighbours(space, *space.pair(c), _real_radii(c.test, space))


def _of(c: Context, space: FeatureSpace, which: str) -> Estimate:
    c, note = c.at_most(MOST)
    space.points(c)  # which may not exist
    if min(len(c), len(c.test_sets)) <= K:
        return undefined(f"wants more than {K} {c.words['sets']}", len(c))
    values = getattr(_neighbours(c, space), which)
    if isinstance(values, Reached):
        return values.estimate(len(c), note)
    return mean(values, c.seed, note, (0, np.inf)) if which == "density" else share(values, note)


_NAEEM, _KYNK = "Naeem et al. 2020", "Kynkäänniemi et al. 2019"
_NOISE, _COPIES = ("random {sets}",), ("duplicated", "few ideas")
_WHAT = (
    (
        *("precision", "precise", "share of {sets} within the 5-neighbour radius of some test {set}"),
        *(_KYNK, ("{items} replaced", *_NOISE)),
    ),
    (
        *("recall", "recalled", "share of test {sets} within the 5-neighbour radius of some {set}"),
        *(_KYNK, _COPIES),
    ),
    (
        *("density", "density", "mean number of test {sets} in whose 5-neighbour radius a {set} lies, / 5"),
        *(_NAEEM, _NOISE),
    ),
    (
        *("coverage", "covered", "share of test {sets} with a {set} within their 5-neighbour radius"),
        *(_NAEEM, _NOISE + _COPIES),
    ),
)
assert K == 5  # the formulas above say so


def neighbour_metrics(space: FeatureSpace) -> None:
    """Register precision, recall, density and coverage in a space of features."""
    for name, which, formula, source, sees in _WHAT:
        is_mean = name == "density"
        metric(
            name=f"{name} ({space.name})",
            unit="{sets}" if is_mean else "share",
            direction="=" if is_mean else "↑",
            formula=f"{formula}, in {space.name} distance",
            source=source,
            family="fidelity",
            needs=300,
            sees=sees,
            **space.requires,
        )(partial(_of, space=space, which=which))


for _space in (JACCARD, SHAPE):
    neighbour_metrics(_space)

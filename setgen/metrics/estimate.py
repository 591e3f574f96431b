"""Estimates with a standard error and a 95 % confidence interval, both from a bootstrap over sets.

One bootstrap serves all metrics: set i occurs w_bi times in resample b. Plug-in statistics of small samples
(a divergence, a distance between distributions) are biased upwards, and resampling adds as much bias again,
so intervals are the value plus the quantiles of the replicates *around their own mean*. Statistics that
compare sets with each other (nearest neighbours, kernels over pairs) cannot be resampled directly, for a
repeated set is its own neighbour: theirs resample the influence of each set instead, which is the
bootstrap of the statistic's linear part (Efron & Tibshirani 1993, ch. 22; Davison & Hinkley 1997, 2.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

BOOTSTRAPS = 200
"""Resamples: a standard error's own relative error is 1/√400, 5 %."""

_HELD = 50_000  # sets of which all resamples are held: 40 MB

Bounds = tuple[float, float]
ANY: Bounds = (-np.inf, np.inf)


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error (None where there is none), and the number of items it rests on.

    low, high: its 95 % confidence interval, None where there is none.
    """

    value: float
    standard_error: float | None
    n: int
    note: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def shown(self) -> str:
        """The value and, where there is one, its standard error: 4.315 ± 0.020."""
        error = "" if self.standard_error is None else f" ± {self.standard_error:.3f}"
        return f"{self.value:.3f}{error}"


@lru_cache(maxsize=4)
def resamples(n: int, seed: int) -> np.ndarray:
    """(BOOTSTRAPS, n) float32: how often each of n sets occurs in each resample. Read-only."""
    times = np.stack(list(_drawn(n, seed)))
    times.flags.writeable = False
    return times


def each_resample(n: int, seed: int) -> Iterator[np.ndarray]:
    """The rows (n,) of `resamples`; of very many sets one at a time, for all of them would fill the memory."""
    return iter(resamples(n, seed)) if n <= _HELD else _drawn(n, seed)


def _drawn(n: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng([seed, n])
    for _ in range(BOOTSTRAPS):
        yield np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float32)


def undefined(why: str, n: int = 0) -> Estimate:
    """NaN, with the reason: the generated sets do not allow the metric."""
    return Estimate(float("nan"), None, n, why)


def from_replicates(
    value: float, replicates: np.ndarray, n: int, note: str = "", bounds: Bounds = ANY
) -> Estimate:
    """From (B,) values of the statistic on B resamples; the interval is cut to the metric's own bounds."""
    replicates = np.asarray(replicates, dtype=np.float64)
    replicates = replicates[np.isfinite(replicates)]
    if min(n, len(replicates)) < 2:  # one set leaves nothing to resample
        return Estimate(float(value), None, n, note)
    around = replicates - replicates.mean()
    low, high = np.clip(value + np.quantile(around, [0.025, 0.975]), *bounds)
    return Estimate(float(value), float(around.std(ddof=1)), n, note, float(low), float(high))


def from_influence(
    value: float, influence: np.ndarray, seed: int, note: str = "", bounds: Bounds = ANY
) -> Estimate:
    """From (C,) influences: how much each set pulls the value, in units of the value, mean 0.

    The statistic on a resample is value + Σ_i w_i influence_i / C to first order, and its standard error
    sd(influence)/√C, which is what is reported.
    """
    n = len(influence)
    if n < 2:
        return Estimate(float(value), None, n, note)
    influence = np.asarray(influence, dtype=np.float64) - influence.mean()
    replicates = np.array([times @ influence for times in each_resample(n, seed)]) / n
    spread = from_replicates(value, replicates, n, note, bounds)
    error = float(influence.std(ddof=1) / np.sqrt(n))
    return Estimate(float(value), error, n, note, spread.low, spread.high)


def mean(values: np.ndarray, seed: int = 0, note: str = "", bounds: Bounds = ANY) -> Estimate:
    """The mean of (C,) values, with the standard error s/√C."""
    return from_influence(float(values.mean()), values - values.mean(), seed, note, bounds)


def ratio(values: np.ndarray, of: np.ndarray, seed: int = 0, note: str = "") -> Estimate:
    """The sum of (C,) values over the sum of (C,) `of`: all bits over all items, say.

    Its standard error is that of the ratio's linear part, values − ratio · of (Cochran 1977, 6.4).
    """
    value = float(values.sum() / of.sum())
    return from_influence(value, (values - value * of) / of.mean(), seed, note)


def symmetric(
    value: float, error: float, n: int, note: str = "", bounds: Bounds = ANY, errors: float = 1.96
) -> Estimate:
    """value ± so many standard errors, cut to the metric's own bounds."""
    low, high = np.clip([value - errors * error, value + errors * error], *bounds)
    return Estimate(float(value), float(error), n, note, float(low), float(high))


def share(hits: np.ndarray, note: str = "", besides: float = 0.0) -> Estimate:
    """The share of true entries of (C,) bool, k/C.

    Its standard error √(p̃(1 − p̃)/(C + 4)), p̃ = (k + 2)/(C + 4), is never 0: no hit in C sets does not
    mean that there will be none, and no bootstrap can know that (Agresti & Coull 1998). besides: the standard
    error of an independent second source, whose variance is added. The interval is p̃ ± 1.96 of both.
    """
    n = len(hits)
    p = (hits.sum() + 2) / (n + 4)
    error = np.hypot(np.sqrt(p * (1 - p) / (n + 4)), besides)
    low, high = np.clip([p - 1.96 * error, p + 1.96 * error], 0, 1)
    value = float(hits.mean())
    return Estimate(value, float(error), n, note, min(float(low), value), max(float(high), value))


def from_groups(value: float, without: np.ndarray, n: int, note: str = "", bounds: Bounds = ANY) -> Estimate:
    """From (G,) values of the statistic without each of G equal groups of sets, drawn at random.

    The delete-a-group jackknife, variance (G − 1)/G Σ (θ_g − θ̄)², for statistics that no linear part
    describes (Shao & Tu 1995, 2.3); the interval is Student's, with G − 1 degrees of freedom.
    """
    groups = len(without)
    error = float(np.sqrt((groups - 1) / groups * np.square(without - without.mean()).sum()))
    return symmetric(value, error, n, note, bounds, float(stats.t.ppf(0.975, groups - 1)))

"""Diversity: how much the climbs differ among themselves, and how much of the board they use."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln
from threadpoolctl import threadpool_limits

from setgen.evaluation.comparison import Comparison
from setgen.evaluation.estimate import (
    Estimate,
    from_groups,
    from_influence,
    from_replicates,
    resamples,
    undefined,
)
from setgen.evaluation.jaccard import distance_blocks, mean_to_others
from setgen.evaluation.metric import Metric

MOST_PAIRWISE = 10_000
"""Climbs compared pair by pair; of more, a random sample of so many is taken."""

RAREFIED = 50
"""Climbs whose holds are counted together for the coverage, so that it does not grow with their number."""

MOST_VENDI = 1000
"""Climbs behind a Vendi score, whose eigenvalues cost their cube."""

GROUPS = 20
"""Groups of climbs that are left out in turn for the Vendi score's error. Climbs are nearly as many as the
dimensions they span, so that the score is far from linear in them."""


def _internal(c: Comparison) -> Estimate:
    """A U-statistic of order 2: with h_i the mean distance of climb i to the others, the standard error is
    2 · sd(h)/√n to first order (Hoeffding 1948)."""
    some = c.sample.some(MOST_PAIRWISE, c.seed)
    if len(some) < 2:
        return undefined("needs two climbs", len(some))
    note = f"on {len(some)} of {len(c.sample)} climbs" if len(some) < len(c.sample) else ""
    to_others = mean_to_others(some.incidence)
    return from_influence(to_others.mean(), 2 * to_others, c.seed, note, (0, 1))


def rarefied(uses: np.ndarray, n: int, m: int) -> np.ndarray:
    """(..., V) uses, the number of n climbs that use each placement → (...) expected share of placements
    that m ≤ n of the climbs, drawn at random without replacement, use between them.

    A placement that k climbs use is missed with probability C(n − k, m) / C(n, m) (Hurlbert 1971).
    """
    k = np.asarray(uses, dtype=np.float64)
    rest = n - k
    log_missed = gammaln(rest + 1) - gammaln(np.maximum(rest - m, 0) + 1)
    log_missed -= gammaln(n + 1) - gammaln(n - m + 1)
    return (1 - np.where(rest >= m, np.exp(log_missed), 0.0)).mean(-1)


def _coverage(c: Comparison) -> Estimate:
    n, m = len(c.sample), min(RAREFIED, len(c.sample))
    value = float(rarefied(np.asarray(c.sample.incidence.sum(0)), n, m))
    again = rarefied(resamples(n, c.seed) @ c.sample.incidence, n, m)
    note = f"of {m} climbs" if m < RAREFIED else ""
    return from_replicates(value, again, n, note, bounds=(0, 1))


def vendi(kernel: np.ndarray) -> float:
    """exp of the entropy of the eigenvalues of kernel/n. kernel: (n, n) float64, ones on its diagonal."""
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def _vendi(c: Comparison) -> Estimate:
    some = c.sample.some(MOST_VENDI, c.seed)
    n = len(some)
    kernel = np.concatenate([1 - block for _, block in distance_blocks(some.elements, some.elements)])
    kernel = kernel.astype(np.float64)
    note = f"on {n} of {len(c.sample)} climbs" if n < len(c.sample) else ""
    group = np.random.default_rng([c.seed, n]).permutation(n) % min(GROUPS, n)
    with threadpool_limits(limits=1):  # the last digits of eigenvalues depend on the number of threads
        value = vendi(kernel)
        if n < 2:
            return Estimate(value, None, n, note)
        rest = [np.flatnonzero(group != g) for g in range(min(GROUPS, n))]
        without = [vendi(kernel[np.ix_(rows, rows)]) for rows in rest]
    return from_groups(value, np.array(without), n, note, (1, n))


METRICS = (
    Metric(
        "internal diversity",
        "Jaccard distance",
        "=",
        f"mean over pairs of climbs of 1 − |A ∩ B| / |A ∪ B|, over placements, of ≤ {MOST_PAIRWISE} climbs",
        "IntDiv₁, Benhenda 2017, on Jaccard 1901",
        _internal,
        "test",
        "diversity",
        sees=("duplicated",),
    ),
    Metric(
        "hold coverage",
        "share",
        "=",
        f"expected share of the board's placements that {RAREFIED} of the climbs use between them",
        "rarefaction, Hurlbert 1971; standard error by bootstrap over climbs",
        _coverage,
        "train",
        "diversity",
        sees=("few ideas",),
    ),
    Metric(
        "Vendi score",
        "climbs",
        "=",
        "exp(−Σ λ log λ), λ the eigenvalues of K/n, K_ij = |A ∩ B| / |A ∪ B| over (placement, role) pairs, "
        f"of ≤ {MOST_VENDI} climbs: how many different climbs there effectively are; grows with their number",
        "Friedman & Dieng 2023",
        _vendi,
        "train",
        "diversity",
        300,
        sees=("duplicated", "few ideas", "random climbs"),
    ),
)

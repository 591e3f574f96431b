"""Diversity: how much the sets differ among themselves, and how many of the items they use."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import gammaln
from threadpoolctl import threadpool_limits

from setgen.metrics.context import Context
from setgen.metrics.estimate import (
    Estimate,
    from_groups,
    from_influence,
    from_replicates,
    resamples,
    undefined,
)
from setgen.metrics.features import elements, incidence
from setgen.metrics.jaccard import distance_blocks, mean_to_others
from setgen.metrics.metric import metric

MOST_PAIRWISE = 10_000
"""Sets compared pair by pair; of more, a random sample of so many is taken."""

RAREFIED = 50
"""Sets whose items are counted together for the coverage, so that it does not grow with their number."""

MOST_VENDI = 1000
"""Sets behind a Vendi score, whose eigenvalues cost their cube."""

GROUPS = 20
"""Groups of sets that are left out in turn for the Vendi score's error. Sets are nearly as many as the
dimensions they span, so that the score is far from linear in them."""

_diversity = partial(metric, family="diversity", direction="=")


def _fewer(c: Context, most: int) -> tuple[Context, str]:
    some = c.fewer(most)
    return some, f"on {len(some)} of {len(c)} {c.words['sets']}" if len(some) < len(c) else ""


@_diversity(
    name="internal diversity",
    unit="Jaccard distance",
    floor="test",
    most=MOST_PAIRWISE,
    source="IntDiv₁, Benhenda 2017, on Jaccard 1901",
    sees=("duplicated",),
)
def internal_diversity(c: Context) -> Estimate:
    """Mean over pairs of {sets} of 1 − |A ∩ B| / |A ∪ B|, over {items}, of ≤ {most} {sets}.

    A U-statistic of order 2: with h_i the mean distance of set i to the others, the standard error is
    2 · sd(h)/√n to first order (Hoeffding 1948)."""
    some, note = _fewer(c, MOST_PAIRWISE)
    if len(some) < 2:
        return undefined(f"needs two {c.words['sets']}", len(some))
    to_others = mean_to_others(incidence(some))
    return from_influence(to_others.mean(), 2 * to_others, c.seed, note, (0, 1))


def rarefied(uses: np.ndarray, n: int, m: int) -> np.ndarray:
    """(..., V) uses, the number of n sets that use each item → (...) expected share of items that m ≤ n of
    the sets, drawn at random without replacement, use between them.

    An item that k sets use is missed with probability C(n − k, m) / C(n, m) (Hurlbert 1971).
    """
    k = np.asarray(uses, dtype=np.float64)
    rest = n - k
    log_missed = gammaln(rest + 1) - gammaln(np.maximum(rest - m, 0) + 1)
    log_missed -= gammaln(n + 1) - gammaln(n - m + 1)
    return (1 - np.where(rest >= m, np.exp(log_missed), 0.0)).mean(-1)


@_diversity(
    name="{item} coverage",
    unit="share",
    most=RAREFIED,
    source="rarefaction, Hurlbert 1971; standard error by bootstrap over {sets}",
    sees=("few ideas",),
)
def coverage(c: Context) -> Estimate:
    """Expected share of the {space}'s {items} that {most} of the {sets} use between them."""
    n, m, uses = len(c), min(RAREFIED, len(c)), incidence(c)
    value = float(rarefied(np.asarray(uses.sum(0)), n, m))
    again = rarefied(resamples(n, c.seed) @ uses, n, m)
    note = f"of {m} {c.words['sets']}" if m < RAREFIED else ""
    return from_replicates(value, again, n, note, bounds=(0, 1))


def vendi(kernel: np.ndarray) -> float:
    """exp of the entropy of the eigenvalues of kernel/n. kernel: (n, n) float64, ones on its diagonal."""
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


@_diversity(
    name="Vendi score",
    unit="{sets}",
    needs=300,
    most=MOST_VENDI,
    source="Friedman & Dieng 2023",
    sees=("duplicated", "few ideas", "random {sets}"),
)
def vendi_score(c: Context) -> Estimate:
    """exp(−Σ λ log λ), λ the eigenvalues of K/n, K_ij = |A ∩ B| / |A ∪ B| over ({item}, {label}) pairs, of
    ≤ {most} {sets}: how many different {sets} there effectively are; grows with their number."""
    some, note = _fewer(c, MOST_VENDI)
    n, own = len(some), elements(some)
    kernel = np.concatenate([1 - block for _, block in distance_blocks(own, own)]).astype(np.float64)
    group = np.random.default_rng([c.seed, n]).permutation(n) % min(GROUPS, n)
    with threadpool_limits(limits=1):  # the last digits of eigenvalues depend on the number of threads
        value = vendi(kernel)
        if n < 2:
            return Estimate(value, None, n, note)
        rest = [np.flatnonzero(group != g) for g in range(min(GROUPS, n))]
        without = [vendi(kernel[np.ix_(rows, rows)]) for rows in rest]
    return from_groups(value, np.array(without), n, note, (1, n))

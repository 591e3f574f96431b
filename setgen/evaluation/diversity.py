"""Diversity: how much the climbs differ among themselves, and how much of the board they use."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from setgen.evaluation.comparison import Comparison
from setgen.evaluation.estimate import Estimate, from_influence, from_replicates, resamples, undefined
from setgen.evaluation.jaccard import distance_blocks, mean_to_others
from setgen.evaluation.metric import Metric

MOST_PAIRWISE = 10_000
"""Climbs compared pair by pair; of more, a random sample of so many is taken."""

MOST_VENDI = 1000
"""Climbs behind a Vendi score, whose eigenvalues cost their cube."""


def _internal(c: Comparison) -> Estimate:
    """A U-statistic of order 2: with h_i the mean distance of climb i to the others, the standard error is
    2 · sd(h)/√n to first order (Hoeffding 1948)."""
    some = c.sample.some(MOST_PAIRWISE, c.seed)
    if len(some) < 2:
        return undefined("needs two climbs", len(some))
    note = f"on {len(some)} of {len(c.sample)} climbs" if len(some) < len(c.sample) else ""
    to_others = mean_to_others(some.incidence)
    return from_influence(to_others.mean(), 2 * to_others, c.seed, note, (0, 1))


def _coverage(c: Comparison) -> Estimate:
    used = resamples(len(c.sample), c.seed) @ c.sample.incidence > 0
    value = float((c.sample.incidence.sum(0) > 0).mean())
    return from_replicates(value, used.mean(1), len(c.sample), bounds=(0, 1))


def _vendi(c: Comparison) -> Estimate:
    """The influence of climb i on the entropy H of the kernel operator ρ = mean φφᵀ is
    −φ_iᵀ log ρ φ_i − H, and φ_iᵀ log ρ φ_i = Σ_k log λ_k · n λ_k v_ki², λ_k, v_k the spectrum of K/n."""
    some = c.sample.some(MOST_VENDI, c.seed)
    n = len(some)
    kernel = np.concatenate([1 - block for _, block in distance_blocks(some.elements, some.elements)])
    with threadpool_limits(limits=1):  # the last digits of eigenvalues depend on the number of threads
        values, vectors = np.linalg.eigh(kernel.astype(np.float64) / n)
    kept = values > 1e-12
    values, vectors = values[kept], vectors[:, kept]
    entropy = float(-(values * np.log(values)).sum())
    own = -(np.square(vectors) * (n * values * np.log(values))).sum(1)
    note = f"on {n} of {len(c.sample)} climbs" if n < len(c.sample) else ""
    vendi = float(np.exp(entropy))
    return from_influence(vendi, vendi * (own - entropy), c.seed, note, (1, n))


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
        sees=("few ideas",),
    ),
    Metric(
        "hold coverage",
        "share",
        "=",
        "share of the board's placements that some climb uses; grows with the number of climbs",
        "the design notes; standard error by bootstrap over climbs",
        _coverage,
        "train",
        "diversity",
        sees=("duplicated",),
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

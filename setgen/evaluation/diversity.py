"""Diversity: how much the climbs differ among themselves, and how much of the board they use."""

from __future__ import annotations

import numpy as np

from setgen.evaluation.jaccard import mean_to_others
from setgen.evaluation.metric import Comparison, Estimate, Metric

MOST_PAIRWISE = 10_000
"""Climbs compared pair by pair; of more, a random sample of so many is taken."""


def _internal(c: Comparison) -> Estimate:
    """A U-statistic of order 2: with h_i the mean distance of climb i to the others, the standard error is
    2 · sd(h)/√n to first order (Hoeffding 1948)."""
    sets, n, note = c.sample.incidence, len(c.sample), ""
    if n < 2:
        return Estimate(float("nan"), None, n, "needs two climbs")
    if n > MOST_PAIRWISE:
        rows = np.random.default_rng([c.seed, n]).choice(n, MOST_PAIRWISE, replace=False)
        sets, note = sets[np.sort(rows)], f"on {MOST_PAIRWISE} climbs drawn from {n}"
    to_others = mean_to_others(sets)
    error = 2 * to_others.std(ddof=1) / np.sqrt(len(to_others))
    return Estimate(float(to_others.mean()), float(error), len(to_others), note)


def _coverage(c: Comparison) -> Estimate:
    used = c.resamples() @ c.sample.incidence > 0
    value = float((c.sample.incidence.sum(0) > 0).mean())
    return Estimate(value, float(used.mean(1).std(ddof=1)), len(c.sample))


METRICS = (
    Metric(
        "internal diversity",
        "Jaccard distance",
        "=",
        f"mean over pairs of climbs of 1 − |A ∩ B| / |A ∪ B|, over placements, of ≤ {MOST_PAIRWISE} climbs",
        "IntDiv₁, Benhenda 2017, on Jaccard 1901",
        _internal,
        "test",
    ),
    Metric(
        "hold coverage",
        "share",
        "=",
        "share of the board's placements that some climb uses; grows with the number of climbs",
        "the design notes; standard error by bootstrap over climbs",
        _coverage,
        "train",
    ),
)

"""Uniqueness and novelty: are the climbs different from each other, and from the training climbs?

Test climbs share no hold set with the training climbs (that is how the data is split), so real climbs
score a novelty of 1; how near they come to a training climb is the floor that tells most.
"""

from __future__ import annotations

import numpy as np

from setgen.boards.identity import element_prints
from setgen.evaluation.comparison import Comparison
from setgen.evaluation.estimate import Estimate, from_influence, mean, share
from setgen.evaluation.jaccard import nearest
from setgen.evaluation.metric import Metric
from setgen.sets.identity import fingerprints


def _unique(c: Comparison) -> Estimate:
    """Distinct climbs over climbs. Leaving out a climb that occurs once takes one off the distinct ones,
    leaving out a copy takes none: the jackknife's standard error is √(q(1 − q)/(n − 1)), q the share of
    climbs that occur once (Efron & Stein 1981). No copy at all is a share without a miss."""
    _, which, counts = np.unique(element_prints(c.sample.sets), return_inverse=True, return_counts=True)
    once = counts[which] == 1
    if once.all():
        return share(once)
    return from_influence(len(counts) / len(c.sample), once, c.seed, bounds=(0, 1))


def _novel(c: Comparison) -> Estimate:
    known = fingerprints(c.board, c.train.sets)
    return share(~np.isin(fingerprints(c.board, c.sample.sets), known))


def _nearest(c: Comparison) -> Estimate:
    apart = nearest(c.sample.incidence, c.train.incidence)[0]
    if c.board.mirror is not None:  # a mirror image of a training climb is a copy of it
        apart = np.minimum(apart, nearest(c.sample.incidence[:, c.board.mirror], c.train.incidence)[0])
    return mean(apart.astype(np.float64), c.seed, bounds=(0, 1))


METRICS = (
    Metric(
        "unique",
        "share",
        "↑",
        "distinct sets of (placement, role) / climbs",
        "uniqueness@k, Polykovskiy et al. 2020 (MOSES)",
        _unique,
        "train",
        "novelty",
        sees=("duplicated",),
    ),
    Metric(
        "novel",
        "share",
        "↑",
        "share of climbs whose hold set, roles aside, is no training climb's nor, on a board that mirrors, "
        "the mirror image of one",
        "novelty, Polykovskiy et al. 2020 (MOSES)",
        _novel,
        "test",
        "novelty",
        sees=("training copied",),
    ),
    Metric(
        "nearest training climb",
        "Jaccard distance",
        "=",
        "mean over climbs A of min over training climbs T, and their mirror images where the board mirrors, "
        "of 1 − |A ∩ T| / |A ∪ T|, over placements",
        "the complement of SNN, Polykovskiy et al. 2020 (MOSES), on Jaccard 1901",
        _nearest,
        "test",
        "novelty",
        sees=("training copied", "holds replaced", "random climbs"),
    ),
)

"""Uniqueness and novelty: are the sets different from each other, and from the training sets?

Where data is split by sets of items, test sets are no training sets, so that real sets score a novelty of 1;
how near they come to a training set is the floor that tells most.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from setgen.metrics.context import Context, per_set
from setgen.metrics.estimate import Estimate, from_influence, mean, share
from setgen.metrics.features import incidence
from setgen.metrics.jaccard import nearest
from setgen.metrics.metric import metric
from setgen.sets.identity import element_prints, fingerprints

_novelty = partial(metric, family="novelty")
_MOSES = "Polykovskiy et al. 2020 (MOSES)"


@_novelty(name="unique", unit="share", direction="↑", source=f"uniqueness@k, {_MOSES}", sees=("duplicated",))
def unique(c: Context) -> Estimate:
    """Distinct sets of ({item}, {label}) / {sets}.

    Leaving out a set that occurs once takes one off the distinct ones, leaving
    out a copy takes none: the jackknife's standard error is √(q(1 − q)/(n − 1)), q the share of sets that
    occur once (Efron & Stein 1981). No copy at all is a share without a miss."""
    _, which, counts = np.unique(element_prints(c.sets), return_inverse=True, return_counts=True)
    once = counts[which] == 1
    if once.all():
        return share(once)
    return from_influence(len(counts) / len(c), once, c.seed, bounds=(0, 1))


@_novelty(
    name="novel",
    unit="share",
    direction="↑",
    floor="test",
    source=f"novelty, {_MOSES}",
    sees=("training copied",),
)
def novel(c: Context) -> Estimate:
    """Share of {sets} whose set of {items}, {labels} aside, is no training {set}'s nor, on a {space} that
    mirrors, the mirror image of one."""
    return share(_new(c)["new"])


@_novelty(
    name="nearest training {set}",
    unit="Jaccard distance",
    direction="=",
    floor="test",
    source=f"the complement of SNN, {_MOSES}, on Jaccard 1901",
    sees=("training copied", "{items} replaced", "random {sets}"),
)
def nearest_training_set(c: Context) -> Estimate:
    """Mean over {sets} A of min over training {sets} T, and their mirror images where the {space} mirrors, of
    1 − |A ∩ T| / |A ∪ T|, over {items}."""
    return mean(_apart(c)["apart"].astype(np.float64), c.seed, bounds=(0, 1))


@per_set
def _new(c: Context) -> dict[str, np.ndarray]:
    known = fingerprints(c.space, c.train.sets)
    return {"new": ~np.isin(fingerprints(c.space, c.sets), known)}


@per_set
def _apart(c: Context) -> dict[str, np.ndarray]:
    own, known, mirror = incidence(c), incidence(c.train), c.space.mirror_items
    apart = nearest(own, known)[0]
    if mirror is not None:  # a mirror image of a training set is a copy of it
        apart = np.minimum(apart, nearest(own[:, mirror], known)[0])
    return {"apart": apart}

"""Validity: do the sets keep to the space's own bounds?"""

from __future__ import annotations

from functools import partial

import numpy as np

from setgen.metrics.context import Context, samples
from setgen.metrics.estimate import Estimate, share
from setgen.metrics.features import label_counts
from setgen.metrics.metric import metric
from setgen.sets.identity import repeats
from setgen.sets.sets import Sets
from setgen.sets.space import Space


def legal(space: Space, sets: Sets) -> np.ndarray:
    """(C,) bool: known items and labels, no item twice, as many items and of each label as are allowed."""
    sets = sets.ordered()
    known = (sets.item >= 0) & (sets.item < len(space)) & (sets.label >= 0) & (sets.label < space.n_labels)
    known[known] = space.label_occurs[sets.label[known]]
    bad = np.bincount(sets.owner[~known | repeats(sets)], minlength=len(sets)) > 0
    bounds = [(sets.sizes, *space.sizes)]
    bounds += [(label_counts(sets, r), *space.label_bounds[r]) for r in range(space.n_labels)]
    return ~np.any([bad, *((have < least) | (have > most) for have, least, most in bounds)], axis=0)


_validity = partial(metric, family="validity", unit="share", direction="↑", source="the {space}'s own bounds")


@_validity(name="legal", floor="test", sees=("rules broken",))
def legal_share(c: Context) -> Estimate:
    """Share of {sets} that break no hard rule: known {items} and {labels}, none twice, sizes and {labels}
    within bounds."""
    return share(legal(c.space, c.raw))


@_validity(name="legal without masks", floor="none", needs_generator=True)
def legal_without_masks(c: Context) -> Estimate:
    """Share of {sets}, sampled with legality masks off, that break no hard rule."""
    return share(legal(c.space, samples(c, False)))

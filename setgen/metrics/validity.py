"""Validity: do the sets keep to the space's own bounds, and which of them do they break?"""

from __future__ import annotations

from functools import partial

import numpy as np

from setgen.metrics.context import Context, per_set, samples
from setgen.metrics.estimate import Estimate, share
from setgen.metrics.metric import metric
from setgen.sets.bounds import broken_bounds, legal
from setgen.sets.sets import Sets
from setgen.sets.space import Space


@per_set
def _broken(c: Context) -> dict[str, np.ndarray]:
    return broken_bounds(c.space, c.raw)


def rules_of(space: Space) -> list[tuple[str, str]]:
    """The names of the space's hard rules."""
    return [(rule, rule) for rule in broken_bounds(space, Sets.of(space, []))]


_validity = partial(metric, family="validity", unit="share", source="the {space}'s own bounds")


@_validity(name="legal", direction="↑", floor="test", sees=("rules broken",))
def legal_share(c: Context) -> Estimate:
    """Share of {sets} that break no hard rule."""
    return share(~np.any(list(_broken(c).values()), axis=0))


@_validity(name="illegal: {each}", floor="test", sees=("rules broken",), over=rules_of)
def illegal_share(c: Context, rule: str) -> Estimate:
    """Share of {sets} with: {each}."""
    return share(_broken(c)[rule])


@_validity(name="legal without masks", direction="↑", floor="none", needs_generator=True)
def legal_without_masks(c: Context) -> Estimate:
    """Share of {sets}, sampled with legality masks off, that break no hard rule."""
    return share(legal(c.space, samples(c, False)))

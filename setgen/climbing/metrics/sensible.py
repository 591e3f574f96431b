"""Are the climbs sensible? Soft rules, calibrated on training climbs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.metrics.grader import why_no_grader
from setgen.climbing.metrics.shape import board_of, climb_geometry, climbs_of
from setgen.climbing.sensible import SOFT_RULES, TAIL, SensibleRules
from setgen.metrics.context import Context, cached, per_set
from setgen.metrics.estimate import Estimate, share
from setgen.metrics.evaluate import details_of
from setgen.metrics.metric import Unavailable, metric


def sensible_rules(c: Context) -> SensibleRules:
    """Fitted on all rows of the training climbs."""
    return _fitted(c.train)


@cached
def _fitted(train: Context) -> SensibleRules:
    return SensibleRules.fit(board_of(train), train.raw if train.data is None else train.data.part("train"))


@partial(per_set, space=Board)
def _broken(c: Context) -> dict[str, np.ndarray]:
    return sensible_rules(c).broken(climbs_of(c), climb_geometry(c))


def _soft(c: Context, rule: str) -> Estimate:
    broken = _broken(c)
    if rule not in broken:
        raise Unavailable("no training climb has what the rule looks at")
    return share(broken[rule])


_soft_rule = partial(
    metric,
    family="validity",
    unit="share",
    direction="=",
    floor="test",
    space=Board,
    source=f"percentiles of the training climbs, {TAIL:g} % beyond each threshold",
)


@_soft_rule(name="sensible", sees=("random climbs", "roles swapped", "top row piled"))
def sensible(c: Context) -> Estimate:
    """Share of climbs that break no soft rule."""
    broken = list(_broken(c).values())
    if not broken:
        raise Unavailable("no training climb has what the rules look at")
    return share(~np.any(broken, axis=0))


# Random holds change no climb's size and lie in no row; two finishes are rare.
_DAMAGES = {
    "start high up": ("random climbs", "starts on top"),
    "little height gained": ("random climbs", "starts on top"),
    "hop too long": ("random climbs", "hand out of reach"),
    "finishes far apart": ("finishes apart",),
    "pile on the top row": ("top row piled",),
    "foot out of use": ("random climbs", "foot on top", "top row piled"),
    "unusually few holds": ("rules broken",),
    "unusually many holds": ("rules broken",),
}

for _rule in SOFT_RULES:
    _soft_rule(
        name=f"not sensible: {_rule}",
        formula=f"share of climbs with: {_rule}",
        sees=_DAMAGES.get(_rule, ("random climbs",)),
    )(partial(_soft, rule=_rule))


@details_of.register
def _details(space: Board, c: Context) -> dict[str, Any]:
    return {"no grader": why_no_grader(c), "soft_rules": sensible_rules(c).to_json()}

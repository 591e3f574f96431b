"""Validity on two levels: legal (the app's hard rules) and sensible (calibrated soft rules)."""

from __future__ import annotations

from functools import partial

import numpy as np

from setgen.boards.rules import broken_rules, legal
from setgen.boards.sensible import SOFT_RULES, TAIL
from setgen.evaluation.comparison import Comparison
from setgen.evaluation.estimate import Estimate, share
from setgen.evaluation.metric import Metric
from setgen.evaluation.trial import Trial

HARD_RULES = (
    *("unknown hold", "unknown role", "a hold twice", "too few holds", "too many holds"),
    *("too few starts", "too many starts", "too few finishes", "too many finishes"),
)


def _legal(c: Comparison) -> Estimate:
    return share(legal(c.board, c.sample.climbs))


def _hard(rule: str, c: Comparison) -> Estimate:
    return share(broken_rules(c.board, c.sample.climbs)[rule])


def _sensible(c: Comparison) -> Estimate | None:
    broken = list(c.rules.broken(c.sample.climbs, c.sample.geometry).values())
    return share(~np.any(broken, axis=0)) if broken else None


def _legal_unmasked(trial: Trial) -> Estimate:
    return share(legal(trial.dataset.board, trial.unmasked))


def _soft(rule: str, c: Comparison) -> Estimate | None:
    broken = c.rules.broken(c.sample.climbs, c.sample.geometry)
    return share(broken[rule]) if rule in broken else None


# Random holds change no climb's size.
_SEEN = dict.fromkeys(("unusually few holds", "unusually many holds"), ("rules broken",))
_APP = "the board apps' own limits"
_DATA = f"percentiles of the training climbs, {TAIL:g} % beyond each threshold"

METRICS = (
    Metric(
        "legal",
        "share",
        "↑",
        "share of climbs that break no hard rule",
        _APP,
        _legal,
        "test",
        "validity",
        sees=("rules broken",),
    ),
    *(
        Metric(
            f"illegal: {rule}",
            "share",
            "↓",
            f"share of climbs with: {rule}",
            _APP,
            partial(_hard, rule),
            "test",
            "validity",
            sees=("rules broken",),
        )
        for rule in HARD_RULES
    ),
    Metric(
        "sensible",
        "share",
        "=",
        "share of climbs that break no soft rule",
        _DATA,
        _sensible,
        "test",
        "validity",
        sees=("random climbs", "roles swapped"),
    ),
    *(
        Metric(
            f"not sensible: {rule}",
            "share",
            "=",
            f"share of climbs with: {rule}",
            _DATA,
            partial(_soft, rule),
            "test",
            "validity",
            sees=_SEEN.get(rule, ("random climbs",)),
        )
        for rule in SOFT_RULES
    ),
)

MODEL_METRICS = (
    Metric(
        "legal without masks",
        "share",
        "↑",
        "share of climbs, sampled with legality masks off, that break no hard rule",
        _APP,
        _legal_unmasked,
        "none",
        "validity",
    ),
)

"""Sensible climbs: soft rules whose thresholds are percentiles of real climbs, never typed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.geometry import Geometry, as_sets, geometry
from setgen.climbing.roles import Role
from setgen.errors import InputError

TAIL = 1.0
"""Per cent of real climbs beyond each threshold: 99 % of them keep each rule."""


def _size(board: Board, climbs: Climbs, shape: Geometry) -> np.ndarray:
    return as_sets(board, climbs).sizes.astype(np.float64)


def _feature(name: str, board: Board, climbs: Climbs, shape: Geometry) -> np.ndarray:
    return getattr(shape, name)


def _with_others(climbs: Climbs, holds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each of some holds with every hold of its climb, itself included: which of them, and the other one."""
    first, sizes = (values[climbs.owner[holds]] for values in (climbs.offsets[:-1], climbs.sizes))
    which = np.repeat(np.arange(len(holds)), sizes)
    return which, np.arange(len(which)) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)


def _largest(climbs: Climbs, holds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(C,) the largest of the values of some holds in each climb; NaN where there is none."""
    found = np.full(len(climbs), np.nan)
    np.fmax.at(found, climbs.owner[holds], values)
    return found


def _idle_foot(board: Board, climbs: Climbs, shape: Geometry) -> np.ndarray:
    """(C,) inches from the foot hold that is least of use to the nearest hand hold above it; NaN without foot holds.

    Of a foot hold that no hand hold is above: the diagonal of the board."""
    climbs = as_sets(board, climbs)
    left, right, bottom, top = board.extent
    feet = np.flatnonzero(climbs.role == Role.FOOT)
    which, other = _with_others(climbs, feet)
    apart = board.xy[climbs.placement[other]] - board.xy[climbs.placement[feet[which]]]
    above = (climbs.role[other] != Role.FOOT) & (apart[:, 1] > 0)
    nearest = np.full(len(feet), np.hypot(right - left, top - bottom))
    np.minimum.at(nearest, which[above], np.linalg.norm(apart[above], axis=1))
    return _largest(climbs, feet, nearest)


def _finish_distance(board: Board, climbs: Climbs, shape: Geometry) -> np.ndarray:
    """(C,) the largest distance between two finishes in inches, 0 with one; NaN without."""
    climbs = as_sets(board, climbs)
    finishes = np.flatnonzero(climbs.role == Role.FINISH)
    which, other = _with_others(climbs, finishes)
    one = finishes[which]
    apart = np.linalg.norm(board.xy[climbs.placement[other]] - board.xy[climbs.placement[one]], axis=1)
    return _largest(climbs, one, np.where(climbs.role[other] == Role.FINISH, apart, np.nan))


def _top_row(board: Board, climbs: Climbs, shape: Geometry) -> np.ndarray:
    """(C,) the share of the holds that lie as high as any of the board does; NaN without a finish."""
    climbs = as_sets(board, climbs)
    high = board.xy[climbs.placement, 1] == board.xy[:, 1].max()
    share = np.bincount(climbs.owner[high], minlength=len(climbs)) / np.maximum(climbs.sizes, 1)
    return np.where(np.isnan(_finish_distance(board, climbs, shape)), np.nan, share)


# rule → (the feature it looks at, unit, the tail that breaks it, (board, climbs, geometry) → (C,) values)
_RULES: dict[str, tuple[str, str, Literal["low", "high"], Callable[..., np.ndarray]]] = {
    "starts far apart": ("start_distance", "inches", "high", partial(_feature, "start_distance")),
    "start high up": ("lowest_start", "inches", "high", partial(_feature, "lowest_start")),
    "little height gained": ("height_progress", "inches", "low", partial(_feature, "height_progress")),
    "hop too long": ("largest_hop", "inches", "high", partial(_feature, "largest_hop")),
    "finishes far apart": ("finish_distance", "inches", "high", _finish_distance),
    "pile on the top row": ("top_row", "share of the holds", "high", _top_row),
    "feet too far": ("foot_support", "inches", "high", partial(_feature, "foot_support")),
    "foot out of use": ("idle_foot", "inches", "high", _idle_foot),
    "unusually few holds": ("size", "holds", "low", _size),
    "unusually many holds": ("size", "holds", "high", _size),
}
SOFT_RULES = tuple(_RULES)


@dataclass(frozen=True)
class SensibleRule:
    """One rule as calibrated: a climb breaks it when `feature` lies beyond `threshold` on side `tail`.

    percentile: which percentile of the training climbs the threshold is. undefined: the share of
    training climbs on which the feature is undefined (a single start has no distance to another).
    """

    name: str
    feature: str
    unit: str
    tail: Literal["low", "high"]
    percentile: float
    threshold: float
    undefined: float

    def broken(self, values: np.ndarray) -> np.ndarray:
        """(C,) bool. An undefined value breaks the rule where it is rarer in real climbs than the tail is."""
        beyond = values > self.threshold if self.tail == "high" else values < self.threshold
        return beyond | (np.isnan(values) & (100 * self.undefined < TAIL))


@dataclass(frozen=True)
class SensibleRules:
    """Soft rules of one board, calibrated on its training climbs."""

    board: Board
    rules: tuple[SensibleRule, ...]

    @classmethod
    def fit(cls, board: Board, climbs: Climbs) -> SensibleRules:
        """Thresholds at the 1st or 99th percentile of `climbs`; rules undefined on this board are out."""
        shape = geometry(board, climbs)
        rules = []
        for name, (feature, unit, tail, values_of) in _RULES.items():
            values = values_of(board, climbs, shape)
            defined = values[~np.isnan(values)]
            if len(defined):
                percentile = 100 - TAIL if tail == "high" else TAIL
                threshold = float(np.percentile(defined, percentile))
                undefined = 1 - len(defined) / len(values)
                rules.append(SensibleRule(name, feature, unit, tail, percentile, threshold, undefined))
        return cls(board, tuple(rules))

    def broken(self, climbs: Climbs, shape: Geometry | None = None) -> dict[str, np.ndarray]:
        """Rule → (C,) bool, True where the climb breaks it. `shape`: their geometry, if at hand."""
        shape = geometry(self.board, climbs) if shape is None else shape
        return {
            rule.name: rule.broken(_RULES[rule.name][-1](self.board, climbs, shape)) for rule in self.rules
        }

    def sensible(self, climbs: Climbs) -> np.ndarray:
        """(C,) bool: the climb breaks no soft rule. It may still be illegal; see `rules.legal`."""
        broken = list(self.broken(climbs).values())
        return ~np.any(broken, axis=0) if broken else np.ones(len(climbs), dtype=bool)

    def to_json(self) -> list[dict[str, Any]]:
        """The thresholds, with their percentiles, for a report or a file."""
        return [asdict(rule) for rule in self.rules]

    @classmethod
    def from_json(cls, board: Board, data: list[dict[str, Any]]) -> SensibleRules:
        """What `to_json` gave. Raises InputError when it is something else."""
        try:
            rules = tuple(SensibleRule(**rule) for rule in data)
        except TypeError:
            rules = ()
        if not rules or any(rule.name not in _RULES for rule in rules):
            raise InputError("these are no sensible rules that setgen wrote")
        return cls(board, rules)

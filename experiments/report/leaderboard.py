"""The leaderboard: a dozen headline metrics, each cell with its interval and how far from the floor it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.report.content import Report
from experiments.report.table import CLOSE, Cell, Family, Row, difference_error, families

HEADLINES = (
    "bits per hold",
    "legal without masks",
    "sensible",
    "novel",
    "nearest training climb",
    "internal diversity",
    "hold usage",
    "transport distance",
    "MMD (Jaccard)",
    "Fréchet distance (shape)",
    "Fréchet distance (learned)",
    "two-sample AUC (trees)",
    "two-sample AUC (Deep Sets)",
    "grade error ratio",
    "bits per hidden hold (50 % hidden)",
    "recall@10 (50 % hidden)",
)
"""One to five a family; those that were not measured are skipped."""

_UNNAMED = 2  # headlines of a family that HEADLINES does not know: the first that say what is better

NEAR, OFF, FAR = CLOSE, 10.0, 40.0
"""Bounds of the classes, in standard errors of value and floor together."""

CLASSES = {
    "at": ("●●●", "at the floor: within 2 standard errors of it"),
    "near": ("●●○", "near: 2 to 10 standard errors from the floor"),
    "off": ("●○○", "off: 10 to 40 standard errors from the floor"),
    "far": ("○○○", "far: more than 40 standard errors from the floor"),
}
"""Class → its mark, which reads without colour, and its meaning."""


@dataclass(frozen=True)
class Place:
    """One cell. distance: to the floor in standard errors, or to the best model where there is no floor."""

    cell: Cell
    distance: float | None
    kind: str  # a key of CLASSES, or empty where no distance exists


@dataclass(frozen=True)
class Line:
    row: Row
    family: str
    to_best: bool  # there is no floor, so the distance is to the best model
    places: Sequence[Place]


def leaderboard(report: Report) -> list[Line]:
    """The headline metrics that were measured, in the order of HEADLINES; of any other family two."""
    table = families(report)
    rows = {row.metric.name: (row, family.heading) for family in table for row in family.rows}
    names = [name for name in HEADLINES if name in rows]
    names += [name for family in table for name in _stand_ins(family)]
    return [_line(report, *rows[name]) for name in names]


def _stand_ins(family: Family) -> list[str]:
    """Headlines of a family that HEADLINES names none of."""
    names = [row.metric.name for row in family.rows if row.metric.direction != "none"]
    return [] if family.name == "cost" or set(names) & set(HEADLINES) else names[:_UNNAMED]


def class_of(distance: float) -> str:
    return next((k for k, most in (("at", NEAR), ("near", OFF), ("off", FAR)) if distance <= most), "far")


def _line(report: Report, row: Row, family: str) -> Line:
    best = next((i for i, c in enumerate(row.cells) if c.mark == "best"), None)
    places = []
    for i, cell in enumerate(row.cells):
        distance = None
        if row.floor is not None:
            # A few seeds may agree by luck: their error is no less than what climbs leave open.
            own = max(cell.standard_error or 0.0, cell.own_error or 0.0)
            error = math.hypot(own, row.floor_error or 0.0)
            distance = _distance(cell, row.floor, error, row.metric.direction)
        elif best is not None:  # paired where the metric is, as in the summary
            error = difference_error(report, row.metric.name, row.cells, i, best)
            distance = _distance(cell, row.cells[best].mean, error, row.metric.direction)
        places.append(Place(cell, distance, "" if distance is None else class_of(distance)))
    return Line(row, family, row.floor is None, places)


def _distance(cell: Cell, target: float | None, error: float, direction: str) -> float | None:
    """|value − target| in standard errors; 0 where the value is on the good side of the target."""
    if cell.infinite:
        return math.inf
    if cell.mean is None or target is None:
        return None
    gap = cell.mean - target
    if (direction == "up" and gap >= 0) or (direction == "down" and gap <= 0):
        return 0.0
    if math.isclose(gap, 0, abs_tol=1e-6):
        return 0.0
    return abs(gap) / error if error > 0 else math.inf

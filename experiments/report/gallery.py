"""Climbs of each model beside real ones at the same angle and grade, taken by rule and not by eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.report.content import Report
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import UNKNOWN, grade_name


@dataclass(frozen=True)
class Shelf:
    """One condition and the climbs at it: (label, climb or None) for the real ones, then each model."""

    angle: int
    grade: int
    climbs: list[tuple[str, Climb | None]]

    @property
    def title(self) -> str:
        return condition_title(self.angle, self.grade)


def condition_title(angle: int, grade: int) -> str:
    """`40° · 7a/V6`, with words where one is not given."""
    return " · ".join(
        [
            f"{angle}°" if angle != UNKNOWN else "any angle",
            grade_name(grade) if grade != UNKNOWN else "any grade",
        ]
    )


def shelves(report: Report, most: int = 6) -> list[Shelf]:
    """Up to `most` conditions, spread evenly over the grades; of each source the first climb at each.

    Conditions are those of real climbs at which every model with samples drew one too; where there is
    none, those at which any did.
    """
    columns = [(m.label, m.samples) for m in report.models if m.samples is not None]
    if not columns:
        return []
    sets = [set(_conditions(climbs)) for _, climbs in columns]
    real = set(_conditions(report.real))
    shared = sorted(real.intersection(*sets) or real.intersection(set().union(*sets)))
    shared.sort(key=lambda c: (c[1], c[0]))  # by grade, then angle
    if not shared:
        return []
    chosen = np.unique(np.linspace(0, len(shared) - 1, most).round().astype(int))
    sources = [("real", report.real), *columns]
    return [
        Shelf(angle, grade, [(label, _first_at(climbs, angle, grade)) for label, climbs in sources])
        for angle, grade in (shared[i] for i in chosen)
    ]


def _conditions(climbs: Climbs) -> list[tuple[int, int]]:
    return list(zip(climbs.angle.tolist(), climbs.grade.tolist(), strict=True))


def _first_at(climbs: Climbs, angle: int, grade: int) -> Climb | None:
    rows = np.flatnonzero((climbs.angle == angle) & (climbs.grade == grade))
    return climbs.climb(int(rows[0])) if len(rows) else None

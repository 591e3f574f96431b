"""Judging climbs: legal or not, sensible or not, how hard; with the reason for every no."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setgen.climbing.climbs import Climbs
from setgen.climbing.geometry import geometry
from setgen.climbing.grading.grader import Grading
from setgen.climbing.judges import above_asked
from setgen.climbing.rules import broken_rules
from setgen.serving.model import ServedModel


@dataclass(frozen=True, eq=False)
class Judged:
    """C climbs and what is to be said of them. legal, sensible: rule → (C,) bool, True where it is broken.

    sensible, grading: None where the server has no rules and no grader for its board.
    """

    climbs: Climbs
    legal: dict[str, np.ndarray]
    sensible: dict[str, np.ndarray] | None
    grading: Grading | None

    @property
    def is_sensible(self) -> np.ndarray | None:
        """(C,) bool: no soft rule is broken."""
        if self.sensible is None:
            return None
        return ~np.any([np.zeros(len(self.climbs), dtype=bool), *self.sensible.values()], axis=0)

    @property
    def off(self) -> np.ndarray | None:
        """(C,) as `judges.above_asked`; None without a grader."""
        return None if self.grading is None else above_asked(self.climbs, self.grading)

    def __getitem__(self, rows: slice | np.ndarray) -> Judged:
        soft = self.sensible
        return Judged(
            self.climbs[rows],
            {rule: broken[rows] for rule, broken in self.legal.items()},
            None if soft is None else {rule: broken[rows] for rule, broken in soft.items()},
            None if self.grading is None else self.grading[rows],
        )


def judge(model: ServedModel, climbs: Climbs) -> Judged:
    """Judge climbs of the model's board, each at its own angle."""
    soft = None if model.rules is None else model.rules.broken(climbs, geometry(model.board, climbs))
    grading = None if model.grader is None else model.grader.grade(climbs)
    return Judged(climbs, broken_rules(model.board, climbs), soft, grading)

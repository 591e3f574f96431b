"""Grader: how hard is a climb at an angle? A distribution over grades, and the features behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs


@dataclass(frozen=True, eq=False)
class Grading:
    """What a grader says of C climbs.

    grades: (G,) the difficulty ids, rising. probabilities: (C, G) float64, rows sum to 1.
    features: (C, D) float32, the last hidden layer: the learned space of the evaluators.
    """

    grades: np.ndarray
    probabilities: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, rows: np.ndarray | slice) -> Grading:
        return Grading(self.grades, self.probabilities[rows], self.features[rows])

    @property
    def mean(self) -> np.ndarray:
        """(C,) expected difficulty id."""
        return self.probabilities @ self.grades

    @property
    def median(self) -> np.ndarray:
        """(C,) int64 difficulty id: the point estimate, for it has the smallest expected absolute error."""
        return self.quantile(0.5)

    def quantile(self, q: float) -> np.ndarray:
        """(C,) int64: the lowest difficulty id that has at least `q` of the probability at or below it."""
        below = np.cumsum(self.probabilities, axis=1)
        return self.grades[np.minimum((below < q - 1e-12).sum(1), len(self.grades) - 1)]


class Grader:
    """Grades climbs of one board. Rows are independent: neither batch nor order of holds matters."""

    board: Board

    def grade(self, climbs: Climbs, angle: int | None = None) -> Grading:
        """Grade each climb at its own angle, or all of them at `angle`."""
        raise NotImplementedError

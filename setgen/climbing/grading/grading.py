"""What a grader says of climbs: a distribution over grades each, and the features behind it. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """(C,) and (C,) int64: the lowest and the highest difficulty id of the middle 80 % of the probability.

        Never one grade alone: where one holds as much, the likelier of its neighbours comes to it, the harder of
        equals. No climb is that sure.
        """
        lowest, highest = self.quantile(0.1), self.quantile(0.9)
        alone, at, row = lowest == highest, lowest - self.grades[0], np.arange(len(self))
        beside = np.pad(self.probabilities, ((0, 0), (1, 1)), constant_values=-1)  # no grade beyond the ends
        easier = beside[row, at] > beside[row, at + 2]
        return lowest - (alone & easier), highest + (alone & ~easier)

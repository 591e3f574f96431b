"""The size model of an exported model: p(n | angle, grade) from a table of log-weights."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board


class SizeTable:
    """`generators.sizes.SizeModel` with every condition worked out. weights: (angles+1, grades+1, most+1)."""

    def __init__(self, board: Board, weights: list[list[list[float]]]) -> None:
        self.weights = np.array(weights, dtype=np.float32)
        self.fewest, self.most = board.limits.holds[0], self.weights.shape[2] - 1
        if self.weights.shape[:2] != (len(board.angles) + 1, len(board.grades) + 1):
            raise ValueError("the sizes are those of another board")

    def logits(self, angle: np.ndarray, grade: np.ndarray, at_least: np.ndarray, at_most: int) -> np.ndarray:
        """(B, most + 1) log-weights of each size, −inf outside [at_least, at_most].

        angle, grade: (B,) condition codes. at_least: (B,).
        """
        size = np.arange(self.most + 1)
        possible = (size >= self.fewest) & (size >= at_least[:, None]) & (size <= at_most)
        return np.where(possible, self.weights[angle, grade], -np.inf)

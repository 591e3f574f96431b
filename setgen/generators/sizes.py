"""The size model: p(n | angle, grade), how many holds a climb has before any of them is chosen."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs

_PSEUDO_COUNT = 0.1


class SizeModel(nn.Module):
    """log p(n | angle, grade) = log-softmax over n of (log-frequency of n in training + learned shift).

    The frequencies carry the shape; a small network moves them with the condition.
    """

    log_frequency: Tensor

    def __init__(self, board: Board, width: int = 32) -> None:
        super().__init__()
        self.fewest, self.most = board.limits.holds[0], min(board.limits.holds[1], len(board))
        self.of_angle = nn.Embedding(len(board.angles) + 1, width)
        self.of_grade = nn.Embedding(len(board.grades) + 1, width)
        self.shift = nn.Sequential(
            nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, self.most + 1)
        )
        self.register_buffer("log_frequency", torch.zeros(self.most + 1))

    def fit_counts(self, climbs: Climbs) -> None:
        """Count the sizes of the training climbs."""
        counts = torch.bincount(torch.from_numpy(climbs.sizes), minlength=self.most + 1)[: self.most + 1]
        self.log_frequency.copy_((counts.to(self.log_frequency) + _PSEUDO_COUNT).log())

    def forward(self, angle: Tensor, grade: Tensor, at_least: Tensor, at_most: int) -> Tensor:
        """(B, most + 1) log-probabilities of each size, zero mass outside [at_least, at_most].

        angle, grade: (B,) condition codes (0: not given). at_least: (B,) int64.
        """
        size = torch.arange(self.most + 1, device=angle.device)
        logits = self.log_frequency + self.shift(self.of_angle(angle) + self.of_grade(grade))
        possible = (size >= self.fewest) & (size >= at_least[:, None]) & (size <= at_most)
        return logits.masked_fill(~possible, -torch.inf).log_softmax(1)

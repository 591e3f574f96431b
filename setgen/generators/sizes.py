"""The size model: p(n | conditions), how many items a set has before any of them is chosen."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from setgen.models.embedding import ConditionEmbedding
from setgen.sets.sets import Sets
from setgen.sets.space import Space

_PSEUDO_COUNT = 0.1


class SizeModel(nn.Module):
    """logits of n = log-frequency of n in training + a shift learned from the conditions.

    The frequencies carry the shape; a small network moves them. Which sizes are possible is not its business.
    """

    log_frequency: Tensor

    def __init__(self, space: Space, width: int = 32) -> None:
        super().__init__()
        self.most = space.widest
        self.asked = ConditionEmbedding(space, width)
        self.shift = nn.Sequential(
            nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, self.most + 1)
        )
        self.register_buffer("log_frequency", torch.zeros(self.most + 1))

    def fit_counts(self, sets: Sets) -> None:
        """Count the sizes of the training sets."""
        counts = torch.bincount(torch.from_numpy(sets.sizes), minlength=self.most + 1)[: self.most + 1]
        self.log_frequency.copy_((counts.to(self.log_frequency) + _PSEUDO_COUNT).log())

    def forward(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        """(B, most + 1) logits of each size, of B = rows condition codes (0: not given)."""
        return self.log_frequency + self.shift(self.asked(conditions, rows))

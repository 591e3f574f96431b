"""Embeddings of holds that know where the hold is, which hold set it belongs to, and itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from setgen.boards.board import Board
from setgen.boards.roles import N_ROLES

_FREQUENCIES = 6


def fourier_features(xy: Tensor) -> Tensor:
    """(V, 2) inches → (V, 2 + 24): coordinates scaled to the board, and sin/cos at 6 octaves of each.

    Source: Tancik et al. 2020, with axis-aligned octaves 2^0…2^5 half-waves across the board.
    """
    low, high = xy.amin(0), xy.amax(0)
    unit = (xy - low) / (high - low).clamp(min=1.0).max()
    waves = unit[..., None] * math.pi * 2.0 ** torch.arange(_FREQUENCIES, dtype=xy.dtype)
    return torch.cat([unit * 2 - 1, waves.sin().flatten(1), waves.cos().flatten(1)], dim=1)


class ElementEmbedding(nn.Module):
    """Vectors for all V·4 (placement, role) elements: geometry + hold set + hold + role, normalised."""

    geometry: Tensor
    hold_set: Tensor

    def __init__(self, board: Board, width: int) -> None:
        super().__init__()
        features = fourier_features(torch.from_numpy(board.xy))
        self.register_buffer("geometry", features.to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("hold_set", torch.from_numpy(board.hold_set), persistent=False)
        self.from_geometry = nn.Linear(self.geometry.shape[1], width)
        self.of_hold_set = nn.Embedding(len(board.hold_set_names), width)
        self.of_hold = nn.Embedding(len(board), width)
        self.of_role = nn.Embedding(N_ROLES, width)
        self.norm = nn.LayerNorm(width)
        for table in (self.of_hold_set, self.of_hold, self.of_role):
            nn.init.normal_(table.weight, std=0.5)

    def forward(self) -> Tensor:
        """(V·4, width), indexed by placement · 4 + role."""
        holds = self.from_geometry(self.geometry) + self.of_hold_set(self.hold_set) + self.of_hold.weight
        return self.norm(holds[:, None] + self.of_role.weight).flatten(0, 1)

"""Embeddings: of elements, which know where their item is, what group it is of, and which; of conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from setgen.sets.space import Space

_FREQUENCIES = 6


def longest_side(xy: np.ndarray) -> float:
    """The longest side of the box around coordinates (V, D)."""
    return float(np.ptp(xy, axis=0).max())


def fourier_features(xy: Tensor, length: float = 0.0) -> Tensor:
    """(V, D) coordinates → (V, D + 12 D): scaled to the space, and sin/cos at 6 octaves of each.

    length: what counts as 1; 0 for the space's longest side. Source: Tancik et al. 2020, with axis-aligned octaves
    2^0…2^5 half-waves across that length.
    """
    # A span of less than one unit is not blown up.
    unit = (xy - xy.amin(0)) / max(length or longest_side(xy.numpy()), 1.0)
    waves = unit[..., None] * math.pi * 2.0 ** torch.arange(_FREQUENCIES, dtype=xy.dtype)
    return torch.cat([unit * 2 - 1, waves.sin().flatten(1), waves.cos().flatten(1)], dim=1)


class ElementEmbedding(nn.Module):
    """Vectors of all V·R (item, label) elements: coordinates + group + item + label, normalised.

    What a space lacks (coordinates, groups) is left out. length: see `fourier_features`.
    """

    geometry: Tensor
    group: Tensor

    def __init__(self, space: Space, width: int, length: float = 0.0) -> None:
        super().__init__()
        xy, group = space.coordinates, space.groups
        if xy is not None:
            features = fourier_features(torch.from_numpy(xy), length)
            self.register_buffer("geometry", features.to(torch.get_default_dtype()), persistent=False)
            self.from_geometry = nn.Linear(self.geometry.shape[1], width)
        if group is not None:
            self.register_buffer("group", torch.from_numpy(group), persistent=False)
            self.of_group = nn.Embedding(len(space.group_names), width)
            nn.init.normal_(self.of_group.weight, std=0.5)
        self.of_item = nn.Embedding(len(space), width)
        self.of_label = nn.Embedding(space.n_labels, width)
        self.norm = nn.LayerNorm(width)
        for table in (self.of_item, self.of_label):
            nn.init.normal_(table.weight, std=0.5)

    def items(self) -> Tensor:
        """(V, width), before labels and norm."""
        items = self.of_item.weight
        if hasattr(self, "from_geometry"):
            items = items + self.from_geometry(self.geometry)
        if hasattr(self, "of_group"):
            items = items + self.of_group(self.group)
        return items

    def forward(self) -> Tensor:
        """(V·R, width), indexed by item · R + label."""
        return self.norm(self.items()[:, None] + self.of_label.weight).flatten(0, 1)


def partly_hidden(table: Tensor, share: float) -> Tensor:
    """The table (M, width) with about this share of its rows 0: what is read by it is there, and not told."""
    return table * (torch.rand(len(table), 1, device=table.device) >= share) if share else table


class ConditionEmbedding(nn.Module):
    """The sum of one vector a condition, that of code 0 where it is not given."""

    def __init__(self, space: Space, width: int, std: float = 1.0) -> None:
        super().__init__()
        self.of = nn.ModuleDict(
            {name: nn.Embedding(len(values) + 1, width) for name, values in space.conditions.items()}
        )
        for table in self.of.values():
            nn.init.normal_(cast(nn.Embedding, table).weight, std=std)
        self.none = nn.Parameter(torch.zeros(width)) if not space.conditions else None

    def forward(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        """(B, width) of B = rows condition codes."""
        if self.none is not None:
            return self.none.expand(rows, -1)
        vectors = [table(conditions[name]) for name, table in self.of.items()]
        return torch.stack(vectors).sum(0) if len(vectors) > 2 else sum(vectors[1:], vectors[0])

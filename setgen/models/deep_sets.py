"""Deep Sets (Zaheer et al. 2017): ρ(Σ φ(element)), the plainest function of a set there is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from setgen.models.embedding import ElementEmbedding
from setgen.sets.space import Space


class DeepSets(nn.Module):
    """One number for each set of (item, label) elements."""

    def __init__(self, space: Space, width: int, dropout: float) -> None:
        super().__init__()
        self.elements = ElementEmbedding(space, width)
        self.phi = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.rho = nn.Sequential(
            nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, 1)
        )

    def forward(self, element: Tensor, offsets: Tensor) -> Tensor:
        """(B,). element: (N,) item · R + label. offsets: (B,) where each set's elements begin."""
        table = self.phi(self.elements())  # each element's vector once, however many sets it is in
        total = embedding_bag(element, table, offsets, mode="sum")
        sizes = torch.diff(offsets, append=offsets.new_tensor([len(element)])).clamp(min=1)[:, None]
        return self.rho(torch.cat([total / sizes, total / 10], dim=1)).squeeze(1)

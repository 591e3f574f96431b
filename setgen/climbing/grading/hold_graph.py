"""A climb as a graph of its holds: an edge between any two within reach, and a network that reads it.

Nothing depends on the order of holds: messages are summed over neighbours, holds are pooled over the climb.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.roles import N_ROLES
from setgen.models.embedding import ElementEmbedding

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch-geometric compiles parts of itself in a way torch deprecates
    from torch_geometric.nn import GINEConv, global_max_pool, global_mean_pool


@dataclass(frozen=True)
class HoldGraphs:
    """B climbs as one graph of N holds and E directed edges.

    element: (N,) placement · 4 + role. climb: (N,) the climb each hold belongs to. edges: (2, E), from, to.
    climbs: B.
    """

    element: Tensor
    climb: Tensor
    edges: Tensor
    climbs: int

    @classmethod
    def of(cls, sets: Climbs, near: np.ndarray) -> HoldGraphs:
        """sets: climbs of known holds. near: (V, V) bool, whether two placements are within reach."""
        sizes = sets.sizes
        # Every ordered pair of holds of one climb, climb by climb.
        pairs = sizes**2
        first = np.repeat(np.arange(len(sets.placement)), sizes[sets.owner])
        start = np.repeat(np.cumsum(pairs) - pairs, pairs)
        within = np.arange(len(first)) - start
        owner = sets.owner[first]
        second = sets.offsets[owner] + within % np.maximum(sizes[owner], 1)
        keep = near[sets.placement[first], sets.placement[second]] & (first != second)
        return cls(
            torch.from_numpy(sets.placement.astype(np.int64) * N_ROLES + sets.role),
            torch.from_numpy(sets.owner),
            torch.from_numpy(np.stack([second[keep], first[keep]])),
            len(sets),
        )


class HoldGraphNetwork(nn.Module):
    """Message passing between holds within reach (GINE, Hu et al. 2020), then one vector a climb.

    Each message is the neighbour's vector plus what the move to it is like: (dx, dy, distance) / reach.
    """

    xy: Tensor

    def __init__(self, board: Board, reach: float, width: int, depth: int, n_shape: int, dropout: float):
        super().__init__()
        self.reach = reach
        self.register_buffer("xy", torch.from_numpy(board.xy).to(torch.get_default_dtype()), persistent=False)
        self.elements = ElementEmbedding(board, width)
        self.of_angle = nn.Linear(2, width)
        self.move = nn.Linear(3, width)
        self.layers = nn.ModuleList(
            GINEConv(nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)))
            for _ in range(depth)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(
            nn.LayerNorm(3 * width + n_shape),
            nn.Linear(3 * width + n_shape, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
            nn.GELU(),
        )

    def forward(self, graphs: HoldGraphs, angle: Tensor, shape: Tensor) -> Tensor:
        """(B, width). angle: (B, 2), the angle scaled to about ±1 and 1, or 0 and 0 where it is not known.
        shape: (B, F) standardised shape features."""
        condition = self.of_angle(angle)
        holds = embedding(graphs.element, self.elements()) + condition[graphs.climb]
        here, there = (self.xy[graphs.element[end] // N_ROLES] for end in (graphs.edges[1], graphs.edges[0]))
        apart = (there - here) / self.reach
        move = self.move(torch.cat([apart, apart.square().sum(1, keepdim=True).sqrt()], dim=1))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            holds = holds + self.dropout(layer(norm(holds), graphs.edges, move))
        pooled = [pool(holds, graphs.climb, graphs.climbs) for pool in (global_mean_pool, global_max_pool)]
        return self.head(torch.cat([*pooled, condition, shape], dim=1))

"""Sweeps: in which order a line that moves over the board meets its holds, and what lies ahead of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from setgen.boards.board import Board
from setgen.dataset.batches import ClimbBatch


def sweep_ranks(board: Board, directions: int) -> Tensor:
    """(D, V) int64: the place of each placement in the sweep in each direction, 0 first.

    Direction d moves at 90° + 360° d / D, so the first goes from bottom to top; placements that the line
    meets at once follow each other from left to right as it looks.
    """
    ranks = []
    for d in range(directions):
        angle = math.pi / 2 + 2 * math.pi * d / directions
        along = board.xy @ np.array([math.cos(angle), math.sin(angle)])
        across = board.xy @ np.array([math.sin(angle), -math.cos(angle)])
        order = np.lexsort((across.round(3), along.round(3)))  # rounding: what is level stays level
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        ranks.append(rank)
    return torch.from_numpy(np.stack(ranks))


@dataclass(frozen=True, eq=False)
class Ahead:
    """Where the next hold of each of B sweeps may lie.

    rank: (B, V), each row its own sweep's. count: (B, V), free placements at and beyond each free one; 0 at
    those that are given.
    """

    rank: Tensor
    count: Tensor

    @classmethod
    def of(cls, rank: Tensor, free: Tensor) -> Ahead:
        """free: (B, V) bool, placements that are not given."""
        in_order = torch.zeros_like(free).scatter(1, rank, free)
        beyond = in_order.flip(1).cumsum(1).flip(1)
        return cls(rank, beyond.gather(1, rank) * free)

    def open(self, row: Tensor | slice, line: Tensor, left: Tensor) -> Tensor:
        """(T, V) bool: free placements beyond the line that leave room for the rest.

        row: (T,) which sweeps. line: (T,) rank of the hold met last, −1 before the first. left: (T,) holds
        still to come, the next one included: at least 1.
        """
        return (self.rank[row] > line[:, None]) & (self.count[row] >= left[:, None])


@dataclass(frozen=True, eq=False)
class Told:
    """B climbs as the network is told them: given holds first, then the others as the line meets them.

    batch: holds in this order. given: (B, L) bool. size: (B,) holds of the finished climb. direction: (B,).
    """

    batch: ClimbBatch
    given: Tensor
    size: Tensor
    direction: Tensor

    @classmethod
    def of(cls, batch: ClimbBatch, given: Tensor, direction: Tensor, rank: Tensor) -> Told:
        """Whole climbs, of which the holds `given` (B, L) are given. rank: `sweep_ranks`."""
        place = rank[direction].gather(1, batch.placement)
        place = place.masked_fill(given, -1).masked_fill(~batch.present, rank.shape[1])
        order = place.argsort(1)
        return cls(batch.reordered(order), given.gather(1, order), batch.size, direction)

    @property
    def n_given(self) -> Tensor:
        return self.given.sum(1)

    @property
    def swept(self) -> Tensor:
        """(B, L) bool: holds that the line meets."""
        return self.batch.present & ~self.given

    @property
    def left(self) -> Tensor:
        """(B, L): how many holds are still to come once this one is known."""
        place = torch.arange(self.given.shape[1], device=self.given.device)
        known = torch.where(self.given, self.n_given[:, None], place + 1)
        return (self.size[:, None] - known).clamp(min=0)

"""Batches: ragged climbs padded to tensors, and a torch dataset that cuts them by index."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.padding import pad
from setgen.boards.roles import N_ROLES


@dataclass(frozen=True)
class ClimbBatch:
    """B climbs padded to L holds.

    placement, role: (B, L) int64, 0 where padded. present: (B, L) bool. angle, grade: (B,) int64 index
    into the board's angles and grades plus one; 0 means not given.
    """

    placement: Tensor
    role: Tensor
    present: Tensor
    angle: Tensor
    grade: Tensor

    def __len__(self) -> int:
        return len(self.angle)

    @property
    def size(self) -> Tensor:
        """(B,) number of holds."""
        return self.present.sum(1)

    @property
    def element(self) -> Tensor:
        """(B, L) element index, placement · 4 + role."""
        return self.placement * N_ROLES + self.role

    def to(self, device: torch.device | str) -> ClimbBatch:
        return ClimbBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def rows(self, index: Tensor) -> ClimbBatch:
        """Some of the climbs, as wide as before."""
        return ClimbBatch(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def leading(self, n: Tensor) -> ClimbBatch:
        """The first n[b] holds of row b (all when there are fewer), as wide as before."""
        slots = torch.arange(self.present.shape[1], device=n.device)
        return replace(self, present=self.present & (slots < n[:, None]))

    def reordered(self, order: Tensor) -> ClimbBatch:
        """The same climbs with the holds of row b in the order `order[b]`, a (B, L) permutation."""
        return ClimbBatch(
            self.placement.gather(1, order),
            self.role.gather(1, order),
            self.present.gather(1, order),
            self.angle,
            self.grade,
        )


def to_batch(board: Board, climbs: Climbs, device: torch.device | str = "cpu") -> ClimbBatch:
    """Pad climbs (or prompts) of `board` to one batch; L is the largest size, at least 1."""
    arrays = vars(pad(board, climbs))
    return ClimbBatch(**{name: torch.from_numpy(array) for name, array in arrays.items()}).to(device)


def to_climbs(board: Board, batch: ClimbBatch) -> Climbs:
    """The inverse of `to_batch`."""
    batch = batch.to("cpu")
    keep = batch.present.numpy()
    angles, grades = (np.array([-1, *known]) for known in (board.angles, board.grades))
    return Climbs(
        batch.placement.numpy()[keep],
        batch.role.numpy()[keep],
        np.concatenate([[0], np.cumsum(keep.sum(1))]),
        angles[batch.angle.numpy()],
        grades[batch.grade.numpy()],
    )


class BatchedClimbs(TorchDataset):
    """A map-style dataset whose `__getitems__` returns one ClimbBatch: a batch is an index, not a loop."""

    def __init__(self, board: Board, climbs: Climbs) -> None:
        self.board, self.climbs = board, climbs

    def __len__(self) -> int:
        return len(self.climbs)

    def __getitem__(self, i: int) -> ClimbBatch:
        return to_batch(self.board, self.climbs[[i]])

    def __getitems__(self, indices: list[int]) -> ClimbBatch:
        return to_batch(self.board, self.climbs[indices])

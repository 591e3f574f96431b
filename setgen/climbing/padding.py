"""Climbs as padded arrays: one row a climb, one column a hold, conditions as codes. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.roles import N_ROLES


@dataclass(frozen=True, eq=False)
class PaddedClimbs:
    """B climbs padded to L holds.

    placement, role: (B, L) int64, 0 where padded. present: (B, L) bool. angle, grade: (B,) int64 index
    into the board's angles and grades plus one; 0 means not given.
    """

    placement: np.ndarray
    role: np.ndarray
    present: np.ndarray
    angle: np.ndarray
    grade: np.ndarray

    def __len__(self) -> int:
        return len(self.angle)

    @property
    def size(self) -> np.ndarray:
        """(B,) number of holds."""
        return self.present.sum(1)

    @property
    def element(self) -> np.ndarray:
        """(B, L) element index, placement · 4 + role."""
        return self.placement * N_ROLES + self.role


def pad(board: Board, climbs: Climbs, length: int = 1) -> PaddedClimbs:
    """Pad climbs (or prompts) of `board` to one batch; L is the largest size, at least `length`."""
    sizes = climbs.sizes
    present = np.arange(max(length, int(sizes.max(initial=0)))) < sizes[:, None]
    placement = np.zeros(present.shape, dtype=np.int64)
    role = np.zeros(present.shape, dtype=np.int64)
    placement[present], role[present] = climbs.placement, climbs.role
    return PaddedClimbs(
        placement,
        role,
        present,
        _codes(climbs.angle.astype(np.int64), board.angles),
        _codes(climbs.grade.astype(np.int64), board.grades),
    )


def _codes(values: np.ndarray, known: tuple[int, ...]) -> np.ndarray:
    """Index into `known` plus one, 0 for values that are not in it (UNKNOWN)."""
    table = np.array(known, dtype=np.int64)
    order = np.argsort(table)
    at = np.searchsorted(table[order], values).clip(max=len(table) - 1)
    index = order[at]
    return np.where(table[index] == values, index + 1, 0)

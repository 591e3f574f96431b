"""The masks of `generators.legality` in NumPy: what may come next so that a legal climb is certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.padding import PaddedClimbs
from setgen.climbing.roles import N_ROLES, Role


@dataclass
class Placed:
    """What B growing climbs hold so far. used: (B, V) bool. starts, finishes, count: (B,) int64."""

    used: np.ndarray
    starts: np.ndarray
    finishes: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, board: Board, climbs: PaddedClimbs) -> Placed:
        """The state after every hold of `climbs` has been placed."""
        used = np.zeros((len(climbs), len(board)), dtype=bool)
        row, column = climbs.present.nonzero()
        used[row, climbs.placement[row, column]] = True
        return cls(
            used,
            ((climbs.role == Role.START) & climbs.present).sum(1),
            ((climbs.role == Role.FINISH) & climbs.present).sum(1),
            climbs.size,
        )

    def rows(self, index: np.ndarray) -> Placed:
        """A copy of some of the rows."""
        return Placed(self.used[index], self.starts[index], self.finishes[index], self.count[index])

    def add(self, rows: np.ndarray, placement: np.ndarray, role: np.ndarray) -> None:
        """Place one more hold in each of `rows`, which are distinct."""
        self.used[rows, placement] = True
        self.starts[rows] += role == Role.START
        self.finishes[rows] += role == Role.FINISH
        self.count[rows] += 1


def owed(board: Board, state: Placed) -> tuple[np.ndarray, np.ndarray]:
    """(B,), (B,): the starts and finishes that the climb must still get."""
    return (
        np.maximum(board.limits.starts[0] - state.starts, 0),
        np.maximum(board.limits.finishes[0] - state.finishes, 0),
    )


def roles_allowed(board: Board, state: Placed, remaining: np.ndarray, legal: bool = True) -> np.ndarray:
    """(B, 4) bool: roles of the next hold when at most `remaining` (B,) holds, itself included, follow."""
    allowed = np.tile(board.role_allowed, (len(state.count), 1))
    if not legal:
        return allowed
    starts, finishes = owed(board, state)
    tight = remaining <= starts + finishes
    allowed[:, Role.START] &= (state.starts < board.limits.starts[1]) & (~tight | (starts > 0))
    allowed[:, Role.FINISH] &= (state.finishes < board.limits.finishes[1]) & (~tight | (finishes > 0))
    allowed[:, [Role.MIDDLE, Role.FOOT]] &= ~tight[:, None]
    return allowed


def elements_allowed(board: Board, state: Placed, remaining: np.ndarray, legal: bool = True) -> np.ndarray:
    """(B, V·4) bool over element indices: a free placement in an allowed role."""
    roles = roles_allowed(board, state, remaining, legal)
    return (~state.used[:, :, None] & roles[:, None, :]).reshape(-1, len(board) * N_ROLES)

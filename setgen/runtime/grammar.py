"""The grammar of `baselines.grammar` in NumPy: what may come next in `hold role hold role … end`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb
from setgen.climbing.padding import PaddedClimbs
from setgen.climbing.rules import size_range
from setgen.runtime.legality import Placed, owed, roles_allowed


@dataclass
class Written:
    """B climbs so far. Given holds count as placed from the start, written or not.

    last: (B,) the placement written last, −1 before the first. waiting: (B, V) bool, given holds still to
    be written. size: (B,) the total number of holds wanted, 0 where the model decides.
    """

    placed: Placed
    last: np.ndarray
    waiting: np.ndarray
    size: np.ndarray

    def write(self, placement: np.ndarray, role: np.ndarray) -> None:
        """One more hold in each row; a given hold is only ticked off, it was counted before."""
        rows = np.arange(len(placement))
        new = ~self.waiting[rows, placement]
        self.waiting[rows, placement] = False
        self.placed.add(rows[new], placement[new], role[new])
        self.last = placement

    def rows(self, index: np.ndarray) -> Written:
        return Written(self.placed.rows(index), self.last[index], self.waiting[index], self.size[index])


@dataclass(frozen=True)
class Grammar:
    """The choices at each step. legal: only what can still become a legal climb. repeats: a placement may
    come twice (never with `legal`). ascending: placements come in index order, given ones at their place.
    """

    board: Board
    legal: bool = True
    repeats: bool = False
    ascending: bool = False

    @property
    def most(self) -> int:
        """The largest climb there can be."""
        if self.legal:
            return size_range(self.board, Climb(()))[1]
        return min(self.board.limits.holds[1], len(self.board))

    def start(self, given: PaddedClimbs, size: np.ndarray) -> Written:
        """The state before the first hold is written; `given` are the prompts' holds."""
        placed = Placed.of(self.board, given)
        return Written(placed, np.full(len(given), -1), placed.used.copy(), size)

    def _bounds(self, state: Written) -> tuple[np.ndarray, np.ndarray]:
        """(B,), (B,): how many new holds must come at least and may come at most."""
        count, wanted = state.placed.count, state.size > 0
        low = self.board.limits.holds[0] if self.legal else 1
        need = np.maximum(np.where(wanted, state.size, low) - count, 0)
        if self.legal:
            need = np.maximum(need, sum(owed(self.board, state.placed)))
        return need, np.where(wanted, state.size, self.most) - count

    def _ahead(self, state: Written) -> tuple[np.ndarray, np.ndarray]:
        """(B, V) bool: placements a new hold may take; (B, V): how many such lie at or beyond each."""
        free = ~state.placed.used
        if self.repeats and not self.legal:
            free = np.ones_like(free)
        if self.ascending:
            free = free & (np.arange(free.shape[1]) > state.last[:, None])
        return free, free[:, ::-1].cumsum(1)[:, ::-1]

    def holds(self, state: Written) -> np.ndarray:
        """(B, V + 1) bool: placements that may come next; the last column is the end."""
        need, room = self._bounds(state)
        free, ahead = self._ahead(state)
        choices = free & (room > 0)[:, None]
        end = (need == 0) & ~state.waiting.any(1)
        if self.ascending:
            index = np.arange(free.shape[1])
            nearest = np.where(state.waiting, index, free.shape[1]).min(1, keepdims=True)
            choices = (choices | state.waiting) & (index <= nearest) & (ahead >= need[:, None])
        return np.concatenate([choices, end[:, None]], 1)

    def roles(self, state: Written, placement: np.ndarray) -> np.ndarray:
        """(B, 4) bool: roles that the hold just chosen may play."""
        _, room = self._bounds(state)
        if self.ascending:
            _, ahead = self._ahead(state)
            room = np.minimum(room, ahead[np.arange(len(room)), placement])
        return roles_allowed(self.board, state.placed, room, self.legal)

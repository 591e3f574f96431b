"""What may come next while a climb is written down hold by hold: `hold role hold role … end`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from setgen.boards.board import Board
from setgen.boards.climbs import Climb
from setgen.boards.rules import size_range
from setgen.dataset.batches import ClimbBatch
from setgen.generators.legality import Placed, owed, roles_allowed
from setgen.generators.permitted import Permitted


@dataclass
class Written:
    """B climbs so far. Given holds count as placed from the start, written or not.

    placed: counts and used placements. last: (B,) the placement written last, −1 before the first.
    waiting: (B, V) bool, given holds that are still to be written. size: (B,) the total number of holds
    wanted, 0 where the model decides.
    """

    placed: Placed
    last: Tensor
    waiting: Tensor
    size: Tensor

    def write(self, placement: Tensor, role: Tensor) -> Written:
        """One more hold in each row; a given hold is only ticked off, it was counted before."""
        rows = torch.arange(len(placement), device=placement.device)
        given = self.waiting[rows, placement]
        waiting = self.waiting.clone()
        waiting[rows, placement] = False
        return replace(self, placed=self.placed.add(placement, role, ~given), last=placement, waiting=waiting)

    def rows(self, index: Tensor) -> Written:
        return Written(self.placed.rows(index), self.last[index], self.waiting[index], self.size[index])


@dataclass(frozen=True)
class Grammar:
    """The choices a sequence model has at each step; likelihood and sampling share them.

    legal: only what can still become a legal climb. repeats: a placement may come twice (never with
    `legal`). ascending: placements come in index order, each climb having one order only; given holds
    then come at their place: nothing beyond the next given hold may come before it.
    permitted: what the user's constraints leave, with `legal`.
    """

    board: Board
    legal: bool = True
    repeats: bool = False
    ascending: bool = False
    permitted: Permitted | None = None

    @property
    def most(self) -> int:
        """The largest climb there can be."""
        if self.legal:
            return size_range(self.board, Climb(()))[1]
        return min(self.board.limits.holds[1], len(self.board))

    def start(self, given: ClimbBatch, size: Tensor | None = None) -> Written:
        """The state before the first hold is written; `given` are the prompts' holds."""
        placed = Placed.of(self.board, given)
        size = torch.zeros_like(placed.count) if size is None else size
        return Written(placed, torch.full_like(placed.count, -1), placed.used, size)

    def _bounds(self, state: Written) -> tuple[Tensor, Tensor]:
        """(B,), (B,): how many new holds must come at least and may come at most."""
        count, wanted = state.placed.count, state.size > 0
        starts, finishes = owed(self.board, state.placed)
        low = torch.full_like(count, self.board.limits.holds[0] if self.legal else 1)
        most = self.most
        if self.permitted is not None:
            low, most = torch.full_like(count, self.permitted.holds[0]), self.permitted.holds[1]
            finishes = finishes + (self.permitted.feet - state.placed.feet).clamp(min=0)
        need = (torch.where(wanted, state.size, low) - count).clamp(min=0)
        if self.legal:
            need = torch.maximum(need, starts + finishes)
        return need, torch.where(wanted, state.size, most) - count

    def _ahead(self, state: Written) -> tuple[Tensor, Tensor]:
        """(B, V) bool: placements a new hold may take; (B, V): how many such lie at or beyond each."""
        free = ~state.placed.used
        if self.repeats and not self.legal:
            free = torch.ones_like(free)
        if self.ascending:
            free = free & (torch.arange(free.shape[1], device=free.device) > state.last[:, None])
        return free, free.flip(1).cumsum(1).flip(1)

    def _permitted(self, state: Written) -> tuple[Tensor, Tensor]:
        """(B, V, 4) bool: new elements behind which a permitted climb can be completed; (B, V) bool: whether
        it can be beyond each placement, as things stand."""
        assert self.permitted is not None
        placed, (need, room) = state.placed, self._bounds(state)
        if not self.ascending:
            follow = self.permitted.may_follow(placed, need, room)
            return follow, torch.ones_like(placed.used)
        index = torch.arange(placed.used.shape[1], device=need.device).expand_as(placed.used)
        beyond = self.permitted.left_beyond(~placed.used, index)
        starts, finishes, feet = (n[:, None] for n in (placed.starts, placed.finishes, placed.feet))
        onwards = self.permitted.completable(beyond, (starts, finishes, feet), need[:, None], room[:, None])
        return self.permitted.may_follow(placed, need, room, beyond, self._open(state, need)), onwards

    def _open(self, state: Written, need: Tensor) -> Tensor:
        """(B, V) bool: where the order lets the next new hold lie: before the given holds still to be
        written, and with room for all that is needed."""
        free, ahead = self._ahead(state)
        index = torch.arange(free.shape[1], device=free.device)
        nearest = torch.where(state.waiting, index, free.shape[1]).amin(1, keepdim=True)
        return free & (index <= nearest) & (ahead >= need[:, None])

    def holds(self, state: Written) -> Tensor:
        """(B, V + 1) bool: placements that may come next; the last column is the end."""
        need, room = self._bounds(state)
        free, ahead = self._ahead(state)
        choices, waiting = free & (room > 0)[:, None], state.waiting
        if self.permitted is not None:
            follow, onwards = self._permitted(state)
            choices, waiting = choices & follow.any(2), waiting & onwards
        end = (need == 0) & ~state.waiting.any(1)
        if self.ascending:
            index = torch.arange(free.shape[1], device=free.device)
            nearest = torch.where(state.waiting, index, free.shape[1]).amin(1, keepdim=True)
            choices = (choices | waiting) & (index <= nearest) & (ahead >= need[:, None])
        return torch.cat([choices, end[:, None]], 1)

    def roles(self, state: Written, placement: Tensor) -> Tensor:
        """(B, 4) bool: roles that the hold just chosen may play."""
        _, room = self._bounds(state)
        if self.ascending:
            _, ahead = self._ahead(state)
            room = torch.minimum(room, ahead.gather(1, placement[:, None]).squeeze(1))
        allowed = roles_allowed(self.board, state.placed, room, self.legal)
        if self.permitted is None:
            return allowed
        row = torch.arange(len(placement), device=placement.device)
        decided = state.waiting[row, placement]  # a given hold keeps its role
        return allowed & (self._permitted(state)[0][row, placement] | decided[:, None])

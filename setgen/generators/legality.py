"""Legality while a climb grows: which elements may come next so that a legal climb stays certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from setgen.boards.board import Board
from setgen.boards.roles import N_ROLES, Role
from setgen.dataset.batches import ClimbBatch

if TYPE_CHECKING:
    from setgen.generators.permitted import Permitted


@dataclass
class Placed:
    """What B growing climbs hold so far. used, hands: (B, V) bool, all holds, and those that are not feet.

    starts, finishes, feet, count: (B,) int64.
    """

    used: Tensor
    hands: Tensor
    starts: Tensor
    finishes: Tensor
    feet: Tensor
    count: Tensor

    @classmethod
    def of(cls, board: Board, batch: ClimbBatch) -> Placed:
        """The state after every hold of `batch` has been placed."""

        def at(holds: Tensor) -> Tensor:
            used = torch.zeros(len(batch), len(board) + 1, dtype=torch.bool, device=batch.angle.device)
            return used.scatter_(1, batch.placement.masked_fill(~holds, len(board)), True)[:, :-1]

        return cls(
            at(batch.present),
            at(batch.present & (batch.role != Role.FOOT)),
            ((batch.role == Role.START) & batch.present).sum(1),
            ((batch.role == Role.FINISH) & batch.present).sum(1),
            ((batch.role == Role.FOOT) & batch.present).sum(1),
            batch.size,
        )

    def rows(self, index: Tensor | slice) -> Placed:
        """The state of some of the climbs."""
        return Placed(*(of_all[index] for of_all in vars(self).values()))

    def add(self, placement: Tensor, role: Tensor, where: Tensor | None = None) -> Placed:
        """The state after one more hold a row, in the rows where `where` (B,) is true (all by default)."""
        if where is None:
            where = torch.ones_like(self.count, dtype=torch.bool)
        new = one_hot(placement, self.used.shape[1]).bool() & where[:, None]
        return Placed(
            self.used | new,
            self.hands | (new & (role != Role.FOOT)[:, None]),
            self.starts + ((role == Role.START) & where),
            self.finishes + ((role == Role.FINISH) & where),
            self.feet + ((role == Role.FOOT) & where),
            self.count + where,
        )


def owed(board: Board, state: Placed) -> tuple[Tensor, Tensor]:
    """(B,), (B,): the starts and finishes that the climb must still get."""
    return (
        (board.limits.starts[0] - state.starts).clamp(min=0),
        (board.limits.finishes[0] - state.finishes).clamp(min=0),
    )


def roles_allowed(board: Board, state: Placed, remaining: Tensor, legal: bool = True) -> Tensor:
    """(B, 4) bool: roles the next hold may play when at most `remaining` (B,) holds, itself included, follow.

    A third start or finish is impossible; when no more holds remain than starts and finishes are owed,
    only those that are owed may come. Without `legal` every role of the board may.
    """
    on_board = torch.from_numpy(board.role_allowed).to(state.count.device)
    if not legal:
        return on_board.expand(len(state.count), N_ROLES)
    starts, finishes = owed(board, state)
    loose = remaining > starts + finishes
    start = (loose | (starts > 0)) & (state.starts < board.limits.starts[1])
    finish = (loose | (finishes > 0)) & (state.finishes < board.limits.finishes[1])
    of_role = {Role.START: start, Role.MIDDLE: loose, Role.FINISH: finish, Role.FOOT: loose}
    return torch.stack([of_role[role] for role in Role], 1) & on_board


def elements_allowed(
    board: Board, state: Placed, remaining: Tensor, legal: bool = True, permitted: Permitted | None = None
) -> Tensor:
    """(B, V·4) bool over element indices: a free placement in an allowed role.

    permitted: what the user's constraints leave; exactly `remaining` holds then follow.
    """
    roles = roles_allowed(board, state, remaining, legal)
    allowed = ~state.used[:, :, None] & roles[:, None, :]
    if permitted is not None:
        allowed = allowed & permitted.may_follow(state, remaining, remaining)
    return allowed.flatten(1)


def rule_out(logits: Tensor, placements: Tensor, roles: Tensor) -> Tensor:
    """(B, V·4) logits, −inf but where placement (B, V) and role (B, 4) are both allowed.

    Adding −inf twice is twice as quick as a mask over all elements.
    """
    out_of = (torch.zeros(x.shape, dtype=logits.dtype, device=x.device) for x in (placements, roles))
    place, role = (
        x.masked_fill_(~allowed, -torch.inf) for x, allowed in zip(out_of, (placements, roles), strict=True)
    )
    return (logits.unflatten(1, (-1, N_ROLES)) + (place[:, :, None] + role[:, None, :])).flatten(1)

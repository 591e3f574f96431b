"""What a user's constraints leave while a climb grows, such that a climb that keeps to them stays certain.

A climb that still owes s starts, f finishes, t foot holds and o holds that are neither start nor finish can
be completed from the placements that are left if and only if, for every choice of these four, together they
ask for no more holds than there are placements that may play one of their roles: Hall's condition (Hall
1935), a placement being used once. `middle` and `foot` fill o; only `foot` fills t, which is part of o.

Where holds come in an order (a sweep, an index), only the placements that lie ahead are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from setgen.boards.board import Board
from setgen.boards.climbs import Climb
from setgen.boards.constraints import Constraints
from setgen.boards.roles import N_ROLES, Role
from setgen.boards.rules import size_range
from setgen.generators.legality import Placed

_COUNT = torch.int16  # of placements

# Each choice of demands: (starts, finishes, the others) where the others are none, feet owed, or all.
_NOBODY, _FEET, _OTHERS = range(3)
_CHOICES = [c for c in product((False, True), (False, True), (_NOBODY, _FEET, _OTHERS)) if any(c)]


def _roles_of(starts: bool, finishes: bool, others: int) -> list[bool]:
    """Which roles serve a choice of demands, in the order of Role."""
    return [starts, others == _OTHERS, finishes, others != _NOBODY]


@dataclass(frozen=True, eq=False)
class Permitted:
    """elements: (V, 4) bool, roles that each placement may play as a new hold. roles: (4,) bool, of given
    holds whose role is open. holds: (fewest, most) of a climb. feet: fewest foot holds. near: (V, V) 1 where
    two placements are within reach of each other, else 0; None without a limit."""

    board: Board
    elements: Tensor
    roles: Tensor
    holds: tuple[int, int]
    feet: int
    near: Tensor | None = None

    @classmethod
    def of(cls, board: Board, constraints: Constraints, device: torch.device | str = "cpu") -> Permitted:
        """Raises InputError when the constraints are not of this board."""
        constraints.check(board)
        most = size_range(board, Climb(()))[1]
        near = constraints.within_reach(board)
        return cls(
            board,
            torch.from_numpy(constraints.elements(board)).to(device),
            torch.from_numpy(constraints.roles(board)).to(device),
            (
                max(board.limits.holds[0], constraints.fewest or 0),
                most if constraints.most is None else min(most, constraints.most),
            ),
            int(constraints.feet == "marked"),
            None if near is None else torch.from_numpy(near).to(device, torch.float32),
        )

    @cached_property
    def _choices(self) -> Tensor:
        """(11, 4) bool: the roles that serve each choice of demands."""
        return torch.tensor([_roles_of(*c) for c in _CHOICES], device=self.elements.device)

    @cached_property
    def _serves(self) -> Tensor:
        """(V, 11): 1 where a placement serves a choice of demands."""
        return (self.elements[:, None, :] & self._choices).any(2).to(_COUNT)

    def left(self, free: Tensor) -> Tensor:
        """(B, V) bool → (B, 11): how many free placements serve each choice of demands."""
        return (free[:, :, None] * self._serves).sum(1, dtype=_COUNT)

    def left_beyond(self, free: Tensor, rank: Tensor) -> Tensor:
        """(B, V, 11): the same of the placements of higher rank than each. rank: (B, V), a permutation."""
        in_order = rank.argsort(1)[:, :, None].expand(-1, -1, len(_CHOICES))
        serves = (free[:, :, None] * self._serves).gather(1, in_order)
        beyond = serves.flip(1).cumsum(1, dtype=_COUNT).flip(1) - serves
        return beyond.gather(1, rank[:, :, None].expand_as(beyond))

    def completable(
        self, left: Tensor, counts: tuple[Tensor, Tensor, Tensor], fewest: Tensor, most: Tensor
    ) -> Tensor:
        """(…) bool: whether between `fewest` and `most` more holds can make the climb legal and permitted.

        left: (…, 11) placements that serve each choice. The others broadcast to (…): starts, finishes and
        feet so far, and how many holds may come.
        """
        limits, (starts, finishes, feet) = self.board.limits, counts
        feet_owed = (self.feet - feet).clamp(min=0)
        found = torch.zeros(left.shape[:-1], dtype=torch.bool, device=left.device)
        there = left.movedim(-1, 0).contiguous()  # a choice at a time: far quicker than `all` over the last
        for s, f in product(range(limits.starts[1] + 1), range(limits.finishes[1] + 1)):
            others = torch.maximum(fewest - s - f, feet_owed)
            fits = (starts + s >= limits.starts[0]) & (starts + s <= limits.starts[1])
            fits = fits & (finishes + f >= limits.finishes[0]) & (finishes + f <= limits.finishes[1])
            fits = fits & (s + f + others <= most)
            of_others = (torch.zeros_like(others), feet_owed.expand_as(others), others)
            for (a, b, c), enough in zip(_CHOICES, there, strict=True):
                fits = fits & (enough >= (s * a + f * b + of_others[c]).to(_COUNT))
            found = found | fits
        return found

    def may_follow(
        self,
        state: Placed,
        fewest: Tensor,
        most: Tensor,
        beyond: Tensor | None = None,
        ahead: Tensor | None = None,
    ) -> Tensor:
        """(B, V, 4) bool: free elements behind which the climb can still be completed.

        fewest, most: (B,) how many holds may come, this one included. beyond: `left_beyond`, where holds
        come in the order of a rank and this one rules out all before it. ahead: (B, V) bool, placements that
        the order leaves; None: all.
        """
        free = ~state.used
        if beyond is None:  # what is left depends on which roles the placement can play, of 16 kinds
            kinds = self._kinds[:, None, :] & self._choices
            left = self.left(free)[:, None] - kinds.any(2).to(_COUNT)
        else:
            left = beyond
        after = [
            self.completable(
                left,
                _counts(state, role, (-1, 1)),
                (fewest - 1)[:, None],
                (most - 1)[:, None],
            )
            for role in Role
        ]
        follow = torch.stack(after, 2)
        free = free if ahead is None else free & ahead
        follow = (follow[:, self._kind] if beyond is None else follow) & free[:, :, None] & self.elements
        return follow if self.near is None else self._in_reach(state, follow)

    def _in_reach(self, state: Placed, follow: Tensor) -> Tensor:
        """What of `follow` (B, V, 4) is within reach of the holds placed; all of it where nothing is."""
        assert self.near is not None
        of_hands, of_any = (held.to(self.near) @ self.near > 0 for held in (state.hands, state.used))
        of_any = of_any | ~state.used.any(1, keepdim=True)
        of_hands = torch.where(state.hands.any(1, keepdim=True), of_hands, of_any)
        within = follow & torch.stack([of_any if r == Role.FOOT else of_hands for r in Role], 2)
        return torch.where(within.flatten(1).any(1)[:, None, None], within, follow)

    def next(self, state: Placed) -> Tensor:
        """(B, V, 4) bool: elements that may come next, whatever permitted number of holds is wanted."""
        return self.may_follow(state, *self._to_come(state, torch.zeros_like(state.count)))

    @cached_property
    def _kinds(self) -> Tensor:
        """(16, 4) bool: every set of roles, numbered by its bits."""
        bits = torch.arange(2**N_ROLES, device=self.elements.device)[:, None]
        return (bits >> torch.arange(N_ROLES, device=bits.device)) % 2 == 1

    @cached_property
    def _kind(self) -> Tensor:
        """(V,) the set of roles that each placement can play."""
        return (self.elements.long() << torch.arange(N_ROLES, device=self.elements.device)).sum(1)

    def roles_open(self, state: Placed, undecided: Tensor, sizes: Tensor) -> Tensor:
        """(B, 4) bool: roles that a given hold may take of `undecided` (B,) ≥ 1 whose roles are open.

        These holds count as used in the state. sizes: (B,) holds wanted, 0 where any permitted number is.
        """
        others = undecided - 1
        left = self.left(~state.used) + others[:, None].to(_COUNT) * self._open_serves
        fewest, most = self._to_come(state, sizes)
        after = [
            self.completable(
                left,
                _counts(state, role),
                torch.maximum(fewest + others, others),
                most + others,
            )
            for role in Role
        ]
        return torch.stack(after, 1) & self.roles

    def sizes(self, state: Placed, undecided: Tensor | None = None) -> Tensor:
        """(B, most + 1) bool: how many holds the climb may have in all. undecided: as in `roles_open`."""
        n = torch.arange(self.holds[1] + 1, device=state.count.device)
        more, left = n - state.count[:, None], self.left(~state.used)
        permitted = (n >= self.holds[0]) & (more >= 0)
        if undecided is not None:
            left = left + undecided[:, None].to(_COUNT) * self._open_serves
            more = more + undecided[:, None]
        return permitted & self.completable(left[:, None], _counts(state, shape=(-1, 1)), more, more)

    @property
    def _open_serves(self) -> Tensor:
        """(11,): 1 where a given hold whose role is open serves a choice of demands."""
        return (self.roles & self._choices).any(1).to(_COUNT)

    def _to_come(self, state: Placed, sizes: Tensor) -> tuple[Tensor, Tensor]:
        fewest, most = (torch.where(sizes > 0, sizes, of) for of in self.holds)
        return (fewest - state.count).clamp(min=0), most - state.count

    def why_not(self, state: Placed, undecided: int = 0) -> str:
        """The reason why no climb can come of a single state, from which `sizes` found none."""
        starts, finishes, feet = (int(n[0]) for n in _counts(state))
        limits = self.board.limits
        s, f = max(0, limits.starts[0] - starts), max(0, limits.finishes[0] - finishes)
        t, decided = max(0, self.feet - feet), int(state.count[0]) - undecided
        if max(decided + s + f + t, decided + undecided) > self.holds[1]:
            return f"with the start, finish and foot still owed they are more than {self.holds[1]} holds"
        if not self.elements.any():
            return "no hold of this board is left for new ones"
        others = max(t, self.holds[0] - decided - s - f)
        left = (self.left(~state.used)[0] + undecided * self._open_serves).tolist()
        for (a, b, c), there in sorted(zip(_CHOICES, left, strict=True), key=lambda x: sum(map(bool, x[0]))):
            asked = {
                "start": s * a,
                "finish": f * b,
                "foot": t * (c == _FEET),
                "more": others * (c == _OTHERS),
            }
            if sum(asked.values()) > there:
                owed = " and ".join(f"{n} {what}" for what, n in asked.items() if n)
                return f"{owed} must still be found, and {there} placements are left for them"
        return "the starts and finishes still owed leave no room"


def _counts(
    state: Placed, role: Role | None = None, shape: tuple[int, ...] = (-1,)
) -> tuple[Tensor, Tensor, Tensor]:
    """Starts, finishes and feet so far, with one hold more in `role`, each in a shape that holds (B,)."""
    starts, finishes, feet = (n.view(shape) for n in (state.starts, state.finishes, state.feet))
    return starts + (role == Role.START), finishes + (role == Role.FINISH), feet + (role == Role.FOOT)

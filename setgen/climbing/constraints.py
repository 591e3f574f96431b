"""Constraints: what a user lays down for the climbs to be drawn, beyond the board's own rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.holds import parse_selection
from setgen.climbing.roles import N_ROLES, OPEN, Role
from setgen.climbing.rules import role_counts
from setgen.errors import InputError
from setgen.sets.limits import Limits

Feet = Literal["any", "marked", "none"]


@dataclass(frozen=True)
class Constraints:
    """Where new holds may lie, how many holds a climb has, and whether its feet are marked.

    forbidden: (placement index, role) that must not come; with the role OPEN, in no role.
    region: (left, bottom, right, top) in inches, edges included; new holds lie inside.
    hold_sets: names of the hold sets that new holds come from.
    Given holds stay as they are, wherever they lie; one that is forbidden is a contradiction.
    fewest, most: holds of the whole climb, given ones included.
    feet: `any`, foot holds as the model draws them; `marked`, one foot hold at least; `none`, no foot
    holds: feet go wherever the climber likes.
    reach: inches; a new hand hold lies so near to another hand hold, and a foot hold to any hold, wherever
    the rest leaves such a choice. Which holds will be needed is not known while they are drawn, so this
    limit is soft: the others are certain, and `broken` leaves it out.
    """

    forbidden: tuple[tuple[int, int], ...] = ()
    region: tuple[float, float, float, float] | None = None
    hold_sets: tuple[str, ...] | None = None
    fewest: int | None = None
    most: int | None = None
    feet: Feet = "any"
    reach: float | None = None

    @classmethod
    def parse(
        cls,
        board: Board,
        *,
        forbid: str | None = None,
        region: str | None = None,
        hold_sets: str | None = None,
        fewest: int | None = None,
        most: int | None = None,
        feet: str = "any",
        reach: float | None = None,
    ) -> Constraints | None:
        """From what a person types; None where nothing is laid down.

        forbid: holds such as `p5,p7` or hole names, `G5:start` in this role only. region:
        `left,bottom,right,top`. hold_sets: names separated by commas.
        Raises InputError for what is not of this board.
        """
        constraints = cls(
            () if forbid is None else parse_selection(board, forbid),
            None if region is None else _rectangle(region),
            None if hold_sets is None else tuple(name.strip() for name in hold_sets.split(",")),
            fewest,
            most,
            feet,  # type: ignore[arg-type]  # `check` says so where it is none
            reach,
        )
        constraints.check(board)
        return None if constraints == cls() else constraints

    def check(self, board: Board) -> None:
        """Raise InputError when the constraints contradict themselves or name what the board lacks."""
        for placement, role in self.forbidden:
            if not (0 <= placement < len(board) and (role == OPEN or role in board.role_ids)):
                raise InputError(f"the forbidden hold ({placement}, {role}) is not on this board")
        if self.region is not None:
            left, bottom, right, top = self.region
            if not (left <= right and bottom <= top):
                raise InputError(
                    f"region {_shown(self.region)} is empty: write left,bottom,right,top in inches"
                )
        _sets(board, self.hold_sets)
        for what, size in (("least", self.fewest), ("most", self.most)):
            if size is not None and size < 1:
                raise InputError(f"at {what} {size} holds are no climb: give 1 or more")
        if self.fewest is not None and self.most is not None and self.fewest > self.most:
            raise InputError(f"at least {self.fewest} and at most {self.most} holds cannot be had at once")
        if self.feet not in get_args(Feet):
            raise InputError(f"feet {self.feet!r} is unknown: use {', '.join(get_args(Feet))}")
        if self.feet == "marked" and Role.FOOT not in board.role_ids:
            raise InputError("feet cannot be marked: this board has no foot holds")
        if self.reach is not None and not self.reach > 0:
            raise InputError(f"reach {self.reach} is no distance: give inches, such as 30")

    def limits(self, board: Board) -> Limits:
        """The same in arrays, as the core's rules take them. Raises InputError as `check`."""
        self.check(board)
        labels = board.label_bounds.copy()
        if self.feet == "none":
            labels[Role.FOOT] = 0
        if self.feet == "marked":
            labels[Role.FOOT, 0] = 1
        hand = np.arange(N_ROLES) != Role.FOOT
        return Limits(
            self.elements(board),
            labels,
            (self.fewest, self.most),
            self.within_reach(board),
            hand | ~hand[:, None],  # a hand hold is to lie near a hand hold, a foot hold near any hold
        )

    def check_given(self, board: Board, holds: tuple[tuple[int, int], ...]) -> None:
        """Raise InputError when a given hold is one that must not come."""
        for placement, role in holds:
            name = f"p{board.ids[placement]}"
            if role == Role.FOOT and self.feet == "none":
                raise InputError(f"hold {name} is given as a foot hold, and feet are none: choose one")
            if self.contradict(placement, role):
                raise InputError(f"hold {name} is given, and forbidden: choose one")
            if role == OPEN and placement in {p for p, _ in self.forbidden}:
                raise InputError(
                    f"hold {name} is forbidden in one role, and given in an open one: give its role"
                )

    def elements(self, board: Board) -> np.ndarray:
        """(V, 4) bool: the roles that each placement may play as a new hold."""
        free = np.ones(len(board), dtype=bool)
        if self.region is not None:
            left, bottom, right, top = self.region
            x, y = board.xy.T
            free &= (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
        if self.hold_sets is not None:
            free &= np.isin(board.hold_set, _sets(board, self.hold_sets))
        elements = free[:, None] & self.roles(board)
        for placement, role in self.forbidden:
            elements[placement, slice(None) if role == OPEN else role] = False
        return elements

    def contradict(self, placement: int, role: int) -> bool:
        """Whether a given hold is one that must not come: forbidden, or a foot hold where feet are none."""
        forbidden = {(placement, role), (placement, OPEN)} & set(self.forbidden)
        return bool(forbidden) or (role == Role.FOOT and self.feet == "none")

    def within_reach(self, board: Board) -> np.ndarray | None:
        """(V, V) bool: pairs of placements within reach of each other; None without a limit."""
        if self.reach is None:
            return None
        apart = np.linalg.norm(board.xy[:, None] - board.xy[None], axis=2)
        return apart <= self.reach

    def roles(self, board: Board) -> np.ndarray:
        """(4,) bool: the roles that new holds, and given ones whose role is open, may play."""
        roles = board.role_allowed.copy()
        if self.feet == "none":
            roles[Role.FOOT] = False
        return roles

    def broken(self, board: Board, given: np.ndarray, climbs: Climbs) -> dict[str, np.ndarray]:
        """Constraint → (C,) bool, True where the climb breaks it; its first given[i] holds are given."""
        place = np.arange(len(climbs.placement)) - climbs.offsets[climbs.owner]
        new = place >= given[climbs.owner]
        allowed = self.elements(board)[climbs.placement, climbs.role]
        feet = role_counts(climbs, Role.FOOT)
        none = np.zeros(len(climbs), dtype=bool)
        return {
            "a hold that is not allowed": np.bincount(climbs.owner[new & ~allowed], minlength=len(climbs))
            > 0,
            "too few holds": none if self.fewest is None else climbs.sizes < self.fewest,
            "too many holds": none if self.most is None else climbs.sizes > self.most,
            "feet": {"any": none, "marked": feet == 0, "none": feet > 0}[self.feet],
        }


def _sets(board: Board, names: tuple[str, ...] | None) -> list[int]:
    """Indices of hold sets, by name in any case."""
    known = {name.lower(): i for i, name in enumerate(board.hold_set_names)}
    for name in names or ():
        if name.lower() not in known:
            raise InputError(
                f"hold set {name!r} is not on this board: it has {', '.join(board.hold_set_names)}"
            )
    return [known[name.lower()] for name in names or ()]


def _rectangle(text: str) -> tuple[float, float, float, float]:
    try:
        left, bottom, right, top = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"region {text!r} is not four numbers: write left,bottom,right,top in inches"
        ) from None
    return left, bottom, right, top


def _shown(region: tuple[float, ...]) -> str:
    return ",".join(f"{edge:g}" for edge in region)

"""Legal climbs: the hard rules of the boards' own apps, each one checked and counted by itself."""

from __future__ import annotations

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import OPEN, Role
from setgen.errors import InputError


def role_counts(climbs: Climbs, role: Role) -> np.ndarray:
    """(C,) how many holds of each climb play `role`."""
    return np.bincount(climbs.owner[climbs.role == role], minlength=len(climbs))


def has_repeats(climbs: Climbs) -> np.ndarray:
    """(C,) bool: some placement occurs twice in the climb."""
    ordered = climbs.ordered()
    same = (np.diff(ordered.placement) == 0) & (np.diff(ordered.owner) == 0)
    return np.bincount(ordered.owner[1:][same], minlength=len(climbs)) > 0


def broken_rules(board: Board, climbs: Climbs) -> dict[str, np.ndarray]:
    """Rule → (C,) bool, True where the climb breaks it. A climb that breaks none is legal."""
    sizes, limits = climbs.sizes, board.limits
    starts, finishes = role_counts(climbs, Role.START), role_counts(climbs, Role.FINISH)
    known = (climbs.placement >= 0) & (climbs.placement < len(board))
    role_ok = (climbs.role >= 0) & (climbs.role < len(board.role_allowed))
    role_ok[role_ok] = board.role_allowed[climbs.role[role_ok]]

    def any_of(bad: np.ndarray) -> np.ndarray:
        return np.bincount(climbs.owner[bad], minlength=len(climbs)) > 0

    return {
        "unknown hold": any_of(~known),
        "unknown role": any_of(~role_ok),
        "a hold twice": has_repeats(climbs),
        "too few holds": sizes < limits.holds[0],
        "too many holds": sizes > limits.holds[1],
        "too few starts": starts < limits.starts[0],
        "too many starts": starts > limits.starts[1],
        "too few finishes": finishes < limits.finishes[0],
        "too many finishes": finishes > limits.finishes[1],
    }


def legal(board: Board, climbs: Climbs) -> np.ndarray:
    """(C,) bool: the climb breaks no hard rule."""
    return ~np.any(list(broken_rules(board, climbs).values()), axis=0)


def check_prompt(board: Board, prompt: Climb) -> None:
    """Raise InputError with the reason when no legal climb contains the prompt's holds."""
    placements = [p for p, _ in prompt.holds]
    for p in placements:
        if placements.count(p) > 1:
            raise InputError(f"hold p{board.ids[p]} is given twice: give each hold once")
    for role in Role:
        given = sum(r == role for _, r in prompt.holds)
        most = {Role.START: board.limits.starts[1], Role.FINISH: board.limits.finishes[1]}.get(role)
        if given and role not in board.role_ids:
            raise InputError(f"this board has no {role.label} holds")
        if most is not None and given > most:
            raise InputError(f"{given} {role.label} holds are given; this board allows {most}")
    for role, owed in ((Role.START, board.limits.starts[0]), (Role.FINISH, board.limits.finishes[0])):
        if owed and role not in board.role_ids:
            raise InputError(f"this board asks for {owed} {role.label} holds and has no such role")
    fewest, most_holds = size_range(board, prompt)
    if fewest > most_holds:
        raise InputError(
            f"{len(placements)} holds are given; with the start and finish still owed that is more than "
            f"the {most_holds} this board allows"
        )


def size_range(board: Board, prompt: Climb) -> tuple[int, int]:
    """(fewest, most) holds of a legal climb that contains the prompt's holds.

    A hold whose role is open may become a start or finish that is owed.
    """
    starts = sum(r == Role.START for _, r in prompt.holds)
    finishes = sum(r == Role.FINISH for _, r in prompt.holds)
    owed = max(0, board.limits.starts[0] - starts) + max(0, board.limits.finishes[0] - finishes)
    owed = max(0, owed - sum(r == OPEN for _, r in prompt.holds))
    most = min(board.limits.holds[1], len(board))
    # A board whose only roles are used up cannot take more holds.
    free_roles = {Role.MIDDLE, Role.FOOT} & set(board.role_ids)
    if not free_roles:
        ends = {Role.START: board.limits.starts[1], Role.FINISH: board.limits.finishes[1]}
        most = min(most, sum(many for role, many in ends.items() if role in board.role_ids))
    return max(board.limits.holds[0], len(prompt.holds) + owed), most

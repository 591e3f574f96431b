"""Prompts from what a person types: given holds, an angle, a grade, and how many climbs are wanted."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN, parse_grade
from setgen.climbing.holds import parse_holds
from setgen.climbing.rules import check_prompt, size_range
from setgen.errors import InputError


def make_prompts(
    board: Board,
    n: int = 1,
    *,
    holds: str = "",
    angle: int | None = None,
    grade: str | int | None = None,
    legal: bool = True,
) -> Climbs:
    """n equal prompts for `Generator.sample`; what is left out is for the model to choose.

    holds: a frames string or hole names (see `boards.prompts`), roles may be open. angle: degrees.
    grade: Font, V, or a difficulty id. Raises InputError for a hold, angle or grade that the board does
    not know and, if `legal`, for holds that no legal climb contains.
    """
    if n < 1:
        raise InputError(f"{n} climbs cannot be made: ask for 1 or more")
    given = parse_holds(board, holds, open_roles=True)
    prompt = Climb(given, _angle(board, angle), _grade(board, grade))
    if legal:
        check_prompt(board, prompt)
    return Climbs.prompts(n, *prompt)


def fixed_sizes(board: Board, prompts: Climbs, size: int, legal: bool = True) -> np.ndarray:
    """(C,) the same number of holds for every prompt, for `Generator.sample(sizes=…)`.

    Raises InputError when some prompt cannot become a climb of that many holds.
    """
    for prompt in dict.fromkeys(prompts):
        fewest, most = size_range(board, prompt)
        if not legal:
            fewest = max(1, len(prompt.holds))
        if not fewest <= size <= most:
            given = f" with the {len(prompt.holds)} given" if prompt.holds else ""
            raise InputError(
                f"size {size} is impossible: climbs of this board{given} have {fewest} to {most} holds"
            )
    return np.full(len(prompts), size)


def with_missing(board: Board, climbs: Climbs, angle: int | None, grade: str | None) -> Climbs:
    """The climbs with `angle` and `grade` filled in where they have none."""
    return climbs.with_conditions(
        np.where(climbs.angle == UNKNOWN, _angle(board, angle), climbs.angle),
        np.where(climbs.grade == UNKNOWN, _grade(board, grade), climbs.grade),
    )


def _angle(board: Board, angle: int | None) -> int:
    return UNKNOWN if angle is None else board.check_angle(int(angle))


def _grade(board: Board, grade: str | int | None) -> int:
    if grade is None or grade == UNKNOWN:
        return UNKNOWN
    return board.check_grade(parse_grade(grade) if isinstance(grade, str) else int(grade))

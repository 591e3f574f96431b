"""From what a client sent to prompts and climbs of the board; what is wrong names its field."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climb_files import climbs_in_text
from setgen.climbing.climb_rows import LED_BYTES, Known
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN, parse_grade
from setgen.climbing.holds import parse_holds
from setgen.climbing.rules import broken_rules, check_prompt
from setgen.errors import InputError
from setgen.serving.problems import about
from setgen.serving.requests import ClimbIn

# Words that may be hole names with roles; what begins like a frames string or a CSV with a header is none.
_NAMES = re.compile(r"[^{}\[\]#/~\"]+")
_NO_NAMES = re.compile(r"p\d+r|sep=|frames\b|[^\n]*[,;\t]frames\b", re.IGNORECASE)


@dataclass(frozen=True)
class Conditions:
    """What a request asks of climbs; UNKNOWN where it does not."""

    angle: int
    grade: int


def conditions(board: Board, angle: int | None, grade: str | None, where: str = "") -> Conditions:
    with about(f"{where}angle"):
        degrees = UNKNOWN if angle is None else board.check_angle(angle)
    with about(f"{where}grade"):
        difficulty = UNKNOWN if grade is None else board.check_grade(parse_grade(grade))
    return Conditions(degrees, difficulty)


def given_holds(board: Board, holds: str, open_roles: bool = False) -> tuple[tuple[int, int], ...]:
    """The holds of a prompt that a legal climb can contain; with `open_roles` roles may be OPEN."""
    with about("holds"):
        given = parse_holds(board, holds, open_roles)
        check_prompt(board, Climb(given))
    return given


def kept_holds(board: Board, holds: str, keep: list[int]) -> tuple[tuple[tuple[int, int], ...], int]:
    """The holds of a climb whose placement ids are in `keep`, and how many holds it has in all."""
    with about("holds"):
        climb = parse_holds(board, holds)
    ids = {int(board.ids[placement]): (placement, role) for placement, role in climb}
    with about("keep"):
        for i in keep:
            if i not in ids:
                raise InputError(f"hold p{i} is to be kept, but the climb does not have it")
        kept = tuple(ids[i] for i in dict.fromkeys(keep))
        check_prompt(board, Climb(kept))
    return kept, len(climb)


def wanted_sizes(possible: list[int], given: int, n: int, size: int | None) -> np.ndarray:
    """(n,) of `size`, 0 where it is left to the model. possible: sizes of climbs with so many holds given."""
    with about("size"):
        if size is not None and size not in possible:
            raise InputError(
                f"{size} holds cannot be had: with the {given} given a climb has {possible[0]} to "
                f"{possible[-1]}"
            )
    return np.full(n, size or 0)


def climbs_in(board: Board, text: str, routes: bool, known: Known | None) -> Climbs:
    """Climbs in a text of any form that is known, legal or not; hole names are one climb."""
    with about("text"):
        if (
            _NAMES.fullmatch(text)
            and not _NO_NAMES.match(text.strip())
            and not LED_BYTES.fullmatch(text.strip())
        ):
            return Climbs.from_list([Climb(parse_holds(board, text))])
        return climbs_in_text(text, board, "text", False, routes, known)


def climbs_of(board: Board, given: list[ClimbIn], check_legal: bool) -> Climbs:
    """Whole climbs; with `check_legal` those that no legal climb contains are refused."""
    climbs = []
    for i, one in enumerate(given):
        asked = conditions(board, one.angle, one.grade, f"climbs.{i}.")
        with about(f"climbs.{i}.holds"):
            holds = parse_holds(board, one.holds)
            if not holds:
                raise InputError("there are no holds: give at least one")
            if check_legal:
                _check_legal(board, holds)
        climbs.append(Climb(holds, asked.angle, asked.grade))
    return Climbs.from_list(climbs)


def _check_legal(board: Board, holds: tuple[tuple[int, int], ...]) -> None:
    broken = broken_rules(board, Climbs.from_list([Climb(holds)]))
    rules = ", ".join(rule for rule, where in broken.items() if where.any())
    if rules:
        raise InputError(f"this climb is not legal on {board.name}: {rules}")

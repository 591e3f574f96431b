"""MoonBoard problems as JSON, in the two forms that setgen imports, and one problem read back.

The full form is the MoonBoard site's: `moves` with `description`, `isStart` and `isEnd`, and the angle in
`moonBoardConfiguration` (1 is 40°, 2 is 25°). The short form, `Grade` and `Moves`, has no roles and no angle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import FONT, UNKNOWN
from setgen.boards.roles import Role
from setgen.errors import InputError
from setgen.sources import moonboard as source

_CONFIGURATIONS = {40: 1, 25: 2}


def full_problems(board: Board, climbs: Climbs, names: Sequence[str]) -> list[dict[str, Any]]:
    """C problems in the full form, for C climbs with C names. Raises InputError for any other board."""
    check_moonboard(board)
    return [_full(board, climb, name) for climb, name in zip(climbs.ordered(), names, strict=True)]


def short_problems(board: Board, climbs: Climbs) -> list[dict[str, Any]]:
    """C problems in the short form; roles and angle are not in it. Raises InputError for any other board."""
    check_moonboard(board)
    return [
        _graded(climb, "Grade") | {"Moves": [board.hole_names[p] for p, _ in climb.holds]}
        for climb in climbs.ordered()
    ]


def read_problem(board: Board, record: Mapping[str, Any]) -> Climb:
    """The climb of `board` that a problem in either form is.

    Roles that the problem does not have are derived as on import, or are all middle on a board without
    starts; an angle that it does not state is unknown.
    Raises InputError for what is no problem of this board.
    """
    check_moonboard(board)
    fields = source.lower_keys(record)
    holds, grade, angle, derived, problem = source.read_record(fields)
    if problem:
        raise InputError(source.REASONS[problem])
    if fields.get("moonboardconfiguration") in (None, ""):
        angle = UNKNOWN
    elif source.read_angle(fields) is None:
        raise InputError(f"moonBoardConfiguration {fields['moonboardconfiguration']!r} names no angle")
    if derived and Role.START in board.role_ids:
        holds = source.derive_roles(holds, n_rows(board))
    placed = tuple((board.index_of_name(f"{source.COLUMNS[c]}{r}"), int(role)) for c, r, role in holds)
    return Climb(placed, angle, grade)


def check_moonboard(board: Board) -> None:
    """Raise InputError when the board is no MoonBoard."""
    if board.family != "moonboard":
        raise InputError(f"{board.name} is no MoonBoard: its climbs have no MoonBoard form")


def n_rows(board: Board) -> int:
    """18, or 12 on a Mini MoonBoard."""
    return len(board) // len(source.COLUMNS)


def _full(board: Board, climb: Climb, name: str) -> dict[str, Any]:
    record: dict[str, Any] = {"name": name, **_graded(climb, "grade")}
    if climb.angle != UNKNOWN:
        number = _CONFIGURATIONS.get(climb.angle)
        record["moonBoardConfiguration"] = {"id": number, "description": f"{climb.angle}° MoonBoard"}
    record["moves"] = [
        {
            "description": board.hole_names[placement],
            "isStart": role == Role.START,
            "isEnd": role == Role.FINISH,
        }
        for placement, role in climb.holds
    ]
    return record


def _graded(climb: Climb, key: str) -> dict[str, str]:
    return {} if climb.grade == UNKNOWN else {key: FONT[climb.grade].upper()}

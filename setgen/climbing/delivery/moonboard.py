"""MoonBoard problems as JSON, in the two forms that setgen imports, and one problem read back.

The full form is the MoonBoard site's: `moves` with `description`, `isStart` and `isEnd`, and the angle in
`moonBoardConfiguration`, whose number depends on the hold setup (see `sources.setups`). The short form,
`Grade` and `Moves`, has no roles and no angle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import FONT, UNKNOWN
from setgen.climbing.roles import Role
from setgen.climbing.sources import moonboard as source
from setgen.climbing.sources.rules import UNREADABLE
from setgen.climbing.sources.setups import Setup, angle_in_name, by_layout, setup_in_name
from setgen.climbing.sources.texts import lower_keys
from setgen.errors import InputError

_CONFIGURATIONS = {1: 40, 2: 25}


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


def read_problem(board: Board, record: Mapping[str, Any], file_name: str = "") -> list[Climb]:
    """The climbs of `board` that a problem in either form is: one, or one for each of its angles.

    Roles that the problem does not have are derived as on import, or are all middle on a board without
    starts; an angle that neither it, nor the file's name, nor its setup states is unknown.
    Raises InputError for what is no problem of this board, and for one on another hold setup.
    """
    check_moonboard(board)
    fields = lower_keys(record)
    problem = source.read_problem(fields, setup_in_name(file_name) or source.NOT_SAID)
    if problem.fault:
        raise InputError(source.REASONS[problem.fault])
    check_setup(board, problem.setup)
    holds = problem.holds
    if problem.needs_roles and Role.START in board.role_ids:
        holds = source.derive_roles(holds, n_rows(board))
    placed = tuple((board.index_of_name(f"{source.COLUMNS[c]}{r}"), int(role)) for c, r, role in holds)
    for reading in problem.readings:
        if reading.angle == UNREADABLE:
            raise InputError("its moonBoardConfiguration names no angle that is known")
        if reading.grade == UNREADABLE:
            raise InputError("a grade that is on no known scale")
    otherwise = angle_in_name(file_name) or problem.setup.only_angle or UNKNOWN
    angles = [otherwise if reading.angle == UNKNOWN else reading.angle for reading in problem.readings]
    return [Climb(placed, a, reading.grade) for a, reading in zip(angles, problem.readings, strict=True)]


def check_setup(board: Board, setup: Setup) -> None:
    """Raise InputError when a problem is on another hold setup than the board, as far as both say theirs."""
    mine = None if board.app is None else by_layout(board.app.layout)
    if mine is not None and setup.id != source.NOT_SAID.id and (setup.id, setup.name) != (mine.id, mine.name):
        raise InputError(
            f"a problem on {setup.name}, where the same cells hold other holds than on {board.name}"
        )


def check_moonboard(board: Board) -> None:
    """Raise InputError when the board is no MoonBoard."""
    if board.family != "moonboard":
        raise InputError(f"{board.name} is no MoonBoard: its climbs have no MoonBoard form")


def n_rows(board: Board) -> int:
    """18, or 12 on a Mini MoonBoard."""
    return len(board) // len(source.COLUMNS)


def _full(board: Board, climb: Climb, name: str) -> dict[str, Any]:
    record: dict[str, Any] = {"name": name, **_graded(climb, "grade")}
    setup = None if board.app is None else by_layout(board.app.layout)
    if setup is not None:
        record["holdsetup"] = {"apiId": setup.id, "description": setup.name}
    if climb.angle != UNKNOWN:
        known = setup.angles if setup is not None and setup.angles else _CONFIGURATIONS
        number = next((n for n, angle in known.items() if angle == climb.angle), None)
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

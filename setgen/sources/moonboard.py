"""MoonBoard JSON: the short form (Grade, Moves) without roles, and the full form with isStart and isEnd."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import UNKNOWN, parse_grade
from setgen.boards.roles import Role
from setgen.errors import InputError
from setgen.sources.readout import Options, Readout, Sieve

COLUMNS = "ABCDEFGHIJK"
ROWS, MINI_ROWS = 18, 12
PITCH = 200 / 25.4  # inches between neighbouring holes
DEFAULT_ANGLE = 40
HIGHEST_START_ROW = 6

_HOLE = re.compile(r"([A-K])([1-9]|1[0-8])", re.IGNORECASE)
_ANGLE = re.compile(r"(?<!\d)(\d{1,2})\s*(?:°|deg)", re.IGNORECASE)
_ANGLE_OF_ID = {"1": 40, "2": 25}
_BAD_RECORD, _BAD_HOLD, _BAD_GRADE = range(1, 4)
REASONS = {
    _BAD_RECORD: "not a climb: no list of moves",
    _BAD_HOLD: "hold not on the board (A1 to K18)",
    _BAD_GRADE: "a grade that is on no known scale",
}


def moonboard(angles: tuple[int, ...] = (DEFAULT_ANGLE,), rows: int = ROWS) -> Board:
    """The MoonBoard's grid: 11 columns A–K × `rows` rows, A1 in the corner below left, no foot role."""
    column, row = np.meshgrid(np.arange(len(COLUMNS)), np.arange(rows))
    return Board(
        name="MoonBoard" if rows == ROWS else "Mini MoonBoard",
        family="moonboard",
        ids=np.arange(1, rows * len(COLUMNS) + 1),
        xy=np.stack([column.ravel() + 1, row.ravel() + 1], axis=1) * PITCH,
        hold_set=np.zeros(rows * len(COLUMNS), dtype=np.int64),
        hold_set_names=("MoonBoard",),
        hole_names=tuple(f"{c}{r + 1}" for r in range(rows) for c in COLUMNS),
        role_ids={Role.START: 42, Role.MIDDLE: 43, Role.FINISH: 44},
        role_colors={Role.START: "#00DD00", Role.MIDDLE: "#0080FF", Role.FINISH: "#FF0000"},
        angles=angles,
        edges=(0.0, (len(COLUMNS) + 1) * PITCH, 0.0, (rows + 1) * PITCH),
    )


def records(data: Any) -> list[tuple[str, Any]] | None:
    """(id, record) of each climb in parsed JSON, or None when it is not MoonBoard data.

    A list of records, {"data": list}, or a dict from id to record.
    """
    if isinstance(data, Mapping):
        wrapped = next((v for k, v in data.items() if k.lower() == "data"), None)
        pairs = list(data.items()) if wrapped is None else None
        data = wrapped if wrapped is not None else None
    else:
        pairs = None
    if isinstance(data, list):
        pairs = [(str(i + 1), record) for i, record in enumerate(data)]
    elif isinstance(data, Mapping):
        pairs = list(data.items())
    if not pairs or not any(isinstance(r, Mapping) and "moves" in lower_keys(r) for _, r in pairs):
        return None
    return [(str(name), record) for name, record in pairs]


def read_moonboard(pairs: list[tuple[str, Any]], options: Options) -> Readout:
    """Climbs of (id, record) pairs; see the module's docstring for the two forms."""
    fields = [lower_keys(record) if isinstance(record, Mapping) else {} for _, record in pairs]
    _check_filters(fields, options)
    read = [read_record(record) for record in fields]
    unclear = [read_angle(record) is None for record in fields]
    top = max((row for holds, *_ in read for _, row, _ in holds), default=ROWS)
    n_rows = ROWS if top > MINI_ROWS else MINI_ROWS
    derived = sum(d for *_, d, _ in read)

    climbs, problems = [], np.zeros(len(read), dtype=np.int8)
    for i, (holds, grade, angle, needs_roles, problem) in enumerate(read):
        problems[i] = problem
        if needs_roles:
            holds = derive_roles(holds, n_rows)
        pairs_of = [((row - 1) * len(COLUMNS) + column, int(role)) for column, row, role in holds]
        climbs.append(Climb(tuple(pairs_of) if not problem else (), angle, grade))
    table = Climbs.from_list(climbs)
    angles = tuple(int(a) for a in np.unique(table.angle[problems == 0])) or (DEFAULT_ANGLE,)
    board = moonboard(angles, n_rows)

    sieve = Sieve(len(climbs))
    for code, reason in REASONS.items():
        sieve.drop(problems == code, reason)
    if not options.ungraded:
        sieve.drop(table.grade == UNKNOWN, "no grade (kept with --ungraded)")
    if options.angles:
        for wanted in options.angles:
            board.check_angle(wanted)
        sieve.drop(~np.isin(table.angle, options.angles), "another angle than --angles")
    if options.min_ascents > 0:
        sieve.drop(_column(fields, "repeats") < options.min_ascents, "fewer ascents than --min-ascents")
    if options.min_quality > 0:
        sieve.drop(~(_column(fields, "userrating") >= options.min_quality), "quality below --min-quality")

    rule = (
        f"derived where the source gives none ({derived} of {len(read)} climbs): finish = row {n_rows}, "
        f"start = the lowest one or two at or below row {HIGHEST_START_ROW}, the rest middle"
    )
    facts = {"climbs_read": len(read), "roles": rule if derived else "from the source"}
    warnings = ["roles are derived, not the setters' own: see `roles`"] if derived else []
    if any(unclear):
        example = fields[unclear.index(True)]["moonboardconfiguration"]
        warnings.append(
            f"{sum(unclear)} of {len(read)} climbs have a moonBoardConfiguration that setgen does not know, "
            f"such as {str(example)[:60]!r}: taken as {DEFAULT_ANGLE}°"
        )
    names = np.array(
        [_name(record, name) for (name, _), record in zip(pairs, fields, strict=True)], dtype=object
    )
    return Readout("MoonBoard JSON", board, table.ordered(), names, sieve, facts, warnings)


def derive_roles(holds: list[tuple[int, int, Role]], n_rows: int) -> list[tuple[int, int, Role]]:
    """Roles for (column, row, _) holds: finish = top row, start = the lowest one or two up to row 6.

    Of holds equally low, those further left come first.
    """
    low = sorted((row, column) for column, row, _ in holds if row <= HIGHEST_START_ROW)[:2]

    def role(column: int, row: int) -> Role:
        if row == n_rows:
            return Role.FINISH
        return Role.START if (row, column) in low else Role.MIDDLE

    return [(column, row, role(column, row)) for column, row, _ in holds]


def lower_keys(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record under keys in lower case: some files write `Moves`, others `moves`."""
    return {str(key).lower(): value for key, value in record.items()}


def _name(record: dict[str, Any], fallback: str) -> str:
    for key in ("apiid", "id"):
        if record.get(key) not in (None, ""):
            return _clean(record[key])
    return _clean(fallback)


def _clean(name: Any) -> str:
    """Text that can be written: JSON may hold halves of surrogate pairs."""
    return str(name).encode("utf-8", errors="replace").decode()


def read_record(record: dict[str, Any]) -> tuple[list[tuple[int, int, Role]], int, int, bool, int]:
    """(holds as (column, row, role), grade, angle, whether roles must be derived, problem).

    record: with its keys in lower case. problem: a key of REASONS, 0 for none.
    """
    moves = record.get("moves")
    grade, angle = _grade(record.get("grade")), read_angle(record)
    angle = DEFAULT_ANGLE if angle is None else angle
    if not isinstance(moves, list) or not moves:
        return [], UNKNOWN, angle, False, _BAD_RECORD
    holds, has_roles = [], False
    for move in moves:
        role = Role.MIDDLE
        if isinstance(move, Mapping):
            move = lower_keys(move)
            if "isstart" in move or "isend" in move:
                has_roles = True
                role = (
                    Role.START if move.get("isstart") else Role.FINISH if move.get("isend") else Role.MIDDLE
                )
            move = move.get("description")
        match = _HOLE.fullmatch(move.strip()) if isinstance(move, str) else None
        if match is None:
            return [], UNKNOWN, angle, False, _BAD_HOLD
        holds.append((COLUMNS.index(match[1].upper()), int(match[2]), role))
    if grade is None:
        return holds, UNKNOWN, angle, not has_roles, _BAD_GRADE
    return holds, grade, angle, not has_roles, 0


@cache
def _parse(text: str) -> int | None:
    try:
        return parse_grade(text)
    except InputError:
        return None


def _grade(value: Any) -> int | None:
    """Difficulty id; UNKNOWN where there is none, None where it cannot be read."""
    if value is None or not str(value).strip():
        return UNKNOWN
    return _parse(str(value))


def read_angle(record: dict[str, Any]) -> int | None:
    """Degrees from the record's moonBoardConfiguration: text such as "40° MoonBoard", or the app's bare id.

    40 where the record has none, None where it says something else.
    """
    setting = record.get("moonboardconfiguration")
    if isinstance(setting, Mapping):
        fields = lower_keys(setting)
        setting = fields.get("description") or fields.get("id")
    if setting is None or setting == "":
        return DEFAULT_ANGLE
    match = _ANGLE.search(str(setting))
    return int(match[1]) if match else _ANGLE_OF_ID.get(str(setting).strip())


def _column(fields: list[dict[str, Any]], key: str) -> np.ndarray:
    values = [record.get(key) for record in fields]
    return np.array([v if isinstance(v, int | float) else np.nan for v in values], dtype=np.float64)


def _check_filters(fields: list[dict[str, Any]], options: Options) -> None:
    if options.layout is not None or options.size is not None:
        raise InputError("a MoonBoard file has one layout and size: leave out --layout and --size")
    for flag, wanted, key in (
        ("--min-ascents", options.min_ascents, "repeats"),
        ("--min-quality", options.min_quality, "userrating"),
    ):
        if wanted > 0 and np.isnan(_column(fields, key)).all():
            raise InputError(f"this file records no {key}: leave out {flag}")

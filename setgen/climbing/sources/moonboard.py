"""MoonBoard JSON: the short form (Grade, Moves) without roles, and the full form with isStart and isEnd."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from setgen.climbing.board import AppIds, Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.roles import Role
from setgen.climbing.sources import rules
from setgen.climbing.sources.columns import numbers
from setgen.climbing.sources.readout import Options, Readout, Sieve
from setgen.climbing.sources.setups import (
    DEFAULT_ANGLE,
    MINI_ROWS,
    NOT_SAID,
    ROWS,
    SETUPS,
    Setup,
    angle_in_name,
    read_setup,
    setup_in_name,
    stated_angle,
)
from setgen.climbing.sources.texts import lower_keys
from setgen.errors import InputError

COLUMNS = "ABCDEFGHIJK"
PITCH = 200 / 25.4  # inches between neighbouring holes
HIGHEST_START_ROW = 6
SIZE = 1  # boardsesh's number of the one size that a MoonBoard comes in
UNKNOWN_SET = "hold set not known"

_HOLE = re.compile(r"([A-K])([1-9]|1[0-8])", re.IGNORECASE)
_BAD_RECORD, _BAD_HOLD = range(1, 3)
REASONS = {
    _BAD_RECORD: "not a climb: no list of moves",
    _BAD_HOLD: "hold not on the board (A1 to K18)",
}


class Reading(NamedTuple):
    """A problem at one angle. angle, grade: as `rules` has them. record: where more is said of it."""

    angle: int
    grade: int
    record: Mapping[str, Any]


class Problem(NamedTuple):
    """What a record says. holds: (column, row, role); row from 1. fault: a key of REASONS, 0 for none."""

    setup: Setup
    holds: list[tuple[int, int, Role]]
    needs_roles: bool
    readings: list[Reading]
    fault: int


def moonboard(
    angles: tuple[int, ...] = (DEFAULT_ANGLE,),
    rows: int = ROWS,
    setup: Setup = NOT_SAID,
    cell_sets: Sequence[str] | None = None,
    mounted: Sequence[str] = (),
) -> Board:
    """The MoonBoard's grid: 11 columns A–K × `rows` rows, A1 in the corner below left, no foot role.

    setup: its name, and by it boardsesh's numbers. cell_sets: the name of each cell's hold set, where known.
    mounted: the hold sets on it; all of the setup's if left out.
    """
    column, row = np.meshgrid(np.arange(len(COLUMNS)), np.arange(rows))
    name = setup.name if setup.id else "MoonBoard" if rows == ROWS else "Mini MoonBoard"
    names = sorted(set(cell_sets)) if cell_sets else ["MoonBoard"]
    sets = tuple(number for s, number in setup.sets.items() if s in mounted) or tuple(setup.sets.values())
    return Board(
        name=name,
        family="moonboard",
        ids=np.arange(1, rows * len(COLUMNS) + 1),
        xy=np.stack([column.ravel() + 1, row.ravel() + 1], axis=1) * PITCH,
        hold_set=np.array([names.index(s) for s in cell_sets] if cell_sets else [0] * column.size),
        hold_set_names=tuple(names),
        hole_names=tuple(f"{c}{r + 1}" for r in range(rows) for c in COLUMNS),
        role_ids={Role.START: 42, Role.MIDDLE: 43, Role.FINISH: 44},
        role_colors={Role.START: "#00DD00", Role.MIDDLE: "#0080FF", Role.FINISH: "#FF0000"},
        angles=angles,
        edges=(0.0, (len(COLUMNS) + 1) * PITCH, 0.0, (rows + 1) * PITCH),
        app=None if setup.layout is None else AppIds(setup.layout, SIZE, sets),
    )


def are_problems(pairs: list[tuple[str, dict[str, Any]]]) -> bool:
    """Whether some of (name, record) pairs are a MoonBoard's."""
    return any("moves" in record for _, record in pairs)


def read_moonboard(pairs: list[tuple[str, dict[str, Any]]], options: Options, file_name: str = "") -> Readout:
    """Climbs of (name, record) pairs, keys in lower case; see the module's docstring for the two forms.

    file_name: may say the hold setup and the angle of records that do not. Raises InputError.
    """
    if options.size is not None:
        raise InputError("a MoonBoard comes in one size: leave out --size")
    warnings: list[str] = []
    silent = [read_setup(record.get("holdsetup")) is NOT_SAID for _, record in pairs]
    default = _default_setup(silent, options, file_name, warnings)
    problems = [read_problem(record, default) for _, record in pairs]
    setup, setup_warnings = _choose(problems, options)
    warnings += setup_warnings
    here = [_key(p.setup) == _key(setup) for p in problems]

    top = max((r for p, at in zip(problems, here, strict=True) if at for _, r, _ in p.holds), default=ROWS)
    n_rows = setup.rows or (ROWS if top > MINI_ROWS else MINI_ROWS)
    climbs, which, faults = [], [], []
    for i, problem in enumerate(problems):
        fault = problem.fault or (_BAD_HOLD if any(r > n_rows for _, r, _ in problem.holds) else 0)
        holds = derive_roles(problem.holds, n_rows) if problem.needs_roles else problem.holds
        cells = () if fault else tuple(((r - 1) * len(COLUMNS) + c, int(role)) for c, r, role in holds)
        climbs += [Climb(cells, reading.angle, reading.grade) for reading in problem.readings]
        which += [i] * len(problem.readings)
        faults += [fault] * len(problem.readings)
    table, rows, fault_of = Climbs.from_list(climbs).ordered(), np.array(which), np.array(faults)
    fields = [{**pairs[i][1], **r.record} for i, p in enumerate(problems) for r in p.readings]

    sieve = Sieve(len(table))
    sieve.drop(~np.array(here, dtype=bool)[rows], "on another hold setup")
    names = {key for record in fields for key in record}
    withdrawn = {key: [r.get(key) for r in fields] for key in rules.withdrawn_columns(names)}
    rules.drop_withdrawn(sieve, withdrawn, options)
    for code, reason in REASONS.items():
        sieve.drop(fault_of == code, reason)
    angle = _angles(table.angle, sieve, setup, options, file_name, warnings)
    rules.drop_unreadable(sieve, angle, table.grade, options)

    derived = sum(p.needs_roles and not p.fault and at for p, at in zip(problems, here, strict=True))
    rule = (
        f"derived where the source gives none ({derived} of {sum(here)} climbs): finish = row {n_rows}, "
        f"start = the lowest one or two at or below row {HIGHEST_START_ROW}, the rest middle"
    )
    if derived:
        warnings.append("roles are derived, not the setters' own: see `roles`")
    table = table.with_conditions(angle, table.grade)
    seen = np.unique(angle[sieve.kept & (angle >= 0)])
    cell_sets, mounted = _hold_sets(table, sieve, [_sets_of(pairs[i][1]) for i in which], n_rows)
    facts: dict[str, Any] = {
        "climbs_read": len(problems),
        "roles": rule if derived else "from the source",
    }
    if setup.id:
        facts["layout"] = {"id": setup.id, "name": setup.name}
    if mounted:
        facts["mounted"] = mounted
    readout = Readout(
        "MoonBoard JSON",
        moonboard(tuple(int(a) for a in seen) or (DEFAULT_ANGLE,), n_rows, setup, cell_sets, mounted),
        table,
        _names(fields, [pairs[i][0] for i in which]),
        sieve,
        facts,
        warnings,
        rules.known(_columns(fields)),
    )
    rules.drop_unwanted(readout, options)
    return readout


def read_problem(record: Mapping[str, Any], default: Setup = NOT_SAID) -> Problem:
    """What a record (keys in lower case) says at each of its angles. default: its setup if it states none."""
    setup = read_setup(record.get("holdsetup"))
    setup = default if setup is NOT_SAID else setup
    entries = _entries(record.get("configurations"))
    if entries:
        own = stated_angle(record, setup)
        kept = ("repeats", "userrating", "isbenchmark")
        readings = []
        for entry in entries:
            angle = stated_angle(entry, setup, entry=True)
            grade = rules.grade(entry["grade"]) if "grade" in entry else rules.grade_of(record)
            said = {k: entry[k] for k in (*kept, *rules.withdrawn_columns(set(entry))) if k in entry}
            readings.append(Reading(own if angle == UNKNOWN else angle, grade, said))
    else:
        readings = [Reading(stated_angle(record, setup), rules.grade_of(record), {})]
    moves = record.get("moves")
    if isinstance(moves, str):
        moves = [_text_move(word) for word in moves.split("|") if word.strip()]
    if not isinstance(moves, list) or not moves:
        return Problem(setup, [], False, readings, _BAD_RECORD)
    holds, has_roles = [], False
    for move in moves:
        role = Role.MIDDLE
        if isinstance(move, Mapping):
            move = lower_keys(move)
            if "isstart" in move or "isend" in move:
                has_roles = True
                start, end = (rules.flag(move.get(key)) == 1 for key in ("isstart", "isend"))
                role = Role.START if start else Role.FINISH if end else Role.MIDDLE
            move = move.get("description")
        match = _HOLE.fullmatch(move.strip()) if isinstance(move, str) else None
        if match is None:
            return Problem(setup, [], False, readings, _BAD_HOLD)
        holds.append((COLUMNS.index(match[1].upper()), int(match[2]), role))
    return Problem(setup, holds, not has_roles, readings, 0)


def _entries(configurations: Any) -> list[dict[str, Any]]:
    """What a problem says of each angle: a list of entries, or entries by their angle or number."""
    if isinstance(configurations, Mapping):
        return [
            {"angle" if "angle" not in lower_keys(e) and _is_angle(key) else "id": key, **lower_keys(e)}
            for key, e in configurations.items()
            if isinstance(e, Mapping)
        ]
    if not isinstance(configurations, list):
        return []
    return [lower_keys(e) if isinstance(e, Mapping) else {"id": e} for e in configurations]


def _is_angle(key: Any) -> bool:
    """Whether a key is degrees, and no small number of a configuration."""
    return rules.angle(key) >= 10


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


def deduced_sets(
    climbs: Climbs, sets: Sequence[frozenset[str]], n_cells: int
) -> tuple[list[str] | None, list[str]]:
    """(each cell's hold set, the sets that are named), from the sets that each of C climbs is said to need.

    A cell's set is one that every climb on it needs; where more than one is left, it is not known. None where
    no climb says which sets it needs.
    """
    names = sorted(set().union(*sets))
    if not names:
        return None, []
    bits = {name: 1 << i for i, name in enumerate(names)}
    needs = np.array([sum(bits[s] for s in named) or -1 for named in sets], dtype=object)
    left: list[int] = [-1] * n_cells
    for cell, need in zip(climbs.placement.tolist(), needs[climbs.owner].tolist(), strict=True):
        left[cell] &= need
    by_bit = {bit: name for name, bit in bits.items()}
    return [by_bit.get(mask, UNKNOWN_SET) for mask in left], names


def _hold_sets(
    climbs: Climbs, sieve: Sieve, sets: list[frozenset[str]], n_rows: int
) -> tuple[list[str] | None, list[str]]:
    kept = np.flatnonzero(sieve.kept)
    cell_sets, names = deduced_sets(climbs[kept], [sets[i] for i in kept], n_rows * len(COLUMNS))
    known = cell_sets is not None and set(cell_sets) != {UNKNOWN_SET}
    return (cell_sets if known else None), names


def _sets_of(record: Mapping[str, Any]) -> frozenset[str]:
    """The hold sets that a record names as its own."""
    named = record.get("holdsets")
    if not isinstance(named, list):
        return frozenset()
    words = [lower_keys(s).get("description") if isinstance(s, Mapping) else s for s in named]
    return frozenset(str(word).strip() for word in words if isinstance(word, str) and word.strip())


def _key(setup: Setup) -> tuple[int, str]:
    return setup.id, setup.name


def _default_setup(silent: Sequence[bool], options: Options, file_name: str, warnings: list[str]) -> Setup:
    """The setup of climbs that state none, which the file's name or the user may say. silent: they do not."""
    if not any(silent):
        return NOT_SAID
    named = setup_in_name(file_name)
    if named is not None:
        warnings.append(
            f"{sum(silent)} of {len(silent)} climbs state no hold setup: {named.name} is read from the "
            "file's name"
        )
        return named
    if not all(silent):
        return NOT_SAID
    wanted = options.layout
    known = ", ".join(f"{s.id} ({s.name})" for s in SETUPS)
    if wanted is None:
        warnings.append(
            "no climb states its hold setup, and a cell holds another hold on another setup: --layout says "
            f"which it is, of {known}"
        )
        return NOT_SAID
    chosen = next((s for s in SETUPS if _is(s, wanted)), None)
    if chosen is None and not _is(NOT_SAID, wanted):
        raise InputError(f"there is no hold setup {wanted}: --layout chooses among {known}")
    return chosen or NOT_SAID


def _is(setup: Setup, wanted: int | str) -> bool:
    return wanted == setup.id or (isinstance(wanted, str) and wanted.lower() == setup.name.lower())


def _choose(problems: list[Problem], options: Options) -> tuple[Setup, list[str]]:
    """The setup asked for, or of the most problems; and a warning that names the others."""
    counts = Counter(_key(p.setup) for p in problems)
    setups = {_key(p.setup): p.setup for p in problems}

    def named(key: tuple[int, str]) -> str:
        name = "not said" if key == _key(NOT_SAID) else key[1]
        return (
            f"{key[0]} ({name}, {counts[key]} climbs)" if key[0] >= 0 else f"{name!r} ({counts[key]} climbs)"
        )

    listing = ", ".join(map(named, sorted(counts)))
    wanted = options.layout
    if wanted is not None:
        for key in counts:
            if _is(setups[key], wanted):
                return setups[key], []
        raise InputError(f"this file has no hold setup {wanted}: it has {listing}")
    if not counts:
        return NOT_SAID, []
    best = min(counts, key=lambda key: (-counts[key], key))
    if len(counts) == 1:
        return setups[best], []
    return setups[best], [
        f"several hold setups: took {named(best)}, the one with the most climbs; "
        f"--layout chooses among {listing}"
    ]


def _angles(
    angle: np.ndarray, sieve: Sieve, setup: Setup, options: Options, file_name: str, warnings: list[str]
) -> np.ndarray:
    """(R,) the angles with those that are not stated filled in, or left out with a reason.

    The user may say them, or the file's name, or the setup, where it is built at one angle only. Where no
    record states an angle, 40° is taken, with a warning.
    """
    silent = (angle == UNKNOWN) & sieve.kept
    if not silent.any():
        return angle
    n, of = int(silent.sum()), int(sieve.kept.sum())
    in_name = angle_in_name(file_name)
    if options.angle is not None:
        taken = options.angle
        warnings.append(f"{n} of {of} climbs state no angle: {taken}° by --angle")
    elif in_name is not None:
        taken = in_name
        warnings.append(f"{n} of {of} climbs state no angle: {taken}° is read from the file's name")
    elif setup.only_angle is not None:
        taken = setup.only_angle
    elif n == of:
        taken = DEFAULT_ANGLE
        warnings.append(f"no climb states its angle: taken as {taken}°; --angle says another")
    else:
        sieve.drop(silent, "no angle stated, where others state one (kept with --angle)")
        return angle
    return np.where(angle == UNKNOWN, taken, angle)


def _names(fields: list[dict[str, Any]], places: list[str]) -> np.ndarray:
    """(R,) the problem's own id, or else its place in the file, told apart from ids where some have one."""
    own = [_own_id(record) for record in fields]
    mark = "row " if any(own) else ""
    return np.array([rules.writable(i or mark + at) for i, at in zip(own, places, strict=True)], dtype=object)


def _own_id(record: Mapping[str, Any]) -> str:
    ids = (record.get(key) for key in ("apiid", "id"))
    return next((str(i) for i in ids if not rules.is_missing(i) and str(i) != "0"), "")


def _text_move(word: str) -> dict[str, Any]:
    """A move of the text form: `s~G5~`, a letter (s start, e end, any other a hand) and a hold."""
    letter, _, hold = word.strip().strip("~").partition("~")
    return {"description": hold, "isstart": letter.lower() == "s", "isend": letter.lower() == "e"}


def _columns(fields: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """What else the file records of each row."""

    def column(key: str) -> list[Any] | None:
        values = [record.get(key) for record in fields]
        return values if any(v is not None for v in values) else None

    columns: dict[str, np.ndarray] = {}
    if (repeats := column("repeats")) is not None:
        columns["ascents"] = numbers(repeats, np.nan)
    if (stars := column("userrating")) is not None:
        columns["quality"] = numbers(stars, np.nan)
    if (marks := column("isbenchmark")) is not None:
        columns["benchmark"] = rules.benchmarks(marks)
    if (days := column("dateinserted")) is not None:
        columns["published"] = rules.dates(days)
    return columns

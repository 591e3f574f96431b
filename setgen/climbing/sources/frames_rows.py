"""Climbs as rows of frames strings, in CSV (kilter-gpt's climbs.csv) or JSON; the board is another file's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.frames import PROBLEMS, ParsedFrames, parse_frames
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources import rules
from setgen.climbing.sources.columns import numbers, whole_numbers
from setgen.climbing.sources.readout import Options, Readout, Sieve

COLUMN = "frames"
_TOO_HARD = "if kilter-gpt's preprocessing made this file, its grades are about 1.5 too hard; they are kept"


def read_frames_rows(
    kind: str,
    columns: Mapping[str, Sequence[Any]],
    board: Board,
    options: Options,
    places: Sequence[str] | None = None,
) -> Readout:
    """All rows whose frames strings are of `board`. columns: R values by a name in lower case.

    `frames`, and where they are there `angle`, a grade (see `rules.grades`), `uuid` or `id`, `frames_count`,
    `ascensionist_count`, `quality_average`, and what says that a climb does not count. places: names of the rows
    that have no id of their own; their numbers from 1 if left out.
    """
    by_name = {rules.plain(name): values for name, values in columns.items()}
    frames = ["" if f is None else str(f).strip() for f in columns[COLUMN]]
    counts = whole_numbers(by_name["framescount"], 0) if "framescount" in by_name else None
    parsed = parse_frames(board, frames, counts)
    grade = rules.grades(columns)
    angle = rules.angles(by_name["angle"]) if "angle" in by_name else np.full(len(frames), UNKNOWN)
    if options.angle is not None:
        angle = np.where(angle == UNKNOWN, options.angle, angle)

    sieve = Sieve(len(frames))
    rules.drop_withdrawn(sieve, columns, options)
    drop_frames(sieve, parsed, options)
    rules.drop_unreadable(sieve, angle, grade, options)
    if not board.angles:
        seen = np.unique(angle[sieve.kept & (angle != UNKNOWN)])
        board = replace(board, angles=tuple(seen.tolist()))
    names = next((by_name[key] for key in ("uuid", "id") if key in by_name), None)
    own = [None] * len(frames) if names is None else [None if rules.is_missing(n) else n for n in names]
    mark = "" if all(name is None for name in own) else "row "  # no other row's id
    at = places or [str(i) for i in range(1, len(frames) + 1)]
    ids = [
        rules.writable(mark + place) if name is None else rules.writable(name).upper()
        for name, place in zip(own, at, strict=True)
    ]
    readout = Readout(
        kind,
        board,
        parsed.climbs.with_conditions(angle, grade),
        np.array(ids, dtype=object),
        sieve,
        {"climbs_read": len(frames), "roles": "from the source"},
        ([_TOO_HARD] if {"fontgrade", "angle", "uuid"} <= set(by_name) else [])
        + routes_warning(parsed, options),
        rules.known(_columns(by_name)),
    )
    rules.drop_unwanted(readout, options)
    return readout


def drop_frames(sieve: Sieve, parsed: ParsedFrames, options: Options, rows: np.ndarray | None = None) -> None:
    """Leave out frames strings with a problem, and routes unless asked for. rows: as in `drop_withdrawn`."""
    at = slice(None) if rows is None else rows
    for code, reason in enumerate(PROBLEMS[1:], start=1):
        sieve.drop(parsed.problem[at] == code, f"frames: {reason}")
    if not options.routes:
        sieve.drop(parsed.n_frames[at] > 1, "route of several frames (kept with --routes)")


def routes_warning(parsed: ParsedFrames, options: Options) -> list[str]:
    """What --routes makes of routes that switch holds off."""
    off = int(((parsed.switched_off > 0) & (parsed.problem == 0)).sum())
    if not (off and options.routes):
        return []
    return [f"{off} routes switch holds off: each is kept as the set of all holds that it ever lights"]


def _columns(by_name: Mapping[str, Sequence[Any]]) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    for name, keys in (
        ("ascents", ("ascensionistcount", "ascents")),
        ("quality", ("qualityaverage", "quality")),
    ):
        for key in keys:
            if key in by_name:
                columns.setdefault(name, numbers(by_name[key], np.nan))
    if "benchmarkdifficulty" in by_name:
        columns["benchmark"] = rules.one_by_one(by_name["benchmarkdifficulty"], has_value)
    for key in ("publishedat", "createdat"):
        if key in by_name:
            columns.setdefault("published", rules.dates(by_name[key]))
    return columns


def has_value(value: Any) -> int:
    """1 where a value is given, 0 where not: a benchmark is a climb with a benchmark grade."""
    return 0 if rules.is_missing(value) else 1

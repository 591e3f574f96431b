"""kilter-gpt's climbs.csv: columns frames, angle and font_grade; the board comes from elsewhere."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from setgen.boards.board import Board
from setgen.boards.frames import PROBLEMS, parse_frames
from setgen.boards.grades import UNKNOWN, parse_grade
from setgen.errors import InputError
from setgen.sources.columns import numbers, whole_numbers
from setgen.sources.readout import Options, Readout, Sieve

COLUMNS = ("frames", "angle", "font_grade")
_UNREADABLE = -2


def is_frames_csv(head: str) -> bool:
    """Whether a file that begins with `head` has the columns of climbs.csv."""
    first = next(csv.reader([head.splitlines()[0]]), []) if head.strip() else []
    return set(COLUMNS) <= {name.strip().lower() for name in first}


def read_frames_csv(path: Path, board: Board, options: Options) -> Readout:
    """All rows of a climbs.csv whose frames strings are of `board`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # more fields than the header names
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding_errors="replace", index_col=False
            )
    except pd.errors.ParserWarning:
        raise InputError(f"{path}: rows have more fields than the header names: mend the header") from None
    except (pd.errors.ParserError, OSError) as error:
        raise InputError(f"{path} is not a readable CSV file: {str(error).splitlines()[0]}") from None
    table.columns = [str(c).strip().lower() for c in table.columns]
    counts = whole_numbers(table["frames_count"].tolist(), 0) if "frames_count" in table else None
    parsed = parse_frames(board, table["frames"].tolist(), counts)
    grade = table["font_grade"].map({text: _grade(text) for text in table["font_grade"].unique()}).to_numpy()
    angle = whole_numbers(table["angle"].tolist(), UNKNOWN)

    sieve = Sieve(len(table))
    for code, reason in enumerate(PROBLEMS[1:], start=1):
        sieve.drop(parsed.problem == code, f"frames: {reason}")
    if not options.routes:
        sieve.drop(parsed.n_frames > 1, "route of several frames (kept with --routes)")
    sieve.drop(grade == _UNREADABLE, "a grade that is on no known scale")
    if not options.ungraded:
        sieve.drop(grade == UNKNOWN, "no grade (kept with --ungraded)")
    if not board.angles:
        seen = np.unique(angle[sieve.kept & (angle != UNKNOWN)])
        board = replace(board, angles=tuple(seen.tolist()))
    for wanted in options.angles:
        board.check_angle(wanted)
    if options.angles:
        sieve.drop(~np.isin(angle, options.angles), "another angle than --angles")
    sieve.drop((angle != UNKNOWN) & ~np.isin(angle, board.angles), "angle that the board does not list")
    for flag, least, column in (
        ("--min-ascents", options.min_ascents, "ascensionist_count"),
        ("--min-quality", options.min_quality, "quality_average"),
    ):
        if least > 0:
            if column not in table:
                raise InputError(f"{path} has no column {column}: leave out {flag}")
            sieve.drop(numbers(table[column].tolist(), -1) < least, f"below {flag}")

    ids = (
        table["uuid"].str.upper() if "uuid" in table else pd.Series(np.arange(1, len(table) + 1).astype(str))
    )
    return Readout(
        "kilter-gpt climbs.csv",
        board,
        parsed.climbs.with_conditions(angle, grade.clip(min=UNKNOWN)),
        ids.to_numpy(dtype=object),
        sieve,
        {"climbs_read": len(table), "roles": "from the source"},
        ["kilter-gpt's own preprocessing labels climbs about 1.5 grades too hard: grades are taken as given"],
    )


def _grade(text: str) -> int:
    if not text.strip():
        return UNKNOWN
    try:
        return parse_grade(text)
    except InputError:
        return _UNREADABLE

"""Climbs in files and pipes: frames lines, JSON lines or CSV written, and these and more forms read."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.frames import PROBLEMS, parse_frames, write_frames
from setgen.boards.grades import FONT, UNKNOWN, V, parse_grade
from setgen.boards.roles import Role
from setgen.boards.rules import broken_rules
from setgen.climb_rows import Row, at, read_rows
from setgen.errors import InputError
from setgen.files import write_whole

FORMATS = ("frames", "jsonl", "csv")

# A frames string with one of these is still a climb, if not a legal one.
_STILL_A_CLIMB = ("no holds", "a hold twice in one frame")
_NO_FRAMES = "not a frames string"
_HOLD = re.compile(r"p(\d+)r(\d+)")


def read_climbs(source: Path | str, board: Board, check: bool = True) -> Climbs:
    """Climbs of `board` from a file, or from standard input for `-`; what the content is says the format.

    - frames: a frames string a line;
    - JSON lines: an object a line with `frames` or `holds` ([{id, role}, …]), and perhaps `angle`, `grade`;
    - CSV: a header with `frames`, and perhaps `angle`, and `grade`, `font_grade` or `v_grade`;
    - what `setgen.delivery` writes: the bodies that save climbs in an Aurora app (JSON lines, a list, or one
      object), boardsesh and Climbdex links that carry frames, MoonBoard JSON in either form, LED messages
      (hexadecimal bytes, or the MoonBoard's text), one a line.

    With `check` an illegal climb is an error; without it illegal climbs are kept as they are.
    Raises InputError with the line number for anything that is no climb of this board.
    """
    name = "standard input" if str(source) == "-" else str(source)
    text = read_text(source)
    try:
        rows = read_rows(board, text)
        if not rows:
            raise InputError("there are no climbs in it")
        climbs = _climbs(board, rows, check)
        angles = np.array([at(row.place, _angle, board, row.angle) for row in rows])
        grades = np.array([at(row.place, _grade, board, row.grade) for row in rows])
    except InputError as error:
        placed = str(error).startswith(("line ", "climb "))
        raise InputError(f"{name}, {error}" if placed else f"{name}: {error}") from None
    climbs = climbs.with_conditions(angles, grades)
    if check:
        _check_legal(board, climbs, rows, name)
    return climbs


def write_climbs(
    target: Path | str,
    board: Board,
    climbs: Climbs,
    format: str = "frames",
    extra: Mapping[str, Sequence[Any] | np.ndarray] | None = None,
) -> None:
    """Write climbs to a file, or to standard output for `-`, in one of FORMATS.

    JSON lines hold frames, angle, grade (Font), v_grade and holds, each with id, name, x, y (inches) and
    role; CSV holds frames, angle and grade. What is unknown is null or empty. extra: column name → C values,
    added in both; numbers that are not finite become null.
    Raises InputError when the target cannot be written.
    """
    extra = {k: [_plain(v) for v in values] for k, values in (extra or {}).items()}
    frames = write_frames(board, climbs)
    if format == "frames":
        text = "".join(line + "\n" for line in frames)
    elif format == "jsonl":
        heads = (_head(f, c) | {"holds": _holds(board, c)} for f, c in zip(frames, climbs, strict=True))
        lines = (head | {k: v[i] for k, v in extra.items()} for i, head in enumerate(heads))
        text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    elif format == "csv":
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["frames", "angle", "grade", *extra])
        for i, (f, climb) in enumerate(zip(frames, climbs, strict=True)):
            head = _head(f, climb)
            writer.writerow([f, head["angle"], head["grade"], *(v[i] for v in extra.values())])
        text = buffer.getvalue()
    else:
        raise InputError(f"unknown format {format!r}: use {', '.join(FORMATS)}")
    write_text(target, text)


def format_for(target: Path | str, format: str | None) -> str:
    """The format asked for; without one, what the file's ending says, and frames for any other ending."""
    if format is not None and format not in FORMATS:
        raise InputError(f"unknown format {format!r}: use {', '.join(FORMATS)}")
    endings = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv"}
    return format or endings.get(Path(target).suffix.lower(), "frames")


def read_text(source: Path | str) -> str:
    """The whole of a text file, or of standard input for `-`. Raises InputError when it cannot be read."""
    if not str(source).strip():
        raise InputError("the name of the file of climbs is empty: name one, or - for standard input")
    if str(source) == "-" and sys.stdin is None:
        raise InputError("standard input is closed: name a file of climbs")
    try:
        text = sys.stdin.read() if str(source) == "-" else Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{source} is not a text file: give frames lines, JSON lines or CSV") from None
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from None
    return text.removeprefix("\ufeff")


def write_text(target: Path | str, text: str) -> None:
    """Write a text file, or to standard output for `-`. Raises InputError when it cannot be written.

    A reader that closes the pipe early raises BrokenPipeError, which the command line ends quietly on.
    """
    if str(target) == "-" and sys.stdout is None:
        raise InputError("standard output is closed: name a file to write")
    try:
        if str(target) == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_whole(target, text.encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "to standard output" if str(target) == "-" else target
        raise InputError(f"cannot write {name}: {error.strerror}") from None


def _climbs(board: Board, rows: list[Row], check: bool) -> Climbs:
    """The rows' hold sets, without angle and grade."""
    frames = [row.frames for row in rows]
    parsed = parse_frames(board, frames)
    bad = np.flatnonzero(parsed.problem)
    if not len(bad):
        return parsed.climbs
    climbs = list(parsed.climbs)
    for i in bad.tolist():
        problem = PROBLEMS[parsed.problem[i]]
        # What stands in a route's frames is not repaired: only a plain set can have a hold twice.
        if check or problem not in _STILL_A_CLIMB or "," in frames[i]:
            shown = frames[i] if len(frames[i]) <= 60 else frames[i][:57] + "…"
            known = problem != _NO_FRAMES or _HOLD.match(frames[i])
            hint = board.name if known else "give frames lines, JSON lines, or CSV with a column `frames`"
            raise InputError(f"{rows[i].place}: {problem}: {shown!r} ({hint})")
        holds = [(board.index_of(int(p)), int(board.role_of(int(r)))) for p, r in _HOLD.findall(frames[i])]
        climbs[i] = Climb(tuple(sorted(holds)))
    return Climbs.from_list(climbs)


def _check_legal(board: Board, climbs: Climbs, rows: list[Row], name: str) -> None:
    broken = broken_rules(board, climbs)
    illegal = np.flatnonzero(np.any(list(broken.values()), axis=0))
    if len(illegal):
        first = int(illegal[0])
        rules = ", ".join(rule for rule, where in broken.items() if where[first])
        raise InputError(f"{name}, {rows[first].place}: this climb is not legal on {board.name}: {rules}")


def _angle(board: Board, value: Any) -> int:
    if _missing(value):
        return UNKNOWN
    try:
        angle = float(value)
    except (TypeError, ValueError):
        raise InputError(f"angle {value!r} is not a number of degrees") from None
    return board.check_angle(int(angle) if angle.is_integer() else angle)  # type: ignore[arg-type]


def _grade(board: Board, value: Any) -> int:
    return UNKNOWN if _missing(value) else board.check_grade(parse_grade(str(value)))


def _missing(value: Any) -> bool:
    return value is None or str(value).strip().lower() in ("", "nan", "none", "?")


def _head(frames: str, climb: Climb) -> dict[str, Any]:
    return {
        "frames": frames,
        "angle": None if climb.angle == UNKNOWN else climb.angle,
        "grade": FONT.get(climb.grade),
        "v_grade": V.get(climb.grade),
    }


def _holds(board: Board, climb: Climb) -> list[dict[str, Any]]:
    return [
        {
            "id": int(board.ids[p]),
            "name": board.hole_names[p],
            "x": float(board.xy[p, 0]),
            "y": float(board.xy[p, 1]),
            "role": Role(r).label,
        }
        for p, r in sorted(climb.holds)
    ]


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value

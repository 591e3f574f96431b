"""Climbs in files and pipes: frames lines, JSON lines or CSV, the same three for reading and writing."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.frames import PROBLEMS, parse_frames, write_frames
from setgen.boards.grades import FONT, UNKNOWN, V, parse_grade
from setgen.boards.roles import Role, role_from_name
from setgen.boards.rules import broken_rules
from setgen.errors import InputError
from setgen.files import write_whole

FORMATS = ("frames", "jsonl", "csv")

# A frames string with one of these is still a climb, if not a legal one.
_STILL_A_CLIMB = ("no holds", "a hold twice in one frame")
_NO_FRAMES = "not a frames string"
_HOLD = re.compile(r"p(\d+)r(\d+)")
_GRADE_COLUMNS = ("grade", "font_grade", "v_grade")


class _Row(NamedTuple):
    line: int
    frames: str
    angle: Any = None
    grade: Any = None


def read_climbs(source: Path | str, board: Board, check: bool = True) -> Climbs:
    """Climbs of `board` from a file, or from standard input for `-`; what the content is says the format.

    - frames: a frames string a line;
    - JSON lines: an object a line with `frames` or `holds` ([{id, role}, …]), and perhaps `angle`, `grade`;
    - CSV: a header with `frames`, and perhaps `angle`, and `grade`, `font_grade` or `v_grade`.

    With `check` an illegal climb is an error; without it illegal climbs are kept as they are.
    Raises InputError with the line number for anything that is no climb of this board.
    """
    name = "standard input" if str(source) == "-" else str(source)
    text = read_text(source)
    try:
        rows = _rows(board, text)
        if not rows:
            raise InputError("there are no climbs in it")
        climbs = _climbs(board, rows, check)
        angles = np.array([_at(row.line, _angle, board, row.angle) for row in rows])
        grades = np.array([_at(row.line, _grade, board, row.grade) for row in rows])
    except InputError as error:
        raise InputError(
            f"{name}, {error}" if str(error).startswith("line") else f"{name}: {error}"
        ) from None
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


def _rows(board: Board, text: str) -> list[_Row]:
    lines = [(i, line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        return []
    if lines[0][1].startswith("{"):
        return [_at(i, _json_row, board, i, line) for i, line in lines]
    columns = [c.strip().strip('"').lower() for c in lines[0][1].split(",")]
    if "frames" in columns:
        return _csv_rows(text, columns)
    return [_Row(i, line) for i, line in lines]


def _csv_rows(text: str, columns: list[str]) -> list[_Row]:
    grade = next((c for c in _GRADE_COLUMNS if c in columns), "")
    reader = csv.DictReader(io.StringIO(text.lstrip()), columns)
    skipped = len(text) - len(text.lstrip())
    before = text[:skipped].count("\n")
    rows = []
    try:
        for record in reader:
            line = reader.line_num + before
            if line - before > 1:
                rows.append(
                    _Row(line, (record["frames"] or "").strip(), record.get("angle"), record.get(grade))
                )
    except csv.Error as error:
        raise InputError(f"line {reader.line_num + before}: this is not CSV ({error})") from None
    return rows


def _json_row(board: Board, i: int, line: str) -> _Row:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"this is not JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets a thousand deep
        raise InputError("this JSON is no climb: its numbers are too long or its lists too deep") from None
    if not isinstance(record, dict) or not ("frames" in record or "holds" in record):
        raise InputError("a climb is an object with `frames` or `holds`")
    frames = record["frames"] if "frames" in record else _frames_of(board, record["holds"])
    if not isinstance(frames, str):
        raise InputError("`frames` must be a text")
    grade = next((record[c] for c in _GRADE_COLUMNS if record.get(c) is not None), None)
    return _Row(i, frames.strip(), record.get("angle"), grade)


def _frames_of(board: Board, holds: Any) -> str:
    try:
        pairs = [(int(str(h["id"])), role_from_name(h["role"])) for h in holds]
        return "".join(f"p{i}r{board.role_ids[role]}" for i, role in pairs)  # type: ignore[index]
    except (TypeError, ValueError, KeyError, AttributeError):
        roles = ", ".join(r.label for r in board.role_ids)
        raise InputError(f"`holds` must be a list of {{id, role}} with the roles {roles}") from None


def _climbs(board: Board, rows: list[_Row], check: bool) -> Climbs:
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
            raise InputError(f"line {rows[i].line}: {problem}: {shown!r} ({hint})")
        holds = [(board.index_of(int(p)), int(board.role_of(int(r)))) for p, r in _HOLD.findall(frames[i])]
        climbs[i] = Climb(tuple(sorted(holds)))
    return Climbs.from_list(climbs)


def _check_legal(board: Board, climbs: Climbs, rows: list[_Row], name: str) -> None:
    broken = broken_rules(board, climbs)
    illegal = np.flatnonzero(np.any(list(broken.values()), axis=0))
    if len(illegal):
        first = int(illegal[0])
        rules = ", ".join(rule for rule, where in broken.items() if where[first])
        raise InputError(f"{name}, line {rows[first].line}: this climb is not legal on {board.name}: {rules}")


def _at(line: int, read: Any, *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except InputError as error:
        raise InputError(f"line {line}: {error}") from None


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

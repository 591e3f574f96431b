"""Climbs in files and pipes: frames lines, JSON lines or CSV written, and these and more forms read."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climb_rows import Known, Row, at, read_rows
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.frames import PROBLEMS, SWITCHES_OFF, parse_frames, write_frames
from setgen.climbing.grades import FONT, UNKNOWN, V
from setgen.climbing.roles import Role
from setgen.climbing.rules import broken_rules
from setgen.climbing.sources.opening import opened
from setgen.errors import DiskError, InputError
from setgen.files import write_whole

FORMATS = ("frames", "jsonl", "csv")

# A frames string with one of these is still a climb, if not a legal one.
_STILL_A_CLIMB = ("no holds", "a hold twice in one frame")
_NO_FRAMES = "not a frames string"
_HOLD = re.compile(r"p(\d+)r(\d+)")


def read_climbs(
    source: Path | str, board: Board, check: bool = True, routes: bool = False, known: Known | None = None
) -> Climbs:
    """Climbs of `board` from a file, or from standard input for `-`; what the content is says the format.

    - frames: a frames string a line;
    - JSON lines: an object a line with `frames` or `holds` ([{id, role}, …]), and perhaps `angle`, `grade`;
    - CSV, with commas, semicolons or tabs: a header with `frames`, and perhaps `angle` and a grade
      (`grade`, `font_grade`, `v_grade`, `boulder_name`, `difficulty`);
    - what `setgen.climbing.delivery` writes: the bodies that save climbs in an Aurora app (JSON lines, a list, or one
      object), boardsesh and Climbdex links that carry frames, MoonBoard JSON in either form, LED messages
      (hexadecimal bytes, or the MoonBoard's text), one a line.

    The text may be packed and of any usual encoding (see `setgen.climbing.sources.opening`).

    With `check` an illegal climb is an error; without it illegal climbs are kept as they are. A route that
    switches holds off is an error too; with `routes` it becomes the set of all holds that it ever lights.
    known: where to look up climbs that boardsesh links name without their holds.
    Raises InputError with the line number for anything that is no climb of this board.
    """
    name = "standard input" if str(source) == "-" else str(source)
    return climbs_in_text(read_text(source), board, name, check, routes, known)


def climbs_in_text(
    text: str, board: Board, name: str, check: bool = True, routes: bool = False, known: Known | None = None
) -> Climbs:
    """As `read_climbs`, of a text; name: what errors call it."""
    try:
        rows = read_rows(board, text, known, Path(name).name)
        if not rows:
            raise InputError("there are no climbs in it")
        climbs = _climbs(board, rows, check, routes)
        angles = np.array([at(row.place, _checked, row.angle, board.check_angle) for row in rows])
        grades = np.array([at(row.place, _checked, row.grade, board.check_grade) for row in rows])
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
    if str(source) == "-":
        return _standard_input()
    try:
        with opened(Path(source)) as file:
            if file.text is None:
                raise InputError(f"{source} is a database: `setgen data import` reads the climbs in it")
            return file.text
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from None


def _standard_input() -> str:
    if sys.stdin is None:
        raise InputError("standard input is closed: name a file of climbs")
    binary = getattr(sys.stdin, "buffer", None)
    if binary is None:
        return sys.stdin.read().removeprefix("\ufeff")
    with tempfile.TemporaryDirectory(prefix="setgen-") as folder:
        path = Path(folder) / "input"
        path.write_bytes(binary.read())
        if not path.stat().st_size:
            return ""
        with opened(path, "standard input") as file:
            if file.text is None:
                raise InputError("standard input is a database: `setgen data import` reads the climbs in it")
            return file.text


def write_text(target: Path | str, text: str) -> None:
    """Write a text file, or to standard output for `-`. Raises InputError when it cannot be written.

    A reader that closes the pipe early raises BrokenPipeError, which the command line ends quietly on.
    """
    if str(target) == "-" and sys.stdout is None:
        raise InputError("standard output is closed: name a file to write")
    if str(target) != "-":
        write_whole(target, text.encode())
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DiskError(f"cannot write to standard output: {error.strerror}") from None


def _climbs(board: Board, rows: list[Row], check: bool, routes: bool) -> Climbs:
    """The rows' hold sets, without angle and grade."""
    frames = [row.frames for row in rows]
    parsed = parse_frames(board, frames)
    off = np.flatnonzero(parsed.switched_off)
    if len(off) and not routes:
        raise InputError(f"{rows[off[0]].place}: {SWITCHES_OFF}: {frames[off[0]][:60]!r}")
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


def _checked(value: int | None, check: Callable[[int], int]) -> int:
    return UNKNOWN if value is None else check(value)


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

"""From text to rows: the form it has, told by its content, and each climb's frames, angle and grade in it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from setgen.boards.board import Board
from setgen.boards.grades import FONT, UNKNOWN
from setgen.boards.roles import Role, role_from_name
from setgen.delivery.leds import read_led_message
from setgen.delivery.links import read_link
from setgen.delivery.moonboard import read_problem
from setgen.delivery.moonboard_leds import MESSAGE, read_moonboard_message
from setgen.errors import InputError
from setgen.sources.moonboard import lower_keys, records

_GRADE_COLUMNS = ("grade", "font_grade", "v_grade")
_LED_BYTES = re.compile(r"01(?:[\s:]*[0-9A-Fa-f]{2})+")

T = TypeVar("T")


class Row(NamedTuple):
    """One climb as the text has it. place: where it stands, such as `line 3`."""

    place: str
    frames: str
    angle: Any = None
    grade: Any = None


def read_rows(board: Board, text: str) -> list[Row]:
    """The rows of a text in any of the forms of `read_climbs`.

    Raises InputError, which starts with the place, for what has none of these forms.
    """
    lines = [(f"line {i}", line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        return []
    first, head = lines[0]
    if head[0] in "[{":
        document = _document(text)
        found = records(document)
        if found is not None:
            places = [f"climb {i}" for i in range(1, len(found) + 1)]
            return [at(p, _record_row, board, p, r) for p, (_, r) in zip(places, found, strict=True)]
        if isinstance(document, list):
            return [at(p, _record_row, board, p, r) for p, r in _numbered(document)]
        if document is not None:
            return [at(first, _record_row, board, first, document)]
        return [at(place, _json_row, board, place, line) for place, line in lines]
    columns = [c.strip().strip('"').lower() for c in head.split(",")]
    if "frames" in columns:
        return _csv_rows(text, columns)
    return [at(place, _line_row, board, place, line) for place, line in lines]


def at(place: str, read: Callable[..., T], *arguments: Any) -> T:
    """read(*arguments), where an InputError says the place first."""
    try:
        return read(*arguments)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _line_row(board: Board, place: str, line: str) -> Row:
    """A link, a LED message (of an Aurora board as hexadecimal bytes), or else a frames string."""
    if re.match(r"https?://", line):
        frames, angle = read_link(line)
        return Row(place, frames, angle)
    if MESSAGE.fullmatch(line):
        return Row(place, _frames(board, read_moonboard_message(board, line)))
    if _LED_BYTES.fullmatch(line):
        return Row(place, _frames(board, read_led_message(board, bytes.fromhex(line.replace(":", " ")))))
    return Row(place, line)


def _csv_rows(text: str, columns: list[str]) -> list[Row]:
    grade = next((c for c in _GRADE_COLUMNS if c in columns), "")
    reader = csv.DictReader(io.StringIO(text.lstrip()), columns)
    skipped = len(text) - len(text.lstrip())
    before = text[:skipped].count("\n")
    rows = []
    try:
        for record in reader:
            line = reader.line_num + before
            if line - before > 1:
                frames = (record["frames"] or "").strip()
                rows.append(Row(f"line {line}", frames, record.get("angle"), record.get(grade)))
    except csv.Error as error:
        raise InputError(f"line {reader.line_num + before}: this is not CSV ({error})") from None
    return rows


def _json_row(board: Board, place: str, line: str) -> Row:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"this is not JSON ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets a thousand deep
        raise InputError("this JSON is no climb: its numbers are too long or its lists too deep") from None
    return _record_row(board, place, record)


def _record_row(board: Board, place: str, record: Any) -> Row:
    """A climb as an object: with `frames` (ours, an app's), `holds` (ours) or `moves` (a MoonBoard's)."""
    if isinstance(record, dict) and not {"frames", "holds"} & set(record) and "moves" in lower_keys(record):
        climb = read_problem(board, record)
        angle = None if climb.angle == UNKNOWN else climb.angle
        return Row(place, _frames(board, climb.holds), angle, FONT.get(climb.grade))
    if not isinstance(record, dict) or not ("frames" in record or "holds" in record):
        raise InputError("a climb is an object with `frames` or `holds`")
    frames = record["frames"] if "frames" in record else _frames_of(board, record["holds"])
    if not isinstance(frames, str):
        raise InputError("`frames` must be a text")
    grade = next((record[c] for c in _GRADE_COLUMNS if record.get(c) is not None), None)
    return Row(place, frames.strip(), record.get("angle"), grade)


def _document(text: str) -> Any:
    """The whole text as one JSON document; None where it is none, such as several objects, one a line."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _numbered(items: list[Any]) -> list[tuple[str, Any]]:
    return [(f"climb {i}", item) for i, item in enumerate(items, 1)]


def _frames(board: Board, holds: tuple[tuple[int, int], ...]) -> str:
    for _, role in holds:
        if Role(role) not in board.role_ids:
            raise InputError(f"{board.name} has no role {Role(role).label}")
    return "".join(f"p{board.ids[placement]}r{board.role_ids[Role(role)]}" for placement, role in holds)


def _frames_of(board: Board, holds: Any) -> str:
    try:
        pairs = [(int(str(h["id"])), role_from_name(h["role"])) for h in holds]
        return "".join(f"p{i}r{board.role_ids[role]}" for i, role in pairs)  # type: ignore[index]
    except (TypeError, ValueError, KeyError, AttributeError):
        roles = ", ".join(r.label for r in board.role_ids)
        raise InputError(f"`holds` must be a list of {{id, role}} with the roles {roles}") from None

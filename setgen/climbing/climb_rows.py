"""From text to rows: the form it has, told by its content, and each climb's frames, angle and grade in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb
from setgen.climbing.delivery.leds import read_led_message
from setgen.climbing.delivery.links import check_link, published_climb, read_link
from setgen.climbing.delivery.moonboard import read_problem
from setgen.climbing.delivery.moonboard_leds import MESSAGE, read_moonboard_message
from setgen.climbing.grades import FONT, UNKNOWN, parse_grade
from setgen.climbing.roles import Role, role_from_name
from setgen.climbing.sources import rules
from setgen.climbing.sources.moonboard import are_problems
from setgen.climbing.sources.texts import is_json, lines_of, lower_keys, read_json, read_table, records
from setgen.errors import InputError
from setgen.files import parse_json

LED_BYTES = re.compile(r"01(?:[\s:]*[0-9A-Fa-f]{2})+", re.ASCII)

T = TypeVar("T")


class Row(NamedTuple):
    """One climb as the text has it. place: where it stands, such as `line 3`. grade: a difficulty id."""

    place: str
    frames: str
    angle: int | None = None
    grade: int | None = None


Known = Callable[[], Mapping[str, Sequence[Climb]]]
"""Climbs that are published, by their id in capitals: one for each angle."""


def read_rows(board: Board, text: str, known: Known | None = None, file_name: str = "") -> list[Row]:
    """The rows of a text in any of the forms of `read_climbs`. file_name: may say what a MoonBoard problem does not.

    Raises InputError, which starts with the place, for what has none of these forms.
    """
    lines = [(f"line {i}", line.strip()) for i, line in enumerate(lines_of(text), 1) if line.strip()]
    if not lines:
        return []
    if is_json(text):
        return _json_rows(board, text, lines[0][0], file_name)
    table = read_table(text, "frames")
    if table is not None:
        return [at(f"line {line}", _row, f"line {line}", fields) for line, fields in table.rows]
    return [at(place, _line_row, board, place, line, known) for place, line in lines]


def at(place: str, read: Callable[..., T], *arguments: Any) -> T:
    """read(*arguments), where an InputError says the place first."""
    try:
        return read(*arguments)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _line_row(board: Board, place: str, line: str, known: Known | None) -> Row:
    """A link, a LED message (of an Aurora board as hexadecimal bytes), or else a frames string."""
    if re.match(r"https?://", line):
        check_link(board, line)
        published = published_climb(line)
        if published is not None and known is not None:
            return _known_row(board, place, *published, known())
        frames, angle = read_link(line)
        return Row(place, frames, angle)
    if MESSAGE.fullmatch(line):
        return Row(place, _frames(board, read_moonboard_message(board, line)))
    if LED_BYTES.fullmatch(line):
        return Row(place, _frames(board, read_led_message(board, bytes.fromhex(line.replace(":", " ")))))
    return Row(place, line)


def _known_row(
    board: Board, place: str, uuid: str, angle: int | None, known: Mapping[str, Sequence[Climb]]
) -> Row:
    """A published climb: at the link's angle, with the grade that it has there."""
    climbs = known.get(uuid, ())
    if not climbs:
        raise InputError(f"this link names the climb {uuid}, which is none of the known climbs")
    there = next((climb for climb in climbs if climb.angle == angle), None)
    grade = None if there is None or there.grade == UNKNOWN else there.grade
    return Row(place, _frames(board, climbs[0].holds), angle, grade)


def _json_rows(board: Board, text: str, first: str, file_name: str) -> list[Row]:
    """Rows of one JSON document, or of JSON lines, which are named by their line."""
    try:
        document = parse_json(text)
    except ValueError:
        try:
            values = read_json(text)
        except InputError as error:
            placed = str(error).startswith("line ")
            reason = str(error).removeprefix("broken JSON (").removesuffix(")")
            raise error if placed else InputError(f"{first}: this is not JSON ({reason})") from None
        places = [f"line {i}" for i, line in enumerate(lines_of(text), 1) if line.strip()]
        return [
            row
            for place, value in zip(places, values, strict=True)
            for row in at(place, _record_rows, board, place, value, file_name)
        ]
    pairs = records(document)
    if are_problems(pairs) or (isinstance(document, list) and pairs):
        items = [record for _, record in pairs] if are_problems(pairs) else document
        places = [f"climb {i}" for i in range(1, len(items) + 1)]
        return [
            r for p, v in zip(places, items, strict=True) for r in at(p, _record_rows, board, p, v, file_name)
        ]
    if pairs and all("frames" in record or "holds" in record for _, record in pairs):
        return [r for n, v in pairs for r in at(first, _record_rows, board, first, v, file_name)]
    return at(first, _record_rows, board, first, document, file_name)


def _row(place: str, fields: Mapping[str, Any], frames: str | None = None) -> Row:
    """The row of a record that says its frames, angle and grade under their names."""
    read = rules.angle(fields.get("angle")), rules.grade_of(fields)
    if read[0] == rules.UNREADABLE:
        raise InputError(f"angle {fields['angle']!r} is not a number of degrees")
    if read[1] == rules.UNREADABLE:
        shown = [v for k, v in fields.items() if rules.is_grade(k) and rules.grade(v, k) == rules.UNREADABLE]
        parse_grade(str(shown[0]))
        raise InputError(f"unknown grade {shown[0]!r}")
    if read[1] != UNKNOWN and read[1] not in FONT:
        shown = next(v for k, v in fields.items() if rules.is_grade(k) and rules.grade(v, k) == read[1])
        raise InputError(f"grade {shown!r} is on no known scale")
    angle, grade = (None if value == UNKNOWN else value for value in read)
    return Row(place, (fields["frames"] if frames is None else frames).strip(), angle, grade)


def _record_rows(board: Board, place: str, record: Any, file_name: str) -> list[Row]:
    """A climb as an object: with `frames` (ours, an app's), `holds` (ours) or `moves` (a MoonBoard's)."""
    fields = lower_keys(record) if isinstance(record, Mapping) else {}
    if not {"frames", "holds"} & set(fields) and "moves" in fields:
        return [
            Row(
                place,
                _frames(board, climb.holds),
                None if climb.angle == UNKNOWN else climb.angle,
                None if climb.grade == UNKNOWN else climb.grade,
            )
            for climb in read_problem(board, fields, file_name)
        ]
    if not ("frames" in fields or "holds" in fields):
        raise InputError("a climb is an object with `frames` or `holds`")
    frames = fields["frames"] if "frames" in fields else _frames_of(board, fields["holds"])
    if not isinstance(frames, str):
        raise InputError("`frames` must be a text")
    return [_row(place, fields, frames)]


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

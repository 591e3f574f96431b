"""Texts that hold climbs: JSON in its wrappers, JSON lines, and tables with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from setgen.errors import InputError
from setgen.files import parse_json

_DELIMITERS = (",", ";", "\t", "|")
_SEP = re.compile(r'"?sep=(.)\1*"?', re.IGNORECASE)  # a line for Excel: what separates fields
_OWN = (
    "total",
    "count",
    "id",
    "apiid",
    "uuid",
    "name",
    "configurations",
)  # what a wrapper says of itself alone
_LISTS = ("data", "problems", "climbs", "results", "items")  # under which wrappers hold their records


@dataclass(frozen=True)
class Table:
    """Rows of a CSV text. columns: names in lower case. rows: (line, fields) of each, fields by column."""

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]

    def column(self, name: str) -> list[str]:
        return [fields[name] for _, fields in self.rows]


def is_json(text: str) -> bool:
    """Whether a text looks like JSON: its first letter is a bracket."""
    return text.lstrip()[:1] in ("[", "{")


def read_json(text: str) -> Any:
    """The document of a JSON text; of JSON lines, the list of their values.

    Raises InputError that says where it is broken.
    """
    try:
        return parse_json(text)
    except ValueError as error:
        lines = [(i, line) for i, line in enumerate(lines_of(text), 1) if line.strip()]
        if len(lines) < 2 or not _parses(lines[0][1]):
            raise InputError(f"broken JSON ({_reason(error)})") from None
    values = []
    for i, line in lines:
        try:
            values.append(parse_json(line))
        except ValueError as error:
            raise InputError(f"line {i}: this is not JSON ({_reason(error)})") from None
    return values


def records(document: Any) -> list[tuple[str, dict[str, Any]]]:
    """(name, record) of each record in a JSON document, keys in lower case.

    A list of records, or of wrappers; a list under `data`, `problems` or the like; a dict from name to record; one
    record. What else a wrapper says, such as `holdsetup`, holds for its records that do not say it themselves, or say
    null; but for its own id and name, its counts, and its list of configurations. A name
    is the key, or the place, counted from 1. What is no object becomes an empty record.
    """
    common: dict[str, Any] = {}
    if isinstance(document, Mapping):
        fields = lower_keys(document)
        key = next((k for k in _LISTS if isinstance(fields.get(k), list | Mapping)), None)
        if key is not None:
            common = {k: v for k, v in fields.items() if k != key and k not in _OWN}
            document = fields[key]
        elif not all(isinstance(value, Mapping) for value in document.values()):
            document = [document]
    if isinstance(document, Mapping):
        pairs = [(str(name), record) for name, record in document.items()]
    elif isinstance(document, list):
        if document and all(_is_wrapper(one) for one in document):
            pages = [record for one in document for _, record in records(one)]
            return [(str(i), _with(common, record)) for i, record in enumerate(pages, 1)]
        pairs = [(str(i), record) for i, record in enumerate(document, 1)]
    else:
        pairs = []
    return [
        (name, _with(common, lower_keys(record)) if isinstance(record, Mapping) else {})
        for name, record in pairs
    ]


def _is_wrapper(value: Any) -> bool:
    """Whether a value is an object with a list of records in it, and no record itself."""
    if not isinstance(value, Mapping):
        return False
    fields = lower_keys(value)
    return any(isinstance(fields.get(key), list) for key in _LISTS) and not {"moves", "frames"} & set(fields)


def _with(common: Mapping[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """The record, and what it does not say itself."""
    return {**common, **{k: v for k, v in record.items() if v is not None or k not in common}}


def lines_of(text: str) -> list[str]:
    """The lines of a text, which end as files' lines do: other separators, such as U+2028, may stand in JSON."""
    return re.split(r"\r\n|\n|\r", text)


def lower_keys(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record under keys in lower case: some files write `Moves`, others `moves`."""
    lower = {str(key).lower(): value for key, value in record.items()}
    if len(lower) < len(record):
        names = Counter(str(key).lower() for key in record)
        raise InputError(f"a record says {names.most_common(1)[0][0]!r} twice, in capitals and without")
    return lower


def read_table(text: str, needed: str) -> Table | None:
    """The table in a CSV text, or None when it has no header with a column `needed`.

    The delimiter is what a line `sep=;` says, or else what cuts such a column out of the header. Numbers with
    a decimal comma, which only other delimiters leave room for, get a point. Raises InputError.
    """
    lines = lines_of(text)
    header = read_header(lines, needed)
    return None if header is None else Table(header.names, _rows("\n".join(lines[header.line :]), header))


class Header(NamedTuple):
    """The header of a table. line: its place, from 0. names: of its columns, in lower case."""

    line: int
    delimiter: str
    names: tuple[str, ...]


def read_header(lines: Sequence[str], needed: str) -> Header | None:
    """The header of a table in lines of CSV, or None where it has no column `needed`; see `read_table`.

    Raises InputError for one that cannot be read, or that has a column twice.
    """
    start = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    delimiters: tuple[str, ...] = _DELIMITERS
    if start < len(lines) and (said := _SEP.fullmatch(lines[start].strip("\r\n \ufeff") or "")):
        delimiters = (said[1],)
        start = next((i for i in range(start + 1, len(lines)) if lines[i].strip()), len(lines))
    head = lines[start] if start < len(lines) else ""
    for delimiter in delimiters:
        try:
            cells = next(csv.reader([head], delimiter=delimiter), [])
        except csv.Error as error:
            raise InputError(f"line {start + 1}: this is not CSV ({error})") from None
        names = tuple(name.strip().lower() for name in cells)
        if needed in names:
            twice = [name for name, n in Counter(filter(None, names)).items() if n > 1]
            if twice:
                raise InputError(f"line {start + 1}: the table has the column {twice[0]!r} twice: rename one")
            return Header(start, delimiter, names)
    return None


def _rows(text: str, header: Header) -> list[tuple[int, dict[str, str]]]:
    before, delimiter, names = header
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = []
    try:
        next(reader)
        for fields in reader:
            if not any(fields):
                continue
            while len(fields) > len(names) and not fields[-1].strip():
                fields.pop()  # as spreadsheets write empty columns
            if len(fields) > len(names):
                raise InputError(
                    f"line {reader.line_num + before}: this row has more fields than the header names"
                )
            if delimiter != ",":
                fields = [re.sub(r"^([+-]?\d+),(\d+)$", r"\1.\2", field) for field in fields]
            fields += [""] * (len(names) - len(fields))
            rows.append((reader.line_num + before, dict(zip(names, fields, strict=True))))
    except csv.Error as error:
        raise InputError(f"line {reader.line_num + before}: this is not CSV ({error})") from None
    return rows


def _parses(line: str) -> bool:
    try:
        return isinstance(parse_json(line), list | dict)
    except ValueError:
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return str(error) if isinstance(error, InputError) else "its numbers are too long or its lists too deep"

"""Files that are built wrong, from choices that bytes spell: what damage of bytes alone seldom reaches.

Here nothing is read, so that nothing of setgen is needed. No choice left is always the first one, which leaves a file
as it is.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

One = TypeVar("One")


class Choices:
    """Bytes, read as choices one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def below(self, n: int) -> int:
        """A whole number from 0 to n − 1, of one byte or, for more than 256, of two."""
        width = 1 if n <= 256 else 2
        number = int.from_bytes(self.data[self.at : self.at + width], "little")
        self.at += width
        return number % n if n else 0

    def of(self, options: Sequence[One]) -> One:
        return options[self.below(len(options))]

    def seldom(self) -> bool:
        return self.below(16) == 15

    def changed(self, data: bytes) -> bytes:
        """The bytes with one to three of them changed, or cut short, or with a part of them elsewhere."""
        found = bytearray(data)
        for _ in range(1 + self.below(3)):
            if not found:
                break
            at, kind = self.below(len(found)), self.below(4)
            if kind == 0:
                found[at] ^= 1 << self.below(8)
            elif kind == 1:
                found[at] = self.of((0, 255, 127, 128, 1, 34, 44, 10))
            elif kind == 2:
                to, n = self.below(len(found)), self.below(64)
                found[to : to + n] = found[at : at + n]
            else:
                del found[at if self.seldom() else max(at, len(found) - 64) :]
        return bytes(found)


# --- JSON ---------------------------------------------------------------------------------------------------------

# As they stand in the file: most of them are what no writer of JSON would give.
_RAW = (
    *(
        "null",
        "true",
        "0",
        "-1",
        "1",
        "2.5",
        "-0",
        "7e9",
        "99999999999",
        "NaN",
        "-Infinity",
        "1e999",
        "1e-400",
    ),
    *(
        "9" * 30,
        "9" * 400,
        "9" * 5000,
        '""',
        '"a"',
        '"40"',
        '"\\ud800"',
        '"\\u0000"',
        '"\\u2028"',
        "'a'",
        "0x1",
    ),
    *("[]", "{}", "[[1], [2, 3]]", '["a", 1]', "[null]", '{"a": 1, "a": 2}', '{"": {}}', "", "[,]"),
    *("[" * 3000 + "]" * 3000, '{"a":' * 500 + "1" + "}" * 500, "[" * 200_000, '"' + "x" * 70_000 + '"'),
    *('"p1r1"', '"os:system"', '"../../x"', '"__class__"', "[1e308, 1e308]", "[9007199254740993]", "[-1, 0]"),
)


def odd_json(document: Any, choices: Choices) -> str:
    """The document with up to three of its values changed: others, none, twice, one of another place."""
    root, raw = [copy.deepcopy(document)], dict[str, str]()

    def verbatim(text: str) -> str:
        name = f"\ue000{len(raw)}\ue001"
        raw[name] = text
        return name

    for _ in range(choices.below(4)):
        place: Any = root
        at: Any = 0
        while isinstance(place[at], list | dict) and place[at] and choices.below(8):
            place = place[at]
            at = choices.of(list(place) if isinstance(place, dict) else range(len(place)))
        old, what = place[at], choices.below(6)
        if what == 0 and place is not root:
            del place[at]
        elif what == 1 and isinstance(place, list):
            place.insert(at, copy.deepcopy(old))
        elif what == 1:
            place[verbatim(json.dumps(at))] = copy.deepcopy(old)  # its name twice
        elif what == 2 and isinstance(old, int | float):
            place[at] = choices.of((old + 1, -old, old * 1000, float(old), str(old), -old - 1, old / 3))
        elif what == 3:
            place[at] = choices.of(([old], {"a": old}, [old, old], str(old)))
        else:
            place[at] = verbatim(choices.of(_RAW))
    text = json.dumps(root[0])
    for name, value in raw.items():
        text = text.replace(json.dumps(name), value)
    return text


# --- tables of text -----------------------------------------------------------------------------------------------

_CELLS = (
    *(
        "",
        "40",
        "7a/V6",
        "p1r1",
        "NaN",
        "-1",
        "1e999",
        "9" * 400,
        "\0",
        '"',
        '""',
        "'",
        ",",
        ";",
        "\t",
        "\n",
        "\r\n",
    ),
    *(
        "é°",
        "\ufeff",
        "\u2028",
        "１",
        "=1+1",
        "x" * 140_000,
        "p" * 3000,
        'p5r1,"x5',
        "null",
        "true",
        "\x1b[2J",
        "\x1a",
    ),
)


def odd_csv(rows: list[list[str]], choices: Choices) -> bytes:
    """Rows as a table with odd cells, quotes that do not close, and parts in other encodings."""
    rows = [list(row) for row in rows]
    for _ in range(choices.below(5)):
        row = choices.of(rows)
        what = choices.below(6)
        at = choices.below(len(row)) if row else 0
        if what == 0:
            row[at : at + 1] = [choices.of(_CELLS)]
        elif what == 1:
            del row[at : at + 1]
        elif what == 2:
            row.insert(at, choices.of(_CELLS))
        elif what == 3:
            rows.insert(choices.below(len(rows)), list(row))
        elif what == 4:
            row[at : at + 1] = row[at : at + 1] * (2 + choices.below(4))
        else:
            row[at : at + 1] = [
                choices.of(('"', "")) + "".join(row[at : at + 1]) + choices.of(('"x', "\0", "\n"))
            ]
    quote = choices.of((False, True))
    cell: Callable[[str], str] = (lambda c: '"' + c.replace('"', '""') + '"') if quote else str
    comma, end = choices.of((",", ";", "\t", "|", ", ")), choices.of(("\n", "\r\n", "\r"))
    lines = [comma.join(map(cell, row)) for row in rows]
    codes = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "utf-7")
    one = choices.of(codes)
    odd_line, other = (choices.below(len(lines)), choices.of(codes)) if choices.below(3) == 2 else (-1, one)
    return b"".join(
        (line + end).encode(other if i == odd_line else one, "replace") for i, line in enumerate(lines)
    )


# --- databases ----------------------------------------------------------------------------------------------------

# As SQL writes them.
_VALUES = (
    *("NULL", "0", "1", "-1", "2147483648", "9223372036854775807", "-9223372036854775808", "1e308", "9e999"),
    *(
        "'a'",
        "''",
        "'40'",
        "x'fffe00'",
        "CAST(x'ff41fe' AS TEXT)",
        "zeroblob(70000)",
        "char(0)",
        "char(55296)",
    ),
    *("'p101r1p106r3'", "'p100r1p100r3'", "printf('%.*c', 60000, 'p')", "2.5", "-2.5", "rowid", "rowid % 2"),
    *(
        "100 + rowid",
        "hex(randomblob(0))",
        "'Tension Board'",
        "'V5'",
        "'000000'",
        "90",
        "91",
        "char(27, 91, 50, 74)",
    ),
)
_RECURSIVE = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS {column} FROM n"
_HEADER = {
    16: 2,
    18: 1,
    19: 1,
    20: 1,
    24: 4,
    28: 4,
    32: 4,
    36: 4,
    44: 4,
    52: 4,
    56: 4,
    60: 4,
    92: 4,
    100: 1,
    103: 2,
}


def odd_database(whole: bytes, choices: Choices) -> bytes:
    """A database with up to three changes of its tables, and seldom of its header and its pages.

    Tables are renamed, doubled, dropped, views and virtual, made anew without row ids; columns hold anything.
    """
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.deserialize(whole)
        db.execute("PRAGMA writable_schema = ON")
        for _ in range(choices.below(4)):
            try:
                for statement in _statements(db, choices):
                    db.execute(statement)
            except (sqlite3.Error, UnicodeError, MemoryError):  # not every change goes with the one before it
                pass
        data = bytearray(db.serialize())
    finally:
        db.close()
    if choices.below(4) == 3:
        at, width = choices.of(list(_HEADER.items()))
        value = choices.of((0, 1, 2, 3, 4, 5, 255, 256, 4096, 2**31, 2**32 - 1)) & ((1 << 8 * width) - 1)
        data[at : at + width] = value.to_bytes(width, "big")
    page = struct.unpack(">H", whole[16:18])[0]
    for _ in range(choices.below(4) if choices.below(4) == 3 else 0):
        one, two = (page * choices.below(max(1, len(data) // page)) for _ in range(2))
        what = choices.below(4)
        if what == 0:
            data[one : one + page], data[two : two + page] = data[two : two + page], data[one : one + page]
        elif what == 1:
            data[two : two + page] = data[one : one + page]
        elif what == 2:
            at = one + choices.below(16)  # its kind, its number of cells, where they begin
            data[at : at + 1] = bytes([choices.of((0, 2, 5, 10, 13, 255, 1, 127))])
        else:
            at = one + choices.below(page)
            data[at : at + 2] = choices.below(1 << 16).to_bytes(2, "big")
    return bytes(data)


def _statements(db: sqlite3.Connection, choices: Choices) -> list[str]:
    """One change of a table."""
    tables = [
        name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    table = choices.of(tables) if tables else "climbs"
    columns = [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    column = choices.of(columns) if columns else "id"
    value, row = choices.of(_VALUES), 1 + choices.below(16)
    named = ", ".join(columns) or "id"
    old = f"{table}_old"
    renamed = f"ALTER TABLE {table} RENAME TO {old}"
    master = "UPDATE sqlite_master SET {} WHERE name = '" + table + "'"
    return choices.of(
        (
            [f"UPDATE {table} SET {column} = {value} WHERE rowid = {row}"],
            [f"UPDATE {table} SET {column} = {value}"],
            [f"INSERT INTO {table} SELECT * FROM {table}"],
            [f"INSERT INTO {table} ({column}) VALUES ({value})"],
            [f"DELETE FROM {table} WHERE rowid <= {row}"],
            [f"DELETE FROM {table}"],
            [f"ALTER TABLE {table} DROP COLUMN {column}"],
            [f"ALTER TABLE {table} RENAME COLUMN {column} TO {column.upper()}"],
            [f"ALTER TABLE {table} RENAME COLUMN {column} TO [{column} ]"],
            [f"ALTER TABLE {table} ADD COLUMN more DEFAULT ({value})"],
            [
                f"ALTER TABLE {table} DROP COLUMN {column}",
                f"ALTER TABLE {table} ADD COLUMN {column} AS ({value})",
            ],
            [renamed],
            [f"ALTER TABLE {table} RENAME TO {old}", f"ALTER TABLE {old} RENAME TO {table.upper()}"],
            [f"DROP TABLE {table}"],
            [renamed, f"CREATE VIEW {table} AS SELECT * FROM {old}"],
            [renamed, f"CREATE VIEW {table} AS SELECT * FROM {table}"],
            [renamed, f"CREATE VIEW {table} AS {_RECURSIVE.format(column=column)}"],
            [
                renamed,
                f"CREATE TABLE {table} AS SELECT {named}, {value} AS more FROM {old} ORDER BY {column}",
            ],
            [
                renamed,
                f"CREATE TABLE {table} ({named}, PRIMARY KEY ({column})) WITHOUT ROWID",
                f"INSERT OR IGNORE INTO {table} SELECT * FROM {old}",
            ],
            [
                renamed,
                f"CREATE TABLE {table} ({column} INTEGER PRIMARY KEY, "
                f"{', '.join(c for c in columns if c != column) or 'more'})",
                f"INSERT OR IGNORE INTO {table} ({named}) SELECT {named} FROM {old}",
            ],
            [renamed, f"CREATE VIRTUAL TABLE {table} USING fts5({named})"],
            [
                renamed,
                f"CREATE TABLE {table} ({', '.join(f'{c} TEXT' for c in columns)}) STRICT",
                f"INSERT OR IGNORE INTO {table} SELECT * FROM {old}",
            ],
            [f"CREATE TRIGGER t{row} AFTER UPDATE ON {table} BEGIN DELETE FROM {table}; END"],
            [f"CREATE TRIGGER t{row} BEFORE INSERT ON {table} BEGIN SELECT RAISE(FAIL, 'x'); END"],
            [f"CREATE INDEX i{row} ON {table} ({column} COLLATE NOCASE)"],
            [f"CREATE UNIQUE INDEX i{row} ON {table} (rowid, {column}) WHERE {column} > {value}"],
            [
                f"CREATE TABLE x{row} AS SELECT * FROM {table}",
                f"UPDATE sqlite_master SET name = upper('{table}'), tbl_name = upper('{table}') "
                f"WHERE name = 'x{row}'",
            ],
            [master.format("name = upper(name)")],
            [master.format("rootpage = " + str(choices.below(40)))],
            [master.format("sql = replace(sql, 'INT', 'TEXT')")],
            [master.format("sql = replace(sql, 'TABLE', 'TABEL')")],
            [master.format(f"type = '{choices.of(('view', 'index', 'trigger', 'TABLE', ''))}'")],
            [master.format(f"sql = 'CREATE TABLE {table} ({column}, {column})'")],
            [f"PRAGMA user_version = {value}"],
        )
    )


# --- packages -----------------------------------------------------------------------------------------------------

_NAMES = (
    *("db.sqlite3", "assets/db.sqlite3", "problems.json", "x.csv", "base.apk", "x.gz", "AndroidManifest.xml"),
    *(
        "../../evil.db",
        "/evil.db",
        "a/../../evil.json",
        "C:\\evil.db",
        "\x1b[2J.db",
        ".hidden.json",
        "db.sqlite3-wal",
    ),
    *(
        "assets/db.sqlite3-journal",
        "__MACOSX/db.sqlite3",
        "folder/",
        "a" * 300,
        "é\u202e.json",
        "nul\0.json",
        "README.txt",
    ),
)
_PACKINGS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
# Of a member's entry in the directory: its flags (1: encrypted), packing, checksum, sizes, and where it is.
_ENTRY = {8: 2, 10: 2, 16: 4, 20: 4, 24: 4, 42: 4, 28: 2, 30: 2, 38: 4}


def odd_package(payloads: Sequence[bytes], choices: Choices) -> bytes:
    """Payloads in a zip with odd members and a directory that lies, which may lie in gzip and zip again."""
    data = _odd_zip(payloads, choices)
    for _ in range(choices.below(7) if choices.below(4) == 3 else 0):
        data = choices.of(
            (gzip.compress(data, mtime=0), zipped({"base.apk": data}), zipped({"a": data, "b": b"x"}))
        )
        if choices.seldom():
            data = choices.changed(data)
    return data


def _odd_zip(payloads: Sequence[bytes], choices: Choices) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as package:
        warnings.simplefilter("ignore")  # of one name twice
        for _ in range(1 + choices.below(3)):
            info = zipfile.ZipInfo(choices.of(_NAMES))
            info.compress_type = choices.of(_PACKINGS)
            content = choices.of(payloads)
            if choices.seldom():
                info.external_attr, content = 0o120777 << 16, b"/etc/passwd"  # a link
            elif choices.seldom():
                content = choices.changed(content)
            package.writestr(info, content)
    data = bytearray(buffer.getvalue())
    if choices.below(3) == 2:
        entry = data.find(b"PK\1\2")
        for _ in range(choices.below(3) if data.count(b"PK\1\2") > 1 else 0):
            entry = max(entry, data.find(b"PK\1\2", entry + 1))
        at, width = choices.of(list(_ENTRY.items()))
        value = choices.of((0, 1, 8, 9, 99, 2**16 - 1, 2**31, 2**32 - 1)) & ((1 << 8 * width) - 1)
        data[entry + at : entry + at + width] = value.to_bytes(width, "little")
    return bytes(data)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """The members, by name, in a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in members.items():
            package.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # of no time: twice the same
    return buffer.getvalue()


# --- Parquet ------------------------------------------------------------------------------------------------------

_TYPES = (
    *(
        pa.int8(),
        pa.int64(),
        pa.uint16(),
        pa.float32(),
        pa.float64(),
        pa.string(),
        pa.large_string(),
        pa.binary(),
    ),
    *(pa.list_(pa.int8()), pa.list_(pa.int64()), pa.list_(pa.uint16()), pa.list_(pa.float32()), pa.bool_()),
    *(
        pa.large_list(pa.int16()),
        pa.list_(pa.string()),
        pa.dictionary(pa.int8(), pa.string()),
        pa.timestamp("us"),
    ),
    *(pa.list_(pa.int16(), 3), pa.list_(pa.list_(pa.int8())), pa.decimal128(9, 2), pa.null(), pa.date32()),
)


def odd_parquet(table: pa.Table, choices: Choices) -> bytes:
    """A table with columns swapped, cast, doubled and dropped, rows in other numbers, and a footer that lies."""
    for _ in range(choices.below(4)):
        names = table.column_names
        at, what = choices.below(len(names)), choices.below(9)
        try:
            if what == 0:
                to = choices.below(len(names))
                names[at], names[to] = names[to], names[at]
                table = table.rename_columns(names)
            elif what == 1:
                column = table.column(at).cast(choices.of(_TYPES), safe=False)
                table = table.set_column(at, names[at], column)
            elif what == 2:
                table = table.append_column(choices.of((names[at], "more", "quality")), table.column(at))
            elif what == 3 and len(names) > 1:
                table = table.drop_columns([names[at]])
            elif what == 4:
                table = table.slice(choices.below(len(table) + 1), choices.below(len(table) + 1))
            elif what == 5:
                table = pa.concat_tables([table] * choices.of((0, 2, 3)) or [table.slice(0, 0)])
            elif what == 6:
                values = table.column(at).to_pylist()
                values[choices.below(len(values))] = choices.of(
                    (
                        None,
                        -1,
                        0,
                        2**15,
                        2**31,
                        "a",
                        [],
                        [0],
                        [-1],
                        [0, 0],
                        [2**20, 1],
                        [None],
                        ["a"],
                        0.5,
                        True,
                    )
                )
                table = table.set_column(at, names[at], pa.array(values))
            elif what == 7:
                order = list(range(len(names)))
                order.insert(0, order.pop(at))
                table = table.select(order)
            else:
                table = table.set_column(at, names[at], pa.nulls(len(table), table.column(at).type))
        except (pa.ArrowException, TypeError, OverflowError, IndexError, KeyError, NotImplementedError):
            pass  # not every change goes with every column
    buffer = io.BytesIO()
    try:
        pq.write_table(
            table,
            buffer,
            compression=choices.of(("NONE", "snappy", "gzip", "zstd")),
            row_group_size=choices.of((None, 1, 7)),
            use_dictionary=choices.of((True, False)),
            version=choices.of(("2.6", "1.0")),
        )
    except (pa.ArrowException, NotImplementedError):
        return b"PAR1PAR1"
    data = bytearray(buffer.getvalue())
    if choices.below(4) == 3:  # what the footer says of rows, columns and places
        length = int.from_bytes(data[-8:-4], "little")
        for _ in range(1 + choices.below(3)):
            at = len(data) - 8 - length + choices.below(length + 4)
            data[at] = choices.below(256)
    if choices.seldom():
        return choices.changed(bytes(data))
    return bytes(data)


# --- folders ------------------------------------------------------------------------------------------------------


def odd_folder(
    files: Mapping[str, bytes],
    others: Sequence[Mapping[str, bytes]],
    head: str,
    at: Path,
    outside: Path,
    choices: Choices,
) -> bool:
    """Make the folder `at` of these files with up to three of them damaged; whether it is as it was.

    others: folders of the same kind whose files may come in their place. head: the JSON file with the checksums,
    which mostly are those of the damaged files. outside: a file that links may lead to.
    """
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir()
    for name, data in files.items():
        (at / name).write_bytes(data)
    names = list(files)
    for _ in range(choices.below(4)):
        _damage(at / choices.of(names), choices.of(names), others, at, outside, choices)
    if choices.below(4) != 3:
        _sum_anew(at / head)
    return {path.name for path in at.iterdir()} == set(files) and all(
        (at / name).is_file() and not (at / name).is_symlink() and (at / name).read_bytes() == data
        for name, data in files.items()
    )


def _damage(
    path: Path, name: str, others: Sequence[Mapping[str, bytes]], at: Path, outside: Path, choices: Choices
) -> None:
    before = path.read_bytes() if path.is_file() else b""
    what = choices.below(12)
    if what >= 8 or (what == 0 and path.suffix != ".json"):
        path_bytes = choices.changed(before)
        if path.suffix == ".json" and choices.below(4):
            with suppress(ValueError, RecursionError):
                path_bytes = odd_json(json.loads(before), choices).encode("utf-8", "replace")
        _replace(path, path_bytes)
    elif what == 0:
        with suppress(ValueError, RecursionError):
            _replace(path, odd_json(json.loads(before), choices).encode("utf-8", "replace"))
    elif what == 1:
        _remove(path)
    elif what == 2:
        _remove(path)
        path.symlink_to(
            choices.of((outside, outside.parent, Path(name), path, Path("/dev/zero"), at, Path("none")))
        )
    elif what == 3:
        _remove(path)
        path.mkdir()
    elif what == 4:
        _remove(path)
        os.mkfifo(path)
    elif what == 5:
        _replace(path, choices.of(others).get(path.relative_to(at).as_posix(), b""))
    elif what == 6:
        _replace(path, choices.of([d for other in others for d in other.values()]))
    else:
        _replace(at / choices.of(("space.json", "board.json", "sets.parquet", "x", ".lock", "model")), before)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    _remove(path)
    path.write_bytes(data)


def _sum_anew(path: Path) -> None:
    """Note the checksums of the files as they are now, so that damage gets past them."""
    if path.is_symlink() or not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
        head = json.loads(text)
        for name, old in head["sha256"].items():
            file = path.parent / name
            if file.is_file():
                text = text.replace(old, hashlib.sha256(file.read_bytes()).hexdigest())
        path.write_text(text, encoding="utf-8")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):
        pass  # a head that is damaged itself

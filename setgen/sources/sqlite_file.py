"""SQLite files that come from anywhere: opened read-only, checked for truncation, tolerant of old schemas."""

from __future__ import annotations

import gc
import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from setgen.errors import InputError

MAGIC = b"SQLite format 3\x00"
_ROWS_AT_ONCE = 256  # few enough that their tuples are still in the processor's cache


class SqliteFile:
    """A database opened for reading. Raises InputError when it is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_length(path)
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            self._columns = self._schema()
        except sqlite3.OperationalError:  # a write-ahead log in a folder that we may not write to
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
            try:
                self._columns = self._schema()
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def __enter__(self) -> SqliteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _damaged(self, error: sqlite3.Error) -> InputError:
        return InputError(f"{self.path} is a damaged database ({error}): fetch it again")

    def _schema(self) -> dict[str, set[str]]:
        rows = self._db.execute(
            "SELECT lower(m.name), lower(c.name) FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
            "WHERE m.type IN ('table', 'view')"
        )
        tables: dict[str, set[str]] = {}
        for table, column in rows:
            tables.setdefault(table, set()).add(column)
        return tables

    def has(self, table: str, *columns: str) -> bool:
        """Whether the table is there, with all of these columns."""
        return table in self._columns and set(columns) <= self._columns[table]

    def require(self, table: str, *columns: str) -> None:
        """Raise InputError when the table or one of its columns is missing."""
        if table not in self._columns:
            raise InputError(
                f"{self.path} has no table `{table}`: it is not the database of an Aurora board app"
            )
        missing = sorted(set(columns) - self._columns[table])
        if missing:
            raise InputError(
                f"{self.path}: table `{table}` lacks {', '.join(missing)}: not a schema setgen reads"
            )

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            return self._db.execute(sql, tuple(parameters)).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def columns(self, table: str, *names: str) -> dict[str, list[Any]]:
        """Whole columns of a table; all NULL where it lacks the column, empty where there is no table."""
        if not self.has(table):
            return {name: [] for name in names}
        exprs = [name if self.has(table, name) else "NULL" for name in names]
        columns: dict[str, list[Any]] = {name: [] for name in names}
        collecting = gc.isenabled()
        gc.disable()  # it would look through a million new objects again and again
        try:
            cursor = self._db.execute(f"SELECT {', '.join(exprs)} FROM {table}")
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                    column.extend(values)
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None
        finally:
            if collecting:
                gc.enable()
        return columns


def _check_length(path: Path) -> None:
    """Raise InputError when the header promises more pages than the file has.

    Header fields as in https://www.sqlite.org/fileformat.html, 1.3: page size at 16, number of pages at
    28, which holds only where the numbers at 24 and 92 agree.
    """
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100:
        raise InputError(f"{path} is a truncated database: fetch it again")
    (page_size,) = struct.unpack(">H", head[16:18])
    changes, pages = struct.unpack(">II", head[24:32])
    (valid_for,) = struct.unpack(">I", head[92:96])
    expected = (65536 if page_size == 1 else page_size) * pages
    if changes == valid_for and path.stat().st_size < expected:
        raise InputError(
            f"{path} is a truncated database, {path.stat().st_size} of {expected} bytes: fetch it again"
        )

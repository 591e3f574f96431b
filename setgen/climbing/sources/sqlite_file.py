"""SQLite files that come from anywhere: opened read-only, checked for truncation, tolerant of old schemas.

Nothing in a file is run: triggers never fire, for nothing is written, and of what it holds only tables are read, no
views. Nothing in its folder is changed, and a query ends when it gave more than the bytes of the file can hold.
"""

from __future__ import annotations

import gc
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from setgen.errors import InputError, one_line

_ROWS_AT_ONCE = 256  # few enough that their tuples are still in the processor's cache
_LEAST_ROW = 4  # bytes that a row takes: two in its page's list of cells, two in its cell
# What a query may take, in SQLite's instructions, of which a row takes some dozens: more is no table, but pages that
# point to one another in circles.
_STEPS_A_BYTE, _FREE_STEPS, _TICK = 50, 1 << 26, 1 << 20
_LONGEST_VALUE = 64 << 20
# What reading raises: where SQLite's own message holds bytes of the file that are no text, it is not SQLite's error.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


class SqliteFile:
    """A database opened for reading, with what its write-ahead log or journal adds.

    label: what messages call it; its path if left out. Raises InputError when it cannot be read.
    """

    def __init__(self, path: Path, label: str = "") -> None:
        self.path = path
        self.label = label or str(path)
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._beside: list[SqliteFile] = []
        self._steps = 0
        _check_length(path, self.label)
        check_journal(path, self.label)
        self._bytes = sum(file.stat().st_size for file in (path, *logs(path)))
        self._uri = self._address()
        try:
            self._db, self._columns = self._open(self._uri)
        except sqlite3.OperationalError:  # a log in a folder that we may not write to
            self._uri = self._aside() if logs(path) else f"{path.resolve().as_uri()}?immutable=1"
            try:
                self._db, self._columns = self._open(self._uri)
            except _ERRORS as error:
                raise self._unreadable(error) from None
        except _ERRORS as error:
            raise self._unreadable(error) from None

    def __enter__(self) -> SqliteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database, of those beside it, and of copies."""
        self._db.close()
        for other in self._beside:
            other.close()
        if self._copy is not None:
            self._copy.cleanup()

    def _address(self) -> str:
        """How SQLite is to open it, so that it makes no files of its own beside one in WAL mode."""
        if self.path.with_name(self.path.name + "-shm").exists():  # someone has it open: locks are needed
            return f"{self.path.resolve().as_uri()}?mode=ro"
        with self.path.open("rb") as file:
            # What SQLite itself goes by, whatever the byte before says.
            in_wal_mode = file.read(20)[19:] == b"\2"
        if in_wal_mode:
            return self._aside() if logs(self.path) else f"{self.path.resolve().as_uri()}?immutable=1"
        return f"{self.path.resolve().as_uri()}?mode=ro"

    def _open(self, uri: str) -> tuple[sqlite3.Connection, dict[str, set[str]]]:
        db = sqlite3.connect(uri, uri=True)
        try:
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("PRAGMA trusted_schema = OFF")
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
            db.set_progress_handler(self._too_long, _TICK)
            return db, _schema(db)
        except _ERRORS:
            db.close()
            raise

    def _aside(self) -> str:
        """The address of a copy with its logs, in a folder where SQLite can apply them."""
        self._copy = tempfile.TemporaryDirectory(prefix="setgen-")
        try:
            copy = copy_with_logs(self.path, Path(self._copy.name) / "copy.sqlite3")
        except OSError as error:
            self._copy.cleanup()
            raise InputError(
                f"{self.label} has changes in a log beside it, and could not be copied to read them "
                f"({error.strerror or error}): copy both to a folder that can be written"
            ) from None
        return copy.as_uri()

    def _too_long(self) -> bool:
        """Asked every _TICK instructions of a query."""
        self._steps += _TICK
        return self._steps > _FREE_STEPS + _STEPS_A_BYTE * self._bytes

    def _unreadable(self, error: Exception) -> InputError:
        if str(error) == "interrupted":
            return self._endless()
        what = "cannot be read" if isinstance(error, sqlite3.OperationalError) else "is a damaged database"
        return InputError(f"{self.label} {what} ({one_line(str(error))})")  # it may quote the file

    def _endless(self) -> InputError:
        return InputError(
            f"{self.label} is a damaged database: its tables yield more rows than its {self._bytes:,} bytes can hold"
        )

    def has(self, table: str, *columns: str) -> bool:
        """Whether the table is there, with all of these columns."""
        return table in self._columns and set(columns) <= self._columns[table]

    def columns_of(self, table: str) -> set[str]:
        """The names of a table's columns, in lower case; none where there is no table."""
        return self._columns.get(table, set())

    def require(self, table: str, *columns: str) -> None:
        """Raise InputError when the table or one of its columns is missing."""
        if table not in self._columns and self.rows(
            "SELECT 1 FROM sqlite_master WHERE lower(name) = ?", [table]
        ):
            raise InputError(
                f"{self.label}: `{table}` is a view, made up when it is read: setgen reads tables only"
            )
        if table not in self._columns:
            has = ", ".join(sorted(self._columns)[:6]) or "none"
            raise InputError(
                f"{self.label} has no table `{table}`, which the database of a board app has; "
                f"its tables: {has}"
            )
        missing = sorted(set(columns) - self._columns[table])
        if missing:
            raise InputError(
                f"{self.label}: table `{table}` lacks {', '.join(missing)}: not a schema setgen reads"
            )

    def attach(self, other: Path, name: str) -> dict[str, set[str]]:
        """Lay another database beside this one; its tables (in lower case) and their columns."""
        file = SqliteFile(other)  # whose checks it must pass too, and whose copy it may need
        self._beside.append(file)
        try:
            self._db.execute(f"ATTACH ? AS {name}", (file._uri,))
        except _ERRORS as error:
            raise file._unreadable(error) from None
        self._bytes += file._bytes
        return file._columns

    def view(self, name: str, select: str, columns: set[str]) -> None:
        """A view that is there for this reader only."""
        self._db.execute(f"CREATE TEMP VIEW {name} AS {select}")
        self._columns[name] = columns

    def quick_check(self) -> None:
        """Raise InputError when the database's pages do not hang together (PRAGMA quick_check)."""
        ((answer,),) = self.rows("PRAGMA quick_check(1)")
        if answer != "ok":
            raise InputError(f"{self.label} is a damaged database ({answer})")

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        self._steps, most = 0, self._bytes // _LEAST_ROW
        try:
            rows = self._db.execute(sql, tuple(parameters)).fetchmany(most + 1)
        except _ERRORS as error:
            raise self._unreadable(error) from None
        if len(rows) > most:
            raise self._endless()
        return rows

    def columns(self, table: str, *names: str) -> dict[str, list[Any]]:
        """Whole columns of a table; all NULL where it lacks the column, empty where there is no table."""
        if not self.has(table):
            return {name: [] for name in names}
        exprs = [name if self.has(table, name) else "NULL" for name in names]
        columns: dict[str, list[Any]] = {name: [] for name in names}
        self._steps, most = 0, self._bytes // _LEAST_ROW
        collecting = gc.isenabled()
        gc.disable()  # it would look through a million new objects again and again
        try:
            cursor = self._db.execute(f"SELECT {', '.join(exprs)} FROM {table}")
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
                    column.extend(values)
                most -= len(rows)
                if most < 0:
                    raise self._endless()
        except _ERRORS as error:
            raise self._unreadable(error) from None
        finally:
            if collecting:
                gc.enable()
        return columns


def check_journal(path: Path, label: str) -> None:
    """Raise InputError for a journal beside a database that names another file.

    It does where one change went over several databases. SQLite deletes the file that it names when it applies the
    journal, whatever that file is.
    """
    journal = path.with_name(path.name + "-journal")
    if journal.is_file():
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - len(_JOURNAL_MAGIC)))
            if file.read() == _JOURNAL_MAGIC and journal.stat().st_size > len(_JOURNAL_MAGIC):
                raise InputError(
                    f"the journal beside {label} is of a change to several databases: open it once in the app "
                    "that made it, or copy the database without it"
                )


def logs(path: Path) -> list[Path]:
    """The logs beside a database that hold changes which are not in it."""
    beside = (path.with_name(path.name + ending) for ending in ("-wal", "-journal"))
    return [log for log in beside if log.is_file() and log.stat().st_size]


def copy_with_logs(path: Path, target: Path) -> Path:
    """A copy of a database and its logs, at `target`. Raises OSError."""
    for file in (path, *logs(path)):
        shutil.copyfile(file, target.with_name(target.name + file.name.removeprefix(path.name)))
    return target


def fold_logs(path: Path, label: str) -> None:
    """Write what the logs beside a database of ours hold into it, and end them. Raises InputError."""
    check_journal(path, label)
    try:
        db = sqlite3.connect(path)
        try:
            db.execute("PRAGMA journal_mode = DELETE").fetchall()
            db.execute("SELECT count(*) FROM sqlite_master").fetchall()
        finally:
            db.close()
    except _ERRORS as error:
        raise InputError(f"the log beside {label} cannot be written into it ({error})") from None
    if logs(path):
        raise InputError(f"the log beside {label} could not be written into it: open and close it once")


def _schema(db: sqlite3.Connection) -> dict[str, set[str]]:
    rows = db.execute(
        "SELECT lower(m.name), lower(c.name) FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
        "WHERE m.type = 'table' AND m.rootpage > 0"  # views and virtual tables have no page: their rows are made up
    )
    tables: dict[str, set[str]] = {}
    for table, column in rows:
        tables.setdefault(table, set()).add(column)
    return tables


def _check_length(path: Path, label: str) -> None:
    """Raise InputError when the header promises more pages than the file has.

    Header fields as in https://www.sqlite.org/fileformat.html, 1.3: page size at 16, number of pages at
    28, which holds only where the numbers at 24 and 92 agree.
    """
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100:
        raise InputError(f"{label} is a truncated database")
    (page_size,) = struct.unpack(">H", head[16:18])
    changes, pages = struct.unpack(">II", head[24:32])
    (valid_for,) = struct.unpack(">I", head[92:96])
    expected = (65536 if page_size == 1 else page_size) * pages
    if changes == valid_for and path.stat().st_size < expected:
        raise InputError(f"{label} is a truncated database, {path.stat().st_size} of {expected} bytes")

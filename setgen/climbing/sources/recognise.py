"""Which reader a file needs, told by its content, never by its name."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from setgen.climbing.board import Board
from setgen.climbing.sources import aurora
from setgen.climbing.sources.frames_rows import COLUMN, read_frames_rows
from setgen.climbing.sources.moonboard import are_problems, read_moonboard
from setgen.climbing.sources.opening import Opened, opened
from setgen.climbing.sources.readout import Options, Readout
from setgen.climbing.sources.snapshot import is_hardware, is_snapshot
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.climbing.sources.texts import is_json, lines_of, read_header, read_json, read_table, records
from setgen.errors import InputError

_FORMS = {
    "frames strings": r"(?:^|[,;\t\"\s])p\d+r\d+p\d+r\d+",
    "LED messages": r"l#[SPRLMEF]\d+,.*#",
    "MoonBoard moves": r"[a-z]~[A-K]\d{1,2}~\|",
}


class Kind(Enum):
    AURORA = "Aurora app database"
    SNAPSHOT = "boardsesh snapshot"
    HARDWARE = "boardsesh hardware file"
    JSON = "JSON"
    CSV = "CSV with a column `frames`"


def kind_of(db: SqliteFile) -> Kind:
    """What a database is; an Aurora app's if it is nothing else, whose reader will say what it lacks."""
    return Kind.SNAPSHOT if is_snapshot(db) else Kind.HARDWARE if is_hardware(db) else Kind.AURORA


def recognise(path: Path) -> Kind:
    """The format of a file. Raises InputError when there is no file, or it is none that setgen reads."""
    with opened(path) as file:
        if file.database is not None:
            with SqliteFile(file.database, str(path)) as db:
                return kind_of(db)
        return _text_kind(path, file.text or "")


def read(path: Path, options: Options) -> Readout:
    """Read a file of any known format. Raises InputError as the readers do."""
    with opened(path) as file:
        if file.database is not None:
            return _read_database(path, file.database, options)
        return _read_text(path, file, options)


def is_climbs(text: str) -> bool:
    """Whether a text is one of the kinds of climbs that are read here."""
    return is_json(text) or has_frames(text)


def climbs_without_header(text: str) -> str:
    """What a text without a header of ours holds, if it is climbs: frames strings and the like; else empty."""
    lines = [line.strip() for line in lines_of(text[: 1 << 16]) if line.strip()][:50]
    for form, pattern in _FORMS.items():
        if any(re.search(pattern, line) for line in lines):
            return form
    return ""


def has_frames(text: str) -> bool:
    """Whether a text is a table whose header has the column of frames strings, whatever is in its rows."""
    return read_header(lines_of(text[: 1 << 16]), COLUMN) is not None


def _text_kind(path: Path, text: str) -> Kind:
    if is_json(text):
        return Kind.JSON
    if has_frames(text):
        return Kind.CSV
    begins = " ".join(text.split())[:40]
    what = "a web page" if text.lstrip()[:1] == "<" else "a text"
    raise InputError(
        f"{path} is {what} that begins {begins!r}, no database and no climbs: setgen reads an Aurora SQLite "
        f"file, a boardsesh snapshot, MoonBoard JSON, or a CSV with a column {COLUMN}; and baskets (--kind baskets) "
        "or a table with the columns set and item"
    )


def _read_database(path: Path, database: Path, options: Options) -> Readout:
    with SqliteFile(database, str(path)) as db:
        kind = kind_of(db)
        if kind is Kind.HARDWARE:
            raise InputError(
                f"{path} says where holds are and has no climbs: give it with --board, for a snapshot"
            )
        if kind is Kind.AURORA:
            if options.board is not None:
                raise InputError(f"{path} says itself where its holds are: leave out --board")
            return aurora.read_aurora(db, options)
        if options.board is None:
            return aurora.read_snapshot(db, options, None, None)
        if options.board.is_dir():
            return aurora.read_snapshot(db, options, None, Board.load(options.board / "board.json"))
        with opened(options.board) as hardware:
            if hardware.database is None:
                raise InputError(f"--board {options.board} is no database and no dataset folder")
            return aurora.read_snapshot(db, options, hardware.database, None)


def _read_text(path: Path, file: Opened, options: Options) -> Readout:
    text = file.text or ""
    if _text_kind(path, text) is Kind.CSV:
        try:
            table = read_table(text, COLUMN)
        except InputError as error:
            raise InputError(f"{path}, {error}") from None
        assert table is not None
        columns = {name: table.column(name) for name in table.columns}
        return _frames(path, "CSV with frames", columns, options)
    try:
        pairs = records(read_json(text))
    except InputError as error:
        raise InputError(
            f"{path} is {error}" if str(error).startswith("broken") else f"{path}, {error}"
        ) from None
    if are_problems(pairs):
        if options.board is not None:
            raise InputError(f"{path} says itself where its holds are: leave out --board")
        return read_moonboard(pairs, options, file.name)
    if any(COLUMN in record for _, record in pairs):
        names = sorted({name for _, record in pairs for name in record})
        of_records = {n: [record.get(n) for _, record in pairs] for n in names}
        return _frames(path, "JSON with frames", of_records, options, [name for name, _ in pairs])
    raise InputError(f"{path} is JSON, but holds no climbs: records with `Moves` (MoonBoard) or `{COLUMN}`")


def _frames(
    path: Path, kind: str, columns: dict, options: Options, places: list[str] | None = None
) -> Readout:
    board, warnings = _board_for_frames(path, options)
    readout = read_frames_rows(kind, columns, board, options, places)
    readout.warnings[:0] = warnings
    return readout


def _board_for_frames(path: Path, options: Options) -> tuple[Board, list[str]]:
    if options.board is None:
        raise InputError(
            f"{path} names holds by number only: say where they are with --board, an Aurora database or a "
            "dataset folder"
        )
    if options.board.is_dir():
        if options.layout is not None or options.size is not None:
            raise InputError("a dataset folder has one board: leave out --layout and --size")
        return Board.load(options.board / "board.json"), []
    with opened(options.board) as file:
        if file.database is None:
            raise InputError(f"--board {options.board} is no Aurora database and no dataset folder")
        with SqliteFile(file.database, str(options.board)) as db:
            return aurora.read_board(db, options)

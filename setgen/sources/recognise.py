"""Which reader a file needs, told by its content, never by its name."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path

from setgen.boards.board import Board
from setgen.errors import InputError
from setgen.sources import aurora
from setgen.sources.frames_csv import COLUMNS, is_frames_csv, read_frames_csv
from setgen.sources.moonboard import read_moonboard, records
from setgen.sources.readout import Options, Readout
from setgen.sources.sqlite_file import MAGIC

_HEAD = 1 << 16


class Kind(Enum):
    AURORA = "Aurora app database"
    JSON = "MoonBoard JSON"
    CSV = "kilter-gpt climbs.csv"


def recognise(path: Path) -> Kind:
    """The format of a file. Raises InputError when there is no file, or it is none that setgen reads."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: give the file with the climbs") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if not head:
        raise InputError(f"{path} is empty: fetch it again")
    if head.startswith(MAGIC):
        return Kind.AURORA
    if head.startswith(b"PK\x03\x04"):
        raise InputError(f"{path} is a zip or APK file: take its database with `setgen data fetch`")
    text = head.decode("utf-8-sig", errors="replace")
    if text.lstrip()[:1] in ("[", "{"):
        return Kind.JSON
    if is_frames_csv(text):
        return Kind.CSV
    raise InputError(
        f"{path} is no database and no climbs: setgen reads an Aurora SQLite file, MoonBoard JSON, or a CSV "
        f"with columns {', '.join(COLUMNS)}"
    )


def read(path: Path, options: Options) -> Readout:
    """Read a file of any known format. Raises InputError as the readers do."""
    kind = recognise(path)
    if options.board is not None and kind is not Kind.CSV:
        raise InputError(f"{path} says itself where its holds are: leave out --board")
    if kind is Kind.AURORA:
        return aurora.read_aurora(path, options)
    if kind is Kind.JSON:
        return read_moonboard(_json_records(path), options)
    board, warnings = _board_for_csv(path, options)
    readout = read_frames_csv(path, board, options)
    readout.warnings[:0] = warnings
    return readout


def _json_records(path: Path) -> list:
    try:
        pairs = records(json.loads(path.read_bytes().decode("utf-8-sig")))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is broken JSON ({error}): fetch it again") from None
    if pairs is None:
        raise InputError(f"{path} is JSON, but holds no MoonBoard climbs: records with `Grade` and `Moves`")
    return pairs


def _board_for_csv(path: Path, options: Options) -> tuple[Board, list[str]]:
    if options.board is None:
        raise InputError(
            f"{path} names holds by number only: say where they are with --board, an Aurora database or a "
            "dataset folder"
        )
    if options.board.is_dir():
        if options.layout is not None or options.size is not None:
            raise InputError("a dataset folder has one board: leave out --layout and --size")
        return Board.load(options.board / "board.json"), []
    if recognise(options.board) is not Kind.AURORA:
        raise InputError(f"--board {options.board} is no Aurora database and no dataset folder")
    return aurora.read_board(options.board, options)

"""Community snapshots (boardsesh): the Aurora tables under other names, with several boards in one file.

`board_climbs` and `board_climb_stats` are in the snapshot. Where the holds are stands in one hardware file
for all boards, whose tables have a `board_type` in front; or in the snapshot itself, if `setgen data fetch`
laid it there. A MoonBoard needs none: the number of a hold is its cell on the grid.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError

# The Aurora names of what a hardware file has.
HARDWARE = (
    *("products", "layouts", "product_sizes", "sets", "placement_roles", "holes", "placements", "leds"),
    *("product_sizes_layouts_sets", "products_angles", "difficulty_grades"),
)
MOONBOARD = "moonboard"


def is_snapshot(db: SqliteFile) -> bool:
    """Whether a database is a snapshot's: it has climbs of boards that are told apart by their type."""
    return db.has("board_climbs", "board_type")


def is_hardware(db: SqliteFile) -> bool:
    """Whether a database is a hardware file: where holds are, and no climbs."""
    return db.has("board_placements", "board_type") and not is_snapshot(db)


def as_aurora(
    db: SqliteFile, hardware: Path | None = None, needs_holds: bool = True
) -> tuple[str, list[str]]:
    """Lay views over a snapshot that have Aurora's names, of one board; (the board's type, warnings).

    hardware: a hardware file, or an Aurora database of the same board. Without it the snapshot must have the
    tables itself. Raises InputError where neither says where the holds are, unless nobody needs_holds.
    """
    db.require("board_climbs", "board_type", "uuid", "layout_id", "frames")
    counts = Counter(dict(db.rows("SELECT board_type, count(*) FROM board_climbs GROUP BY board_type")))
    if not counts:
        raise InputError(f"{db.label}: the table `board_climbs` is empty")
    board = min(counts, key=lambda name: (-counts[name], str(name)))
    warnings = []
    if len(counts) > 1:
        others = ", ".join(sorted(f"{name} ({n} climbs)" for name, n in counts.items() if name != board))
        warnings.append(
            f"several boards: took {board} ({counts[board]} climbs), the one with most; left: {others}"
        )
    _views(db, str(board), ("climbs", "climb_stats"), "main", db.columns_of)
    if hardware is not None:
        there = db.attach(hardware, "hardware")
        found = [name for name in HARDWARE if name in there]
        if "placements" in found:  # an Aurora database, all of one board
            _check_product(db, str(board), there, hardware)
            for name in found:
                db.view(name, f"SELECT * FROM hardware.{name}", there[name])
        else:
            _views(db, str(board), HARDWARE, "hardware", lambda table: there.get(table, set()))
    else:
        _views(db, str(board), HARDWARE, "main", db.columns_of)
    if (
        needs_holds
        and board != MOONBOARD
        and not (db.has("placements") and db.rows("SELECT 1 FROM placements LIMIT 1"))
    ):
        where = f"{hardware} has" if hardware else "it has"
        raise InputError(
            f"{db.label} names holds of {board} by number, and {where} no table that says where they are: "
            "give a hardware file with --board, or fetch both with `setgen data fetch boardsesh:BOARD/LAYOUT`"
        )
    return str(board), warnings


def _check_product(db: SqliteFile, board: str, there: dict[str, set[str]], hardware: Path) -> None:
    """Raise InputError where an Aurora database names its products, and none is the snapshot's board."""
    if "name" not in there.get("products", ()):
        return
    names = [str(name) for (name,) in db.rows("SELECT name FROM hardware.products") if name]
    if names and not any(board.startswith(name.split()[0].lower()) for name in names):
        raise InputError(f"{db.label} has climbs of {board}, and {hardware} is of another board: {names[0]}")


def lay_in(db_path: Path, hardware: Path, board: str) -> None:
    """Copy what a hardware file has of one board into a snapshot, so that it is whole in itself."""
    with SqliteFile(hardware) as file:
        tables = [f"board_{name}" for name in HARDWARE if file.has(f"board_{name}", "board_type")]
    db = sqlite3.connect(db_path)
    try:
        db.execute("ATTACH ? AS hardware", (str(hardware),))
        for table in tables:
            db.execute(f"DROP TABLE IF EXISTS main.{table}")
            db.execute(
                f"CREATE TABLE main.{table} AS SELECT * FROM hardware.{table} WHERE board_type = ?", (board,)
            )
        db.commit()
    except sqlite3.DatabaseError as error:
        raise InputError(f"the hardware file cannot be laid into the snapshot ({error})") from None
    finally:
        db.close()


def _views(
    db: SqliteFile, board: str, names: tuple[str, ...], schema: str, columns_of: Callable[[str], set[str]]
) -> None:
    quoted = board.replace("'", "''")
    for name in names:
        columns = columns_of(f"board_{name}")
        if "board_type" in columns:
            db.view(name, f"SELECT * FROM {schema}.board_{name} WHERE board_type = '{quoted}'", columns)

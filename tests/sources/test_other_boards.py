"""Databases of any Aurora board, and databases with anything in any column: an import or one clear line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from setgen.climbing.build import import_dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.roles import Role
from setgen.climbing.sources.readout import Options
from setgen.errors import InputError

Database = Callable[..., Path]
ONE = Options(layout=1, size=2)


@pytest.mark.parametrize(
    ("board", "first"), [("Grasshopper Board", 9), ("Decoy", 20), ("Touchstone", 12), ("So iLL", 301)]
)
def test_any_numbers_for_the_roles(database: Database, board: str, first: int) -> None:
    frames = "p100r{0}p105r{1}p106r{3}p110r{2}".format(*range(first, first + 4))
    path = database(
        f"UPDATE products SET name = '{board}' WHERE id = 4",
        f"UPDATE placement_roles SET id = id - 1 + {first} WHERE product_id = 4",
        climbs=[(("z", 1, None, 1, frames, 0, 1), [(40, 1, 20.0, 3.0)])],
    )
    dataset = import_dataset(path)
    assert write_frames(dataset.board, dataset.climbs) == [frames]
    assert dataset.climbs.role.tolist() == [Role.START, Role.MIDDLE, Role.FOOT, Role.FINISH]
    assert dataset.board.family == board.split()[0].lower()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE placement_roles SET name = upper(name)",
        "UPDATE climbs SET uuid = lower(uuid)",
        "UPDATE climbs SET angle = NULL",
        "UPDATE climb_stats SET ascensionist_count = ascensionist_count + 0.5",
        "UPDATE climb_stats SET angle = angle || '.0'",
        "DROP TABLE layouts",  # the holes still say which product the layout is of
        "DROP TABLE products",
        "DROP TABLE sets",
        "ALTER TABLE placement_roles DROP screen_color",
        "ALTER TABLE product_sizes DROP is_listed",
        "INSERT INTO placements VALUES (100, 1, 0, 1)",  # twice
        "INSERT INTO placements VALUES (150, 1, NULL, 1)",
        "INSERT INTO holes VALUES (0, 4, 'H0', 10, 10, 3)",  # twice
    ],
)
def test_what_makes_no_difference(database: Database, statement: str) -> None:
    plain, changed = (import_dataset(database(*s), ONE) for s in ((), (statement,)))
    assert list(changed.climbs) == list(plain.climbs)
    assert changed.ids.tolist() == plain.ids.tolist()
    assert changed.board.ids.tolist() == plain.board.ids.tolist()


def test_two_products_without_a_word_whose_the_layout_is(database: Database) -> None:
    path = database("DROP TABLE layouts", "ALTER TABLE holes DROP product_id")
    with pytest.raises(InputError, match="several products"):
        import_dataset(path, ONE)


def test_placement_ids_beyond_any_table_still_parse(database: Database) -> None:
    climbs = [(("z", 1, 40, 1, "p90000100r1p90000110r3", 0, 1), [(40, 1, 20.0, 3.0)])]
    path = database("UPDATE placements SET id = id + 90000000", climbs=climbs)
    dataset = import_dataset(path)
    assert write_frames(dataset.board, dataset.climbs) == ["p90000100r1p90000110r3"]


def columns(path: Path) -> list[tuple[str, str]]:
    query = "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c"
    with sqlite3.connect(path) as db:
        return db.execute(query).fetchall()


@pytest.mark.parametrize("value", ["NULL", "'x'", "x'ff00'", "1e999", "-7"])
def test_anything_in_any_column(database: Database, value: str) -> None:
    imported, refusals = 0, []
    for table, column in columns(database()):
        try:
            dataset = import_dataset(database(f"UPDATE {table} SET {column} = {value}"), ONE)
        except InputError as error:
            refusals.append(str(error))
        else:
            rows = dataset.card["rows"]
            assert rows["read"] == rows["kept"] + sum(rows["reasons"].values())
            assert (np.diff(dataset.board.ids) > 0).all()
            imported += 1
    assert imported
    assert refusals
    assert not any("\n" in message for message in refusals)

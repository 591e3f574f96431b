"""What a board takes from the app's database for delivery: its numbers, its LEDs and their colours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from setgen.climbing.board import AppIds, Board
from setgen.climbing.build import import_dataset
from setgen.climbing.climb_files import read_climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.delivery.leds import led_messages, read_led_message
from setgen.climbing.roles import Role
from setgen.climbing.sources.aurora import read_board
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError

Database = Callable[..., Path]

# Hole i has LED 100 + i on size 1 and LED 300 − i on size 2; hole 5 has none on size 2.
LEDS = [
    "CREATE TABLE leds (id INT, product_size_id INT, hole_id INT, position INT)",
    "INSERT INTO leds SELECT id, 1, id, 100 + id FROM holes WHERE id < 16",
    "INSERT INTO leds SELECT id, 2, id, 300 - id FROM holes WHERE id < 16 AND id != 5",
    "ALTER TABLE placement_roles ADD led_color TEXT",
    "UPDATE placement_roles SET led_color = "
    "CASE name WHEN 'start' THEN '00FF00' WHEN 'middle' THEN '0000FF' WHEN 'finish' THEN 'FF0000' END",
]


def board(path: Path, size: int | str | None) -> Board:
    with SqliteFile(path) as db:
        return read_board(db, Options(layout=1, size=size))[0]  # type: ignore[arg-type]


def test_each_size_has_its_own_leds(database: Database) -> None:
    path = database(*LEDS)
    one, two = board(path, 1), board(path, 2)
    assert one.leds is not None
    assert two.leds is not None
    # Placement 100 + i is in hole i; size 2 has no holes from y = 40 on, which are 12 to 15.
    assert one.leds.tolist() == [int(i) for i in one.ids]
    assert two.leds.tolist() == [-1 if i == 105 else 400 - int(i) for i in two.ids]
    assert len(two) == 12
    assert (one.app, two.app) == (AppIds(1, 1, (1, 2)), AppIds(1, 2, (1, 2)))
    assert board(path, 3).app == AppIds(1, 3, (1,))


def test_colors_of_leds_are_kept_where_they_are_colors(database: Database) -> None:
    one = board(database(*LEDS, "UPDATE placement_roles SET led_color = 'red' WHERE name = 'finish'"), 1)
    assert dict(one.led_colors) == {Role.START: "#00FF00", Role.MIDDLE: "#0000FF"}
    assert one.role_colors[Role.START] == "#000001"


def test_a_whole_layout_has_no_leds(database: Database) -> None:
    whole = board(database(*LEDS), "all")
    assert whole.leds is None
    assert whole.app == AppIds(1, None, (1, 2))


def test_without_the_tables_there_is_nothing_to_light(database: Database) -> None:
    one = board(database(), 1)
    assert one.leds is None
    assert not one.led_colors
    assert one.app == AppIds(1, 1, (1, 2))
    with pytest.raises(InputError, match="no LED numbers"):
        read_led_message(one, b"")


def test_without_numbered_hold_sets_a_board_has_no_numbers(database: Database) -> None:
    assert board(database("UPDATE placements SET set_id = 'wood'"), "all").app is None


def test_datasets_keep_them_and_older_ones_still_load(database: Database, tmp_path: Path) -> None:
    dataset = import_dataset(database(*LEDS), Options(layout=1, size=1))
    dataset.save(tmp_path / "d")
    new = Dataset.load(tmp_path / "d").board
    assert new.leds is not None
    assert dataset.board.leds is not None
    assert new.leds.tolist() == dataset.board.leds.tolist()
    assert (new.app, new.led_colors) == (dataset.board.app, dataset.board.led_colors)

    climbs = dataset.climbs
    messages = led_messages(new, climbs)
    assert [sorted(read_led_message(new, m)) for m in messages] == [sorted(c.holds) for c in climbs]

    data = json.loads((tmp_path / "d" / "board.json").read_text())
    for key in ("app", "leds", "led_colors"):
        del data[key]
    (tmp_path / "d" / "board.json").write_text(json.dumps(data))
    (tmp_path / "d" / "card.json").write_text("{}")  # older ones had no checksums
    old = Dataset.load(tmp_path / "d").board
    assert (old.app, old.leds, dict(old.led_colors)) == (None, None, {})
    (tmp_path / "lit").write_text(messages[0].hex(" "))
    assert len(read_climbs(tmp_path / "lit", new)) == 1
    with pytest.raises(InputError, match=r"line 1: .* has no LED numbers"):
        read_climbs(tmp_path / "lit", old)

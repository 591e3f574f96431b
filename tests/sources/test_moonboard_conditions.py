"""MoonBoard files: hold setup and angle from every place that says them, and nothing in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from setgen.climbing.board import AppIds
from setgen.climbing.build import import_dataset
from setgen.climbing.climb_files import read_climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.delivery.moonboard import full_problems
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources.moonboard import UNKNOWN_SET, moonboard
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.setups import (
    SETUPS,
    angle_in_name,
    by_id,
    read_setup,
    setup_in_name,
    stated_angle,
)
from setgen.errors import InputError

COLUMNS = "ABCDEFGHIJK"


def problem(i: int, **more: Any) -> dict[str, Any]:
    """A problem of its own holds, in the full form."""
    names = (f"{COLUMNS[i % 11]}4", f"{COLUMNS[(i + 2) % 11]}9", f"{COLUMNS[(i + i // 11) % 11]}12")
    moves = [{"description": n, "isStart": j == 0, "isEnd": j == 2} for j, n in enumerate(names)]
    return {"apiId": 100 + i, "grade": "6B+", "moves": moves, **more}


def load(tmp_path: Path, data: Any, name: str = "x.json", **options: Any) -> Dataset:
    (tmp_path / name).write_text(json.dumps(data))
    return import_dataset(tmp_path / name, Options(**options))


def warned(dataset: Dataset, text: str) -> bool:
    return any(text in w for w in dataset.card["warnings"])


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (15, 15),
        ("17", 17),
        (21.0, 21),
        ("MoonBoard Masters 2017", 15),
        ("MoonBoard 2016", 1),
        ("Mini MoonBoard 2020", 19),
        ({"apiId": 22, "description": None}, 22),
        ({"ApiId": 0, "Id": 0, "Description": "MoonBoard 2024"}, 21),
        ({"description": "MoonBoard Masters 2019"}, 17),
        ({"apiId": 99}, 99),
        *[(v, 0) for v in (None, "", 0, {}, {"apiId": None})],
        ("Spray wall", -1),
    ],
)
def test_setups_are_named_in_every_way(value: Any, number: int) -> None:
    assert read_setup(value).id == number


@pytest.mark.parametrize(
    ("name", "setup", "angle"),
    [
        ("problems MoonBoard Masters 2017 25.json", 15, 25),
        ("problems_moonboard_2016.json.gz", 1, None),
        ("moonboard-2024_40deg.json", 21, 40),
        ("Mini MoonBoard 2020 (40°).json", 19, 40),
        ("moonboard 2024-05-25.json", None, None),
        ("moonboard2019 25 40.json", 17, None),
        ("scrape_20240525 MoonBoard 2016.json", 1, None),
        ("2016 2017.json", None, None),
        ("problems.json", None, None),
    ],
)
def test_names_of_files(name: str, setup: int | None, angle: int | None) -> None:
    found = setup_in_name(name)
    assert (None if found is None else found.id, angle_in_name(name)) == (setup, angle)


@pytest.mark.parametrize(
    ("setup", "number", "angle"),
    [
        (1, 3, 40),
        (15, 1, 40),
        (15, 2, 25),
        (17, 1, 40),
        (17, 2, 25),
        (19, 1, 40),
        (21, 2, 25),
        (21, 3, 40),
        (15, 0, UNKNOWN),
        (15, 3, -2),
        (1, 2, -2),
    ],
)
def test_numbers_of_configurations(setup: int, number: int, angle: int) -> None:
    known = by_id(setup)
    assert known is not None
    for value in (number, str(number), {"id": number, "description": None}):
        assert stated_angle({"moonboardconfiguration": value}, known) == angle
    assert stated_angle({"moonboardconfigurationid": number}, known) == angle
    words = {"moonboardconfiguration": {"id": number, "description": "25° MoonBoard"}}
    assert stated_angle(words, known) == 25


def test_an_angle_by_its_number_depends_on_the_setup(tmp_path: Path) -> None:
    data = [
        problem(0, holdsetup={"apiId": 15}, moonBoardConfigurationId=2),
        problem(1, holdsetup={"apiId": 15}, moonBoardConfigurationId=1),
        problem(2, holdsetup={"apiId": 15}, moonBoardConfigurationId=3),
    ]
    for p in data:
        p["moves"][2]["description"] = p["moves"][2]["description"].replace("12", "18")
    dataset = load(tmp_path, data)
    assert dataset.climbs.angle.tolist() == [25, 40]
    assert dataset.card["rows"]["reasons"] == {"an angle that cannot be read": 1}


def test_the_file_s_name_says_setup_and_angle(tmp_path: Path) -> None:
    dataset = load(tmp_path, [problem(0), problem(1)], "problems MoonBoard Masters 2017 25.json")
    assert dataset.climbs.angle.tolist() == [25, 25]
    assert dataset.board.name == "MoonBoard Masters 2017"
    assert len(dataset.board) == 198
    assert warned(dataset, "25° is read from the file's name")
    stated = load(tmp_path, [problem(0, moonBoardConfiguration="40° MoonBoard")], "25.json")
    assert stated.climbs.angle.tolist() == [40]
    said = load(tmp_path, [problem(0)], "25.json", angle=40)
    assert said.climbs.angle.tolist() == [40]


def test_where_nothing_says_the_angle_there_is_a_warning_and_an_option(tmp_path: Path) -> None:
    data = [problem(0, holdsetup=15), problem(1, holdsetup=15)]
    dataset = load(tmp_path, data)
    assert dataset.climbs.angle.tolist() == [40, 40]
    assert warned(dataset, "no climb states its angle: taken as 40°; --angle says another")
    dataset = load(tmp_path, data, angle=25)
    assert dataset.climbs.angle.tolist() == [25, 25]
    only = load(tmp_path, [problem(0, holdsetup=1, moonBoardConfigurationId=0)])
    assert only.climbs.angle.tolist() == [40]  # the 2016 setup is built at no other angle
    assert not warned(only, "angle")


def test_climbs_that_state_no_angle_among_others_that_do(tmp_path: Path) -> None:
    data = [problem(0, holdsetup=15, moonBoardConfigurationId=2), problem(1, holdsetup=15)]
    dataset = load(tmp_path, data)
    assert dataset.climbs.angle.tolist() == [25]
    assert dataset.card["rows"]["reasons"] == {
        "no angle stated, where others state one (kept with --angle)": 1
    }
    assert load(tmp_path, data, angle=40).climbs.angle.tolist() == [25, 40]


def test_setups_are_kept_apart_like_layouts(tmp_path: Path) -> None:
    setups = [15, 15, 15, 17, 17, 1, None]
    data = [problem(i, holdsetup=None if s is None else {"apiId": s}) for i, s in enumerate(setups)]
    dataset = load(tmp_path, data)
    assert (len(dataset.climbs), dataset.board.name) == (3, "MoonBoard Masters 2017")
    assert dataset.card["layout"] == {"id": 15, "name": "MoonBoard Masters 2017"}
    assert dataset.card["rows"]["reasons"] == {"on another hold setup": 4}
    assert warned(dataset, "17 (MoonBoard Masters 2019, 2 climbs)")
    assert warned(dataset, "0 (not said, 1 climbs)")
    for layout in (17, "MoonBoard Masters 2019", "moonboard masters 2019"):
        assert load(tmp_path, data, layout=layout).board.name == "MoonBoard Masters 2019"
    assert load(tmp_path, data, layout=0).board.name == "Mini MoonBoard"
    with pytest.raises(InputError, match=r"no hold setup 21: it has 0 \(not said"):
        load(tmp_path, data, layout=21)


def test_where_nothing_says_the_setup_there_is_a_warning_and_an_option(tmp_path: Path) -> None:
    dataset = load(tmp_path, [problem(0)])
    assert warned(dataset, "no climb states its hold setup")
    assert dataset.board.app is None
    said = load(tmp_path, [problem(0)], layout=19)
    assert (said.board.name, said.board.app) == ("Mini MoonBoard 2020", AppIds(6, 1, (24, 25, 26, 27)))
    assert not warned(said, "hold setup")
    with pytest.raises(InputError, match="no hold setup 2"):
        load(tmp_path, [problem(0)], layout=2)


def test_the_setup_says_how_high_the_board_is(tmp_path: Path) -> None:
    assert len(load(tmp_path, [problem(0, holdsetup=19)]).board) == 132
    high = problem(1, holdsetup=19)
    high["moves"][2]["description"] = "C18"
    dataset = load(tmp_path, [problem(0, holdsetup=19), high])
    assert dataset.card["rows"]["reasons"] == {"hold not on the board (A1 to K18)": 1}


def test_one_row_for_each_configuration(tmp_path: Path) -> None:
    entries = [
        {"moonBoardConfigurationId": 1, "grade": "6B+", "repeats": 7, "isBenchmark": True},
        {"moonBoardConfigurationId": 2, "grade": "6A", "repeats": 3, "isBenchmark": False},
    ]
    bare = [{"configuration": "40° MoonBoard", "grade": "7A"}, {"description": "25°", "grade": ""}]
    data = {
        "count": 2,
        "holdsetup": 15,
        "problems": [
            {"apiId": 1, "moves": "s~G5~|l~C12~|r~D13~|e~C18~", "configurations": entries},
            {"apiId": 2, "moves": "s~A5~|S~B5~|m~C12~|E~D18~|", "configurations": bare},
        ],
    }
    dataset = load(tmp_path, data)
    rows = zip(
        dataset.ids.tolist(), dataset.climbs.angle.tolist(), dataset.climbs.grade.tolist(), strict=True
    )
    assert list(rows) == [("1", 40, 19), ("1", 25, 16), ("2", 40, 22)]
    assert dataset.columns["ascents"][:2].tolist() == [7, 3]
    assert dataset.columns["benchmark"].tolist() == [1, 0, UNKNOWN]
    assert dataset.card["rows"]["reasons"] == {"no grade (kept with --ungraded)": 1}
    assert dataset.card["climbs"]["read"] == 2
    assert dataset.card["roles"] == "from the source"
    (first, *_) = dataset.climbs
    names = {dataset.board.hole_names[p]: r for p, r in first.holds}
    assert names == {"G5": 0, "C12": 1, "D13": 1, "C18": 2}
    (tmp_path / "one.json").write_text(json.dumps(data["problems"][0] | {"holdsetup": 15}))
    assert read_climbs(tmp_path / "one.json", dataset.board).angle.tolist() == [40, 25]


def test_withdrawn_problems_and_repeats(tmp_path: Path) -> None:
    data = [
        problem(0),
        problem(0),
        problem(0, apiId=500),
        problem(1, dateDeleted="2020-01-01T00:00:00"),
        problem(2, Active=False),
        problem(3, active="False"),
        problem(4, dateDeleted="0001-01-01T00:00:00", Active=True),
        problem(5, dateDeleted=None, Active=None),
    ]
    dataset = load(tmp_path, data)
    assert dataset.ids.tolist() == ["100", "104", "105"]
    assert dataset.card["rows"]["reasons"] == {
        "deleted": 1,
        "inactive": 2,
        "a climb and angle listed twice": 1,
        "the same holds at the same angle as another climb": 1,
    }


def test_flags_of_moves_may_be_text(tmp_path: Path) -> None:
    text = problem(0)
    text["moves"] = [{k: str(v) for k, v in move.items()} for move in text["moves"]]
    assert list(load(tmp_path, [text]).climbs) == list(load(tmp_path, [problem(0)]).climbs)


def test_mounted_hold_sets_come_from_what_problems_need(tmp_path: Path) -> None:
    def needs(*sets: str) -> list[dict[str, Any]]:
        return [{"description": s, "apiId": 1} for s in sets]

    moves = [["A4", "B9", "C18"], ["A4", "D9", "E18"], ["F4", "B9", "C18"]]
    sets = [needs("Hold Set A", "Hold Set B"), needs("Hold Set A", "Wooden Holds"), needs("Hold Set B")]
    data = [
        {"Grade": "6B", "Moves": m, "holdsets": s, "holdsetup": 15} for m, s in zip(moves, sets, strict=True)
    ]
    dataset = load(tmp_path, data)
    board = dataset.board
    named = {
        n: board.hold_set_names[board.hold_set[board.index_of_name(n)]]
        for n in ("A4", "B9", "C18", "F4", "D9")
    }
    assert named == {
        "A4": "Hold Set A",
        "B9": "Hold Set B",
        "C18": "Hold Set B",
        "F4": "Hold Set B",
        "D9": UNKNOWN_SET,
    }
    assert dataset.card["mounted"] == ["Hold Set A", "Hold Set B", "Wooden Holds"]
    assert board.app == AppIds(4, 1, (11, 12, 16))


def test_problems_of_another_setup_are_not_read_as_the_board_s(tmp_path: Path) -> None:
    board = load(tmp_path, [problem(0, holdsetup=15)]).board
    (tmp_path / "other.json").write_text(json.dumps([problem(0, holdsetup=17)]))
    with pytest.raises(InputError, match="climb 1: a problem on MoonBoard Masters 2019"):
        read_climbs(tmp_path / "other.json", board, check=False)
    (tmp_path / "silent.json").write_text(json.dumps([problem(0)]))
    assert len(read_climbs(tmp_path / "silent.json", board, check=False)) == 1


@pytest.mark.parametrize("setup", SETUPS, ids=lambda s: s.name)
def test_what_is_written_is_imported_with_its_conditions(setup: Any, tmp_path: Path) -> None:
    dataset = load(tmp_path, [problem(i, holdsetup=setup.id) for i in range(3)], roles="ignore")
    for angle in sorted(set(setup.angles.values())) or [40]:
        board = moonboard((angle,), setup.rows, setup)
        climbs = dataset.climbs.with_conditions(dataset.climbs.angle * 0 + angle, dataset.climbs.grade)
        written = full_problems(board, climbs, ["a", "b", "c"])
        again = load(tmp_path, written, "again.json", roles="ignore")
        assert again.board.name == f"{setup.name}, roles ignored"
        assert again.climbs.angle.tolist() == [angle] * 3
        number = written[0]["moonBoardConfiguration"].pop("id")
        del written[0]["moonBoardConfiguration"]["description"]
        if number is not None and setup.angles:
            assert setup.angles[number] == angle

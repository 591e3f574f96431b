"""MoonBoard JSON in all its forms, with the roles worked out by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setgen.climbing.build import import_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import parse_grade
from setgen.climbing.roles import Role
from setgen.climbing.sources.moonboard import COLUMNS, derive_roles, moonboard
from setgen.climbing.sources.readout import Options
from setgen.errors import InputError


def load(tmp_path: Path, data: Any, **options: Any) -> Dataset:
    path = tmp_path / "climbs"
    path.write_text(json.dumps(data))
    return import_dataset(path, Options(**options))


def named(dataset: Dataset, i: int = 0) -> dict[str, str]:
    return {dataset.board.hole_names[p]: Role(r).label for p, r in dataset.climbs.climb(i).holds}


SHORT = {"Grade": "7A", "Moves": ["J5", "B3", "F9", "A3", "C18"], "UserRating": 3}
FULL = {
    "apiId": 77,
    "grade": "6B+",
    "moonBoardConfiguration": {"id": 2, "description": "25° MoonBoard"},
    "repeats": 12,
    "userRating": 4,
    "moves": [
        {"description": "C5", "isStart": True, "isEnd": False},
        {"description": "d9", "isStart": False, "isEnd": False},
        {"description": "E18", "isStart": False, "isEnd": True},
    ],
}


def test_the_grid() -> None:
    board = moonboard()
    assert len(board) == 198
    assert board.hole_names[0] == "A1"
    assert board.hole_names[-1] == "K18"
    assert board.ids[board.index_of_name("J3")] == 2 * 11 + 10
    across = board.xy[board.index_of_name("B1")] - board.xy[board.index_of_name("A1")]
    up = board.xy[board.index_of_name("A2")] - board.xy[board.index_of_name("A1")]
    assert np.allclose([across, up], np.eye(2) * 200 / 25.4)
    assert Role.FOOT not in board.role_ids


def test_short_form_derives_roles_and_says_so(tmp_path: Path) -> None:
    dataset = load(tmp_path, [SHORT])
    # Three holds lie up to row 6: J5, B3 and A3. The two lowest are A3 and B3.
    assert named(dataset) == {"A3": "start", "B3": "start", "J5": "middle", "F9": "middle", "C18": "finish"}
    assert dataset.climbs.climb(0)[1:] == (40, parse_grade("7a"))
    assert "derived" in dataset.card["roles"]
    assert any("derived" in w for w in dataset.card["warnings"])


def test_ties_go_to_the_left_whatever_the_order(tmp_path: Path) -> None:
    moves = ["K6", "F6", "A6", "C18"]
    for order in (moves, moves[::-1]):
        roles = named(load(tmp_path, [{"Grade": "7A", "Moves": order}]))
        assert roles == {"A6": "start", "F6": "start", "K6": "middle", "C18": "finish"}


@given(st.sets(st.tuples(st.integers(0, 10), st.integers(1, 18)), min_size=1, max_size=20), st.randoms())
def test_derived_roles_follow_their_rule(holds: set, random) -> None:
    cells = [(column, row, Role.MIDDLE) for column, row in holds]
    random.shuffle(cells)
    roles = {(c, r): role for c, r, role in derive_roles(cells, 18)}
    starts = [cell for cell, role in roles.items() if role is Role.START]
    low = [cell for cell in holds if cell[1] <= 6]
    assert {cell for cell, role in roles.items() if role is Role.FINISH} == {c for c in holds if c[1] == 18}
    assert len(starts) == min(2, len(low))
    if starts:
        assert max(r for _, r in starts) <= min((r for c, r in low if (c, r) not in starts), default=6)


def test_full_form_in_its_wrappings_and_any_case(tmp_path: Path) -> None:
    upper = {key.upper(): value for key, value in FULL.items()}
    for data in ([FULL], {"total": 1, "data": [FULL]}, {"Data": [FULL]}, {"77": FULL}, [upper]):
        dataset = load(tmp_path, data)
        assert named(dataset) == {"C5": "start", "D9": "middle", "E18": "finish"}
        assert dataset.climbs.angle.tolist() == [25]
        assert dataset.board.angles == (25,)
        assert dataset.ids.tolist() == ["77"]
        assert dataset.card["roles"] == "from the source"


def test_mini_boards_have_twelve_rows(tmp_path: Path) -> None:
    dataset = load(tmp_path, [{"Grade": "6A", "Moves": ["A4", "B8", "C12"]}])
    assert len(dataset.board) == 132
    assert named(dataset) == {"A4": "start", "B8": "middle", "C12": "finish"}


def test_ignored_roles(tmp_path: Path) -> None:
    without_finish = {"Grade": "7A", "Moves": ["J5", "F9"]}
    dataset = load(tmp_path, [SHORT, without_finish], roles="ignore")
    assert len(dataset.climbs) == 2
    assert set(dataset.climbs.role.tolist()) == {Role.MIDDLE}
    assert dataset.board.role_ids == {Role.MIDDLE: 43}
    assert "ignored" in dataset.card["roles"]


def test_bad_records_are_dropped_each_with_its_reason(tmp_path: Path) -> None:
    bad = [
        {"Grade": "7A", "Moves": []},
        {"Grade": "7A"},
        {"Grade": "7A", "Moves": ["L3", "C18"]},
        {"Grade": "7A", "Moves": ["A19", "C18"]},
        {"Grade": "7A", "Moves": [None]},
        {"Grade": "hard", "Moves": ["J5", "C18"]},
        {"Moves": ["J5", "C18"]},
        {"Grade": "7A", "Moves": ["J5", "F9"]},
        {"Grade": "7A", "Moves": ["J5", "J5", "C18"]},
        "no record at all",
    ]
    card = load(tmp_path, [SHORT, *bad]).card
    assert card["rows"]["reasons"] == {
        "not a climb: no list of moves": 3,
        "hold not on the board (A1 to K18)": 3,
        "a grade that is on no known scale": 1,
        "no grade (kept with --ungraded)": 1,
        "not legal: too few finishes": 1,
        "not legal: a hold twice": 1,
    }
    assert card["rows"]["read"] == 11
    assert card["rows"]["kept"] == 1


def test_filters_and_what_a_file_does_not_record(tmp_path: Path) -> None:
    assert len(load(tmp_path, [FULL, {**FULL, "apiId": 78, "repeats": 2}], min_ascents=5).climbs) == 1
    assert len(load(tmp_path, [SHORT, {**SHORT, "UserRating": 1}], min_quality=2).climbs) == 1
    with pytest.raises(InputError, match="--min-ascents"):
        load(tmp_path, [SHORT], min_ascents=1)
    with pytest.raises(InputError, match="--layout"):
        load(tmp_path, [SHORT], layout=99)
    assert load(tmp_path, [SHORT], layout=15).board.name == "MoonBoard Masters 2017"


@pytest.mark.parametrize("data", [[], {}, [1, 2], {"data": []}, [{"a": 1}], "[", '{"data": '])
def test_json_without_climbs(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "x.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(InputError, match=r"JSON"):
        import_dataset(path)


def test_column_letters_cover_the_board() -> None:
    assert len(COLUMNS) == 11


DATA = os.environ.get("SETGEN_DATA")


@pytest.mark.skipif(not DATA, reason="SETGEN_DATA is not set")
def test_real_moonboard_numbers() -> None:
    dataset = import_dataset(Path(str(DATA)) / "moonboard_2017.json", Options(roles="ignore"))
    assert dataset.card["rows"]["read"] == 18_865
    assert dataset.card["rows"]["kept"] == 18_755 == dataset.card["hold_sets"]


@pytest.mark.parametrize(
    ("setting", "angle", "warned"),
    [
        (1, 40, False),
        ("2", 25, False),
        ({"Id": 2}, 25, False),
        ({"Id": 7, "Description": "25 deg"}, 25, False),
        (None, 40, True),
        ({}, 40, True),
    ],
)
def test_configurations(tmp_path: Path, setting: Any, angle: int, warned: bool) -> None:
    dataset = load(tmp_path, [{**SHORT, "moonBoardConfiguration": setting}])
    assert dataset.climbs.angle.tolist() == [angle]
    assert any("no climb states its angle" in w for w in dataset.card["warnings"]) is warned


@pytest.mark.parametrize("setting", [7, "99999°", "steep", {"id": 7}])
def test_an_angle_that_cannot_be_read_is_left_out(tmp_path: Path, setting: Any) -> None:
    other = {**SHORT, "Moves": ["A5", "B18"], "moonBoardConfiguration": 1}
    dataset = load(tmp_path, [other, {**SHORT, "moonBoardConfiguration": setting}])
    assert dataset.card["rows"]["reasons"] == {"an angle that cannot be read": 1}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    dataset = load(tmp_path, [{**SHORT, "id": "\ud800"}])
    dataset.save(tmp_path / "d")
    assert Dataset.load(tmp_path / "d").ids.tolist() == ["?"]

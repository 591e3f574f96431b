"""MoonBoard JSON: what is written is what setgen imports, and what comes back is the climb."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from walls import WALL, any_climbs, same

from setgen.climbing.build import import_dataset, without_roles
from setgen.climbing.climb_files import read_climbs
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.delivery.moonboard import full_problems, read_problem, short_problems
from setgen.climbing.roles import Role
from setgen.climbing.sources.moonboard import MINI_ROWS, moonboard, read_moonboard
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.texts import records
from setgen.errors import InputError

BOARD = moonboard((25, 40))


def climb(board, holds: str, angle: int = 40, grade: int = 22) -> Climb:
    letters = {"s": Role.START, "m": Role.MIDDLE, "f": Role.FINISH}
    pairs = (word.split(":") for word in holds.split())
    return Climb(tuple(sorted((board.index_of_name(h), int(letters[r])) for h, r in pairs)), angle, grade)


# Roles as setgen derives them, so that the short form has nothing to lose.
LOW = climb(BOARD, "A3:s B4:s F9:m C18:f", 25)
HIGH = climb(BOARD, "J5:s H10:m G14:m K18:f", 40, 30)
CLIMBS = Climbs.from_list([LOW, HIGH])


def test_the_full_form() -> None:
    problem, _ = full_problems(BOARD, CLIMBS, ["Low", "High"])
    assert problem == {
        "name": "Low",
        "grade": "7A",
        "moonBoardConfiguration": {"id": 2, "description": "25° MoonBoard"},
        "moves": [
            {"description": "A3", "isStart": True, "isEnd": False},
            {"description": "B4", "isStart": True, "isEnd": False},
            {"description": "F9", "isStart": False, "isEnd": False},
            {"description": "C18", "isStart": False, "isEnd": True},
        ],
    }


def test_the_short_form() -> None:
    assert short_problems(BOARD, CLIMBS)[0] == {"Grade": "7A", "Moves": ["A3", "B4", "F9", "C18"]}


@pytest.mark.parametrize("short", [False, True])
def test_setgen_imports_what_it_writes(short: bool, tmp_path) -> None:
    problems = short_problems(BOARD, CLIMBS) if short else full_problems(BOARD, CLIMBS, ["Low", "High"])
    (tmp_path / "m.json").write_text(json.dumps(problems))
    dataset = import_dataset(tmp_path / "m.json")
    assert same(dataset.climbs, CLIMBS, "grade")
    assert dataset.climbs.angle.tolist() == ([40, 40] if short else [25, 40])
    assert ("derived" in dataset.card["roles"]) is short


@given(any_climbs(BOARD))
def test_round_trip_of_the_full_form(climbs: Climbs) -> None:
    problems = json.loads(json.dumps(full_problems(BOARD, climbs, [""] * len(climbs))))
    back = Climbs.from_list([c for problem in problems for c in read_problem(BOARD, problem)])
    assert same(back, climbs, "angle", "grade")
    # The importer reads the same holds and grades; an angle that is not stated is the one asked for.
    pairs = records(problems)
    read = read_moonboard(pairs, Options(ungraded=True, angle=40))
    if len(read.board) == len(BOARD):
        assert same(read.climbs, climbs, "grade")
        assert np.array_equal(read.climbs.angle, np.where(climbs.angle < 0, 40, climbs.angle))


@given(any_climbs(BOARD))
def test_the_short_form_keeps_the_holds(climbs: Climbs) -> None:
    for old, problem in zip(climbs, short_problems(BOARD, climbs), strict=True):
        (new,) = read_problem(BOARD, problem)
        assert [p for p, _ in new.holds] == [p for p, _ in old.holds]
        assert (new.angle, new.grade) == (-1, old.grade)


def test_a_board_without_roles_reads_middles() -> None:
    readout = read_moonboard(records([{"Grade": "7A", "Moves": ["A3", "C18"]}]), Options())
    plain = without_roles(readout).board
    assert {role for _, role in read_problem(plain, {"Moves": ["A3", "C18"]})[0].holds} == {Role.MIDDLE}


def test_mini_boards() -> None:
    mini = moonboard(rows=MINI_ROWS)
    low = climb(mini, "A3:s B8:m C12:f")
    (problem,) = short_problems(mini, Climbs.from_list([low]))
    assert read_problem(mini, problem)[0].holds == low.holds
    with pytest.raises(InputError, match="C18"):
        read_problem(mini, {"Moves": ["A3", "C18"]})


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: {"data": p}, lambda p: {"1": p[0], "2": p[1]}])
def test_files_of_problems_are_files_of_climbs(wrap, tmp_path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(wrap(full_problems(BOARD, CLIMBS, ["a", "b"])), indent=1))
    assert same(read_climbs(tmp_path / "m.json", BOARD), CLIMBS, "angle", "grade")


def test_one_problem_and_problems_a_line(tmp_path) -> None:
    problems = full_problems(BOARD, CLIMBS, ["a", "b"])
    (tmp_path / "m").write_text("\n".join(map(json.dumps, problems)))
    assert same(read_climbs(tmp_path / "m", BOARD), CLIMBS, "angle", "grade")
    (tmp_path / "m").write_text(json.dumps(problems[1], indent=2))
    assert same(read_climbs(tmp_path / "m", BOARD), CLIMBS[1:], "angle", "grade")


@pytest.mark.parametrize(
    ("problem", "what"),
    [
        ({"Moves": []}, "climb 2: not a climb"),
        ({"Moves": ["L3"]}, "climb 2: hold not on the board"),
        ({"Moves": ["A3"], "Grade": "hard"}, "climb 2: a grade"),
        ({"Moves": ["A3", "C18"], "moonBoardConfiguration": "steep"}, "climb 2: .*names no angle"),
        ({"Moves": ["A3", "A3", "C18"]}, "climb 2: a hold twice"),
        ({"Moves": ["A3"]}, "climb 2: this climb is not legal .*finishes"),
        (3, "climb 2: a climb is an object"),
    ],
)
def test_wrong_problems_are_named(problem, what: str, tmp_path) -> None:
    (tmp_path / "m").write_text(json.dumps([*full_problems(BOARD, CLIMBS[:1], ["a"]), problem]))
    with pytest.raises(InputError, match=what) as caught:
        read_climbs(tmp_path / "m", BOARD)
    assert "\n" not in str(caught.value)


def test_other_boards_have_no_such_problems() -> None:
    one = Climbs.from_list([Climb(((4, 0), (9, 2)))])
    for write in (
        lambda: full_problems(WALL, one, ["a"]),
        lambda: short_problems(WALL, one),
        lambda: read_problem(WALL, {"Moves": ["A3"]}),
    ):
        with pytest.raises(InputError, match="no MoonBoard"):
            write()

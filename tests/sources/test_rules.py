"""One set of rules: what does not count, the same problem twice, and conditions however they are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setgen.climbing.build import import_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import FONT, UNKNOWN, V, parse_grade
from setgen.climbing.sources import rules
from setgen.climbing.sources.columns import half_up, whole_numbers
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.rules import UNREADABLE

Database = Callable[..., Path]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *[(v, 1) for v in (1, True, "1", "t", "TRUE", "true", "y", "Yes", 1.0)],
        *[(v, 0) for v in (0, False, "0", "f", "False", " false ", "n", "no", 0.0)],
        *[(v, UNKNOWN) for v in (None, "", " ", "null", "NaN", float("nan"))],
        *[(v, UNREADABLE) for v in ("maybe", 2, -7, b"\xff", [1])],
    ],
)
def test_flags(value: Any, read: int) -> None:
    assert rules.flag(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *[
            (v, 40)
            for v in (40, 40.0, "40", "40.0", "40°", "40 °", "40º", "40 deg", "40degrees", "40Â°", "40,0")
        ],
        (-5, -5),
        *[(v, UNKNOWN) for v in (None, "", "nan", "?")],
        *[(v, UNREADABLE) for v in ("steep", "40.5", 400, "1e999", True, "40-45")],
    ],
)
def test_angles(value: Any, read: int) -> None:
    assert rules.angle(value) == read


@given(
    st.sampled_from(sorted(FONT)),
    st.booleans(),
    st.sampled_from(["{f}", "{f}/{v}", "{v}/{f}", " {v} / {f} "]),
)
def test_grades_by_name_are_what_they_say(difficulty: int, upper: bool, form: str) -> None:
    text = form.format(f=FONT[difficulty], v=V[difficulty])
    text = text.upper() if upper else text.lower()
    assert parse_grade(text) == difficulty == rules.grade(text, "font_grade")
    assert rules.grade(str(difficulty)) == rules.grade(f"{difficulty}.0") == rules.grade(float(difficulty))


@pytest.mark.parametrize(
    ("value", "column", "read"),
    [
        ("V5", "grade", 20),
        (5, "v_grade", 20),
        ("5", "V Grade", 20),
        ("5", "grade", 13),
        ("5", "difficulty", 5),
        ("18.4", "difficulty_average", 18),
        ("18,4", "difficulty_average", 18),
        (22.5, "difficulty", 23),
        ("6b＋", "grade", 19),
        ("７a", "grade", 22),
        ("", "grade", UNKNOWN),
        (None, "difficulty", UNKNOWN),
        *[
            (v, "grade", UNREADABLE)
            for v in ("V10+", "V4-", "V4-V5", "VB", "hard", "6a/V9", "V9/6a", "1e999", True)
        ],
        ("V18", "v_grade", UNREADABLE),
        (float("inf"), "difficulty", UNREADABLE),
        (-3, "difficulty", 0),  # outside every board's grades, which is said of it
    ],
)
def test_grades(value: Any, column: str, read: int) -> None:
    assert rules.grade(value, column) == read
    assert rules.grades({column: [value, value]}).tolist() == [read, read]


def test_the_first_column_with_a_grade_says_it() -> None:
    columns = {"v_grade": ["V5", "V5", "V5"], "Font Grade": ["6c+", "", "hard"], "quality": ["7a"] * 3}
    assert rules.grades(columns).tolist() == [21, 20, UNREADABLE]
    assert rules.grades({"quality": ["7a"]}).tolist() == [UNKNOWN]
    assert rules.grade_of({"Grade": None, "V_Grade": "V5"}) == 20


@given(st.integers(-3000, 3000), st.sampled_from([-0.5, -0.4, 0.0, 0.4, 0.5]))
def test_halves_go_away_from_zero_as_in_sql(whole: int, part: float) -> None:
    value = whole + part
    with sqlite3.connect(":memory:") as db:
        ((expected,),) = db.execute("SELECT round(?)", [value])
    assert half_up(np.array([value])).tolist() == [expected]
    assert whole_numbers([value], 0).tolist() == [expected]
    if value > 0:
        assert rules.grades({"difficulty_average": [value]}).tolist() == [expected]


def test_dates() -> None:
    days = rules.dates(["2018-01-02T03:04:05", "2024-01-01 00:00:00", None, "soon", "0001-01-01T00:00:00", 3])
    assert days[:2].tolist() == np.array(["2018-01-02", "2024-01-01"], "datetime64[D]").tolist()
    assert np.isnat(days[2:]).all()


STATS = [(40, 1, 20.0, 3.0)]
FOUR = [((f"c{i}", 1, 40, 1, f"p10{i}r1p109r3", 0, 1), STATS) for i in range(4)]


def reasons(path: Path, **options: Any) -> dict[str, int]:
    return import_dataset(path, Options(size=2, **options)).card["rows"]["reasons"]


@pytest.mark.parametrize(
    ("true", "false"), [("t", "f"), ("true", "false"), ("TRUE", "FALSE"), ("1", "0"), (1, 0), ("yes", "no")]
)
def test_booleans_of_any_kind_in_a_database(true: object, false: object, database: Database) -> None:
    path = database(climbs=[])
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE climbs")
        db.execute(
            "CREATE TABLE climbs (uuid, layout_id, angle, frames_count, frames, is_draft, is_listed, deleted)"
        )
        flags = [(false, true, false), (true, true, false), (false, false, false), (false, true, true)]
        for ((uuid, *more, _, _), _), flag in zip(FOUR, flags, strict=True):
            db.execute("INSERT INTO climbs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (uuid, *more, *flag))
            db.execute("INSERT INTO climb_stats VALUES (?, 40, 1, 20, 3)", (uuid,))
    assert reasons(path) == {
        "draft (kept with --drafts)": 1,
        "unlisted (kept with --unlisted)": 1,
        "deleted": 1,
    }
    assert reasons(path, drafts=True, unlisted=True) == {"deleted": 1}
    with sqlite3.connect(path) as db:
        db.execute("UPDATE climbs SET is_draft = 'perhaps' WHERE uuid = 'c1'")
    assert reasons(path)["`is_draft` says neither yes nor no"] == 1


def test_the_same_problem_twice(database: Database) -> None:
    first = "p100r1p105r2p110r3"
    climbs = [
        (("a", 1, 40, 1, first, 0, 1), [(40, 3, 20.0, 3.0), (20, 3, 18.0, 3.0)]),
        (("b", 1, 40, 1, first, 0, 1), [(40, 9, 22.0, 3.0)]),  # the same holds, climbed more often
        (("c", 1, 40, 1, "p100r1p105r4p110r3", 0, 1), [(40, 1, 20.0, 3.0)]),  # another role
    ]
    dataset = import_dataset(database(climbs=climbs), Options(size=2))
    assert dataset.card["rows"]["reasons"] == {"the same holds at the same angle as another climb": 1}
    kept = zip(
        dataset.ids.tolist(), dataset.climbs.angle.tolist(), dataset.climbs.grade.tolist(), strict=True
    )
    assert list(kept) == [("A", 20, 18), ("B", 40, 22), ("C", 40, 20)]


TABLE = """uuid,frames,angle,{},is_draft,active,date_deleted
a,p100r1p109r3,40,{},f,true,
b,p101r1p109r3,40,{},t,,
c,p102r1p109r3,40,{},,false,
d,p103r1p109r3,40,{},,,2020-01-01
a,p100r1p109r3,40,{},,,
e,p100r1p109r3,40,{},,,
f,p104r1p109r3,steep,{},,,
g,p104r1p110r3,,{},,,
"""


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("grade", "6b"),
        ("v_grade", "V4"),
        ("boulder_name", "6b/V4"),
        ("difficulty", "18.4"),
        ("Font_Grade", "V4/6B"),
    ],
)
def test_rows_of_a_table(column: str, value: str, database: Database, tmp_path: Path) -> None:
    (tmp_path / "t").write_text(TABLE.format(column, *[value] * 8))
    dataset = import_dataset(tmp_path / "t", Options(board=database(), layout=1))
    assert dataset.climbs.grade.tolist() == [18, 18]
    assert dataset.climbs.angle.tolist() == [40, UNKNOWN]
    assert dataset.card["rows"]["reasons"] == {
        "draft (kept with --drafts)": 1,
        "inactive": 1,
        "deleted": 1,
        "a climb and angle listed twice": 1,
        "the same holds at the same angle as another climb": 1,
        "an angle that cannot be read": 1,
    }
    assert any("1 rows state no angle" in w for w in dataset.card["warnings"])
    asked = import_dataset(tmp_path / "t", Options(board=database(), layout=1, angle=20))
    assert asked.climbs.angle.tolist() == [40, 20]
    assert not any("state no angle" in w for w in asked.card["warnings"])


def test_what_else_a_source_records_comes_with_its_climbs(database: Database, tmp_path: Path) -> None:
    path = database(
        "ALTER TABLE climbs ADD created_at TEXT",
        "UPDATE climbs SET created_at = '2024-05-06 07:08:09' WHERE uuid = 'aa'",
        "ALTER TABLE climb_stats ADD benchmark_difficulty FLOAT",
        "UPDATE climb_stats SET benchmark_difficulty = 20 WHERE climb_uuid = 'BB'",
        "UPDATE climb_stats SET quality_average = NULL WHERE climb_uuid = 'BB'",
    )
    import_dataset(path, Options(size=2)).save(tmp_path / "d")
    dataset = Dataset.load(tmp_path / "d")
    assert dataset.ids.tolist() == ["AA", "AA", "BB"]
    assert dataset.columns["ascents"].tolist() == [5, 1, 2]
    assert np.allclose(dataset.columns["quality"], [2.9, 2.0, np.nan], equal_nan=True)
    assert dataset.columns["benchmark"].tolist() == [0, 0, 1]
    day = np.datetime64("2024-05-06")
    assert dataset.columns["published"][:2].tolist() == [day, day]
    assert np.isnat(dataset.columns["published"][2])


def test_a_source_without_them_has_none(database: Database, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("frames,angle,grade\np100r1p109r3,40,6b\n")
    import_dataset(tmp_path / "t", Options(board=database())).save(tmp_path / "d")
    assert Dataset.load(tmp_path / "d").columns == {}

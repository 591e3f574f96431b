"""Climb files: what is written is read back, and what is wrong is named by its line."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setgen.climbing.climb_files import FORMATS, format_for, read_climbs, write_climbs
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN, parse_grade
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError

BOARD = synthetic_board()
LEGAL = "p5r1p20r2p30r3"
HOLDS = [{"id": 5, "role": "start"}, {"id": 20, "role": "hand"}, {"id": 30, "role": "finish"}]


def write(path, text: str):
    path.write_text(text, encoding="utf-8")
    return path


def same(a: Climbs, b: Climbs, conditions: bool = True) -> bool:
    a, b = a.ordered(), b.ordered()
    names = ("placement", "role", "offsets", *(("angle", "grade") if conditions else ()))
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names)


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(format: str, tmp_path) -> None:
    climbs = synthetic_climbs(50, seed=1)
    write_climbs(tmp_path / "climbs", BOARD, climbs, format)
    assert same(read_climbs(tmp_path / "climbs", BOARD), climbs, conditions=format != "frames")


@pytest.mark.parametrize("format", FORMATS)
def test_unknown_conditions_stay_unknown(format: str, tmp_path) -> None:
    climbs = Climbs.from_list(
        [Climb(((4, 0), (9, 2))), Climb(((4, 0), (9, 2)), 40), Climb(((4, 0), (9, 2)), -1, 20)]
    )
    write_climbs(tmp_path / "climbs", BOARD, climbs, format)
    back = read_climbs(tmp_path / "climbs", BOARD)
    assert same(back, climbs, conditions=format != "frames")
    if format == "frames":
        assert set(back.angle) == set(back.grade) == {UNKNOWN}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, len(BOARD) - 1), st.integers(0, 3)), min_size=1, max_size=12),
            st.sampled_from([UNKNOWN, *BOARD.angles]),
            st.sampled_from([UNKNOWN, *BOARD.grades]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(("jsonl", "csv")),
)
def test_illegal_climbs_survive_without_check(rows, format: str) -> None:
    climbs = Climbs.from_list([Climb(tuple(holds), angle, grade) for holds, angle, grade in rows])
    buffer = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", buffer)
        write_climbs("-", BOARD, climbs, format)
        patch.setattr("sys.stdin", io.StringIO(buffer.getvalue()))
        assert same(read_climbs("-", BOARD, check=False), climbs)


def test_json_lines_say_where_each_hold_is(tmp_path) -> None:
    climbs = Climbs.from_list([Climb(((9, 2), (4, 0)), 40, 22)])
    write_climbs(tmp_path / "c", BOARD, climbs, "jsonl", {"bits": np.array([1.5]), "worst": [float("inf")]})
    (line,) = (tmp_path / "c").read_text().splitlines()
    record = json.loads(line)
    assert record["grade"] == "7a"
    assert record["v_grade"] == "V6"
    assert record["angle"] == 40
    assert record["bits"] == 1.5
    assert record["worst"] is None
    hold = record["holds"][1]
    assert hold == {
        "id": int(BOARD.ids[9]),
        "name": BOARD.hole_names[9],
        "x": BOARD.xy[9, 0],
        "y": BOARD.xy[9, 1],
        "role": "finish",
    }


def test_csv_has_the_extra_columns(tmp_path) -> None:
    write_climbs(
        tmp_path / "c", BOARD, Climbs.from_list([Climb(((4, 0), (9, 2)), 40)]), "csv", {"bits": [2.0]}
    )
    assert (tmp_path / "c").read_text() == "frames,angle,grade,bits\np5r1p10r3,40,,2.0\n"


@pytest.mark.parametrize(
    ("text", "angle", "grade"),
    [
        (f"frames,angle,font_grade\n{LEGAL},40,7A\n", 40, "7a"),
        (f"Angle,Frames,V_Grade\n40.0,{LEGAL},V6\n", 40, "7a"),
        (f'name,frames\n"a, b\nc",{LEGAL}\n', UNKNOWN, None),
        (f"\ufeffframes,angle,grade\r\n{LEGAL},,nan\r\n", UNKNOWN, None),
        (f"\n\n{LEGAL}\n\n", UNKNOWN, None),
        (f'{{"frames": "{LEGAL}", "grade": "7a/V6", "angle": 40}}\n', 40, "7a"),
        (f'{{"frames": "{LEGAL}", "v_grade": "V3", "grade": null}}\n', UNKNOWN, "V3"),
        (json.dumps({"holds": HOLDS}), UNKNOWN, None),
    ],
)
def test_the_content_says_the_format(text: str, angle: int, grade: str | None, tmp_path) -> None:
    climbs = read_climbs(write(tmp_path / "c", text), BOARD)
    assert set(climbs.climb(0).holds) == {(4, 0), (19, 1), (29, 2)}
    assert climbs.angle.tolist() == [angle]
    assert climbs.grade.tolist() == [UNKNOWN if grade is None else parse_grade(grade)]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (f"{LEGAL}\np9999r1\n", 2, "hold not on the board"),
        (f"{LEGAL}\n\np5r9p6r3\n", 3, "unknown role"),
        ("hello\n", 1, "not a frames string"),
        ("a;b\n1;2\n", 1, "a column `frames`"),
        ("p5r1p6r1p7r1p8r3\n", 1, "too many starts"),
        ("p5r1p5r2p8r3\n", 1, "a hold twice"),
        (f"frames,angle\n{LEGAL},40\n{LEGAL},41\n", 3, "angle 41"),
        (f"frames,angle\n{LEGAL},steep\n", 2, "steep"),
        (f"frames,angle\n{LEGAL},1e999\n", 2, "angle"),
        (f"frames,grade\n{LEGAL},9z\n", 2, "9z"),
        (f"\nframes,grade\n{LEGAL},7a\np5r1,7a\n", 4, "too few"),
        (f'{{"frames": "{LEGAL}"}}\n{{"frames": \n', 2, "not JSON"),
        (f'{{"frames": "{LEGAL}"}}\n[1]\n', 2, "an object"),
        ('{"holds": [{"id": 5, "role": "chin"}]}', 1, "roles"),
        ('{"frames": 3}', 1, "text"),
        ('{"holds": [{"id": 5.5, "role": "start"}]}', 1, "holds"),
        ('{"holds": [{"id": 1e999, "role": "start"}]}', 1, "holds"),
        pytest.param('{"frames": ' + "[" * 100_000, 1, "too deep", id="deep"),
        pytest.param('{"frames": ' + "9" * 5000 + "}", 1, "too long", id="long"),
    ],
)
def test_wrong_lines_are_named(text: str, line: int, what: str, tmp_path) -> None:
    with pytest.raises(InputError, match=rf"line {line}: .*{what}") as caught:
        read_climbs(write(tmp_path / "c", text), BOARD)
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path) -> None:
    for source, what in (
        (tmp_path / "missing", "no such file"),
        (tmp_path, "is a folder"),
        (write(tmp_path / "empty", "\n"), "no climbs"),
        (write(tmp_path / "header", "frames,angle\n"), "no climbs"),
    ):
        with pytest.raises(InputError, match=what):
            read_climbs(source, BOARD)
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="neither a database nor a text file"):
        read_climbs(tmp_path / "binary", BOARD)
    with pytest.raises(InputError, match="cannot write"):
        write_climbs(tmp_path / "missing" / "c", BOARD, synthetic_climbs(1, 0))
    with pytest.raises(InputError, match="unknown format"):
        write_climbs(tmp_path / "c", BOARD, synthetic_climbs(1, 0), "xml")


def test_the_ending_says_the_format_when_nobody_does() -> None:
    assert [format_for(name, None) for name in ("a.csv", "a.jsonl", "a.txt", "-")] == [
        "csv",
        "jsonl",
        "frames",
        "frames",
    ]
    assert format_for("a.csv", "jsonl") == "jsonl"
    with pytest.raises(InputError, match="unknown format"):
        format_for("a.csv", "xml")

"""`setgen edit`: proposals with what changed and how hard they are; one line for wrong input."""

from __future__ import annotations

import csv
import io
import json

import pytest

import setgen
from setgen.cli.main import run
from setgen.climbing.frames import read_frames
from setgen.climbing.grades import parse_grade
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs

BOARD = synthetic_board()
CLIMB = "p5r1p27r2p49r2p71r2p104r3"


@pytest.fixture
def out(capsys):
    def call(*arguments: object) -> str:
        code = run(["edit", *map(str, arguments)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out

    return call


def holds_of(frames: str) -> set[tuple[int, int]]:
    return set(read_frames(BOARD, [frames]).climb(0).holds)


def test_the_table_shows_the_climb_and_its_proposals(out) -> None:
    shown = out("--climb", CLIMB, "--keep", "p5,p104", "-n", 3)
    assert "now" in shown
    assert CLIMB in shown
    assert shown.count("/V") == 4
    assert "−G27:middle" in shown


def test_json_lines_say_what_changed(out) -> None:
    keep = ("--keep", "G5,G104", "--angle", 50, "--climb-angle", 40, "--climb-grade", "V3", "--harder", 2)
    records = [json.loads(s) for s in out("--climb", CLIMB, *keep, "-n", 4, "--format", "jsonl").splitlines()]
    assert {(r["angle"], r["v_grade"]) for r in records} == {(50, "V5")}
    for r in records:
        now = holds_of(r["frames"])
        assert {(4, 0), (103, 2)} <= now
        assert r["changes"].count("+") == len(now - holds_of(CLIMB))
        assert r["changes"].count("−") == len(holds_of(CLIMB) - now)
        assert "/V" in r["predicted"]
    away = [abs(r["difficulty"] - parse_grade("V5")) for r in records]
    assert away == sorted(away)
    assert "asked for 6c/V5 at 50°; graded nearest to it first" in out("--climb", CLIMB, *keep)


def test_a_grade_that_is_not_given_is_graded(out) -> None:
    easier = json.loads(out("--climb", CLIMB, "--angle", 40, "--easier", 1, "-n", 1, "--format", "jsonl"))
    same = out("--climb", CLIMB, "--angle", 40, "-n", 1, "--format", "table")
    now = next(line for line in same.splitlines() if "now" in line).split("/V")[1].split()[0]
    assert easier["v_grade"] == f"V{int(now) - 1}"


def test_half_of_the_holds_are_redrawn_unless_told(out) -> None:
    for how, fewest in (((), 3), (("--redraw", 1), 4), (("--redraw-share", 0.8), 1)):
        lines = out("--climb", CLIMB, *how, "-n", 6, "--format", "frames").splitlines()
        assert min(len(holds_of(line) & holds_of(CLIMB)) for line in lines) >= fewest
        assert any(holds_of(line) != holds_of(CLIMB) for line in lines)


def test_more_like_a_file_of_climbs(out, tmp_path) -> None:
    setgen.write_climbs(tmp_path / "three.csv", BOARD, synthetic_climbs(3, seed=9), "csv")
    text = out("--like", tmp_path / "three.csv", "-n", 5, "--format", "csv", "--feet", "none")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 5
    assert "changes" not in rows[0]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "give either --climb"),
        (("--climb", CLIMB, "--like", "x"), "give either --climb"),
        (("--climb", CLIMB, "--keep", "p5", "--redraw", 1), "one of --keep"),
        (("--climb", CLIMB, "--harder", 1, "--easier", 1), "one of --grade"),
        (("--climb", CLIMB, "--harder", 1, "--grade", "V3"), "one of --grade"),
        (("--climb", CLIMB, "--keep", "p6"), "p6 is to be kept"),
        (("--climb", CLIMB, "--redraw", 6), "6 holds cannot be drawn anew"),
        (("--climb", CLIMB, "--climb-grade", "V3", "--easier", 9), "beyond this board's grades"),
        (("--climb", "p5r?", "--redraw", 1), "p5 has an open role"),
        (("--climb", ""), "no holds"),
        (("--climb", "", "--harder", 1), "no holds"),
        (("--climb", CLIMB, "--format", "xml"), "unknown format"),
        (("--like", "/nowhere/at/all"), "cannot read"),
        (("--climb", CLIMB, "--forbid", "p5", "--keep", "p5"), "p5 is given, and forbidden"),
    ],
)
def test_wrong_input_is_one_line(arguments, what, capsys) -> None:
    assert run(["edit", *map(str, arguments)]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "built-in model" not in line]
    assert len(errors) == 1
    assert what in errors[0]

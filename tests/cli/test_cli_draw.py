"""draw: boards from every folder that has one, climbs from files and pipes; one line for wrong input."""

from __future__ import annotations

import io

import pytest

import setgen
from setgen.cli.draw import find_board
from setgen.cli.main import run
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs

BOARD = synthetic_board()
CLIMB = "p5r1p20r2p30r3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("board")
    BOARD.save(path / "board.json")
    return path


def draw(folder, *arguments: object) -> int:
    return run(["draw", "--board", str(folder), *map(str, arguments)])


def test_boards_are_found_where_they_lie(folder, tmp_path) -> None:
    (tmp_path / "run" / "model").mkdir(parents=True)
    BOARD.save(tmp_path / "run" / "model" / "board.json")
    for place in (folder, folder / "board.json", tmp_path / "run", tmp_path / "run" / "model"):
        assert find_board(place).name == BOARD.name


def test_one_climb_by_frames_or_by_names(folder, tmp_path) -> None:
    names = f"{BOARD.hole_names[4]}:start,{BOARD.hole_names[19]},{BOARD.hole_names[29]}:finish"
    for name, holds in (("a.svg", CLIMB), ("b.svg", names)):
        assert draw(folder, "--holds", holds, "--angle", 40, "--grade", "V6", "--out", tmp_path / name) == 0
    svg = (tmp_path / "a.svg").read_text()
    assert svg == (tmp_path / "b.svg").read_text()
    assert "40° · 7a/V6 · 3 holds" in svg
    assert "synthetic" in svg


def test_numbers_and_the_bare_board(folder, tmp_path) -> None:
    assert draw(folder, "--numbers", "--out", tmp_path / "a.svg") == 0
    svg = (tmp_path / "a.svg").read_text()
    assert all(f">{i}</text>" in svg for i in BOARD.ids)
    assert "0 holds" not in svg.replace(f"{len(BOARD)} holds", "")


def test_a_pipe_becomes_a_gallery(folder, tmp_path, monkeypatch, capsys) -> None:
    climbs = synthetic_climbs(5, seed=0)
    setgen.write_climbs(tmp_path / "c.jsonl", BOARD, climbs, "jsonl")
    monkeypatch.setattr("sys.stdin", io.StringIO((tmp_path / "c.jsonl").read_text()))
    assert draw(folder, "--climbs", "-", "--first", 4, "--columns", 2, "--out", tmp_path / "a.svg") == 0
    svg = (tmp_path / "a.svg").read_text()
    for climb in climbs[:4]:
        assert f"{climb.angle}° · {setgen.grade_name(climb.grade)} · {len(climb.holds)} holds" in svg
    assert svg.count("holds</text>") == 4
    assert "first 4 of 5" in capsys.readouterr().err


def test_pictures_have_the_format_of_their_name(folder, tmp_path) -> None:
    assert draw(folder, "--holds", CLIMB, "--out", tmp_path / "a.png") == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_illegal_climbs_can_be_looked_at(folder, tmp_path) -> None:
    (tmp_path / "c").write_text("p5r1p6r1p7r1p8r3\n")
    assert draw(folder, "--climbs", tmp_path / "c", "--out", tmp_path / "a.svg") == 0


@pytest.mark.slow
def test_pictures_that_no_one_can_open_are_refused(folder, tmp_path, capsys) -> None:
    (tmp_path / "c").write_text(f"{CLIMB}\n" * 200)
    assert draw(folder, "--climbs", tmp_path / "c", "--first", 200, "--columns", 200, "--out", "a.png") == 2
    assert "pixels: draw fewer climbs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--holds", CLIMB, "--out", "a.pdf"), "must end with .png or .svg"),
        (("--holds", CLIMB, "--out", "/nowhere/at/all.png"), "cannot write"),
        (("--holds", "p9999r1", "--out", "a.png"), "not on this board"),
        (("--holds", "p5r1p5r1", "--out", "a.png"), "twice"),
        (("--holds", CLIMB, "--angle", 41, "--out", "a.png"), "angle 41"),
        (("--holds", CLIMB, "--grade", "9z", "--out", "a.png"), "unknown grade"),
        (("--holds", CLIMB, "--climbs", "x", "--out", "a.png"), "choose one"),
        (("--climbs", "/nowhere/at/all", "--out", "a.png"), "cannot read"),
        (("--first", 0, "--out", "a.png"), "first"),
        (("--holds", CLIMB), "--out"),
    ],
)
def test_wrong_input_is_one_line(arguments, what: str, folder, capsys) -> None:
    assert draw(folder, *arguments) == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


def test_a_folder_without_a_board_is_one_line(tmp_path, capsys) -> None:
    assert draw(tmp_path, "--out", tmp_path / "a.png") == 2
    assert "there is no board in" in capsys.readouterr().err
    (tmp_path / "board.json").write_text("{}")
    assert draw(tmp_path, "--out", tmp_path / "a.png") == 2
    assert capsys.readouterr().err.count("\n") == 1

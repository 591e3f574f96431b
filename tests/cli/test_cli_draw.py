"""draw: boards from every folder that has one, climbs from files and pipes; one line for wrong input."""

from __future__ import annotations

import io

import pytest

import setgen
from setgen.builtin_model import BUILTIN
from setgen.cli.main import run
from setgen.climbing.board import find_board
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


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "synthetic"
    assert run(["data", "synth", "--climbs", "300", "--out", str(path)]) == 0
    return path


def test_real_climbs_of_a_dataset_and_a_models_beside_them(dataset, tmp_path) -> None:
    out = tmp_path / "real.svg"
    assert run(["draw", "--data", str(dataset), "-n", "4", "--out", str(out)]) == 0
    assert out.read_text().count(" holds<") == 4
    assert "asked" not in out.read_text()
    both = tmp_path / "both.svg"
    command = ["draw", "--data", str(dataset), "-n", "4", "--model", str(BUILTIN), "--out"]
    assert run([*command, str(both)]) == 0
    assert (both.read_text().count(">real: "), both.read_text().count(">made: ")) == (4, 4)
    assert both.read_text().count("· asked ") == 4
    assert run([*command, str(tmp_path / "again.svg")]) == 0
    assert (tmp_path / "again.svg").read_text() == both.read_text()


def test_what_does_not_go_together_is_one_line(dataset, folder, tmp_path, capsys) -> None:
    out = ["--out", str(tmp_path / "a.svg")]
    for command, said in (
        (["--data", str(dataset), "--holds", CLIMB], "leave out --holds"),
        (["--data", str(dataset), "--board", str(folder)], "leave out --board"),
        (["--board", str(folder), "--model", str(BUILTIN)], "--data"),
        (["--holds", CLIMB], "--board is missing"),
        (["--data", str(dataset), "--angle", "40"], "--angle does not go with --data"),
        (["--board", str(folder), "-n", "3"], "-n goes with --data"),
        (["--data", str(tmp_path)], "dataset"),
    ):
        assert run(["draw", *command, *out]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert said in error

"""convert: every form comes back as the same climbs; one line for wrong input."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest

import setgen
from setgen.cli.main import run
from setgen.climbing.board import AppIds
from setgen.climbing.dataset import Dataset
from setgen.climbing.roles import Role
from setgen.climbing.sources.moonboard import moonboard
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs

PLAIN = synthetic_board()
BOARD = replace(
    PLAIN,
    name="toy wall",
    family="kilter",
    app=AppIds(1, 10, (1, 20)),
    leds=np.arange(len(PLAIN))[::-1],
    led_colors=dict(zip(Role, ("#00FF00", "#00FFFF", "#FF00FF", "#FFB600"), strict=True)),
)
CLIMBS = synthetic_climbs(20, seed=1)
ONE = "p5r1p20r2p30r3"


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wall")
    BOARD.save(folder / "board.json")
    PLAIN.save(folder / "plain.json")
    setgen.write_climbs(folder / "climbs.jsonl", BOARD, CLIMBS, "jsonl")
    (folder / "one").write_text(f"{ONE}\n")
    return folder


def convert(wall, climbs: object, to: str, *more: object) -> int:
    return run(["convert", "--climbs", str(climbs), "--board", str(wall), "--to", to, *map(str, more)])


def same(a, b, *columns: str) -> bool:
    a, b = a.ordered(), b.ordered()
    return all(
        np.array_equal(getattr(a, n), getattr(b, n)) for n in ("placement", "role", "offsets", *columns)
    )


@pytest.mark.parametrize(
    ("to", "more", "kept"),
    [
        ("app", (), ["angle"]),
        ("frames", (), []),
        ("links", (), ["angle"]),
        ("links", ("--site", "climbdex"), ["angle"]),
        ("leds", (), []),
        ("leds", ("--level", 2), []),
        ("csv", (), ["angle", "grade"]),
        ("jsonl", (), ["angle", "grade"]),
    ],
)
def test_every_form_comes_back(to: str, more: tuple, kept: list[str], wall, tmp_path) -> None:
    assert convert(wall, wall / "climbs.jsonl", to, *more, "--out", tmp_path / "out") == 0
    assert same(setgen.read_climbs(tmp_path / "out", BOARD), CLIMBS, *kept)
    assert convert(wall, tmp_path / "out", "jsonl", "--out", tmp_path / "back") == 0
    assert same(setgen.read_climbs(tmp_path / "back", BOARD), CLIMBS, *kept)


@pytest.mark.parametrize("to", ["moonboard", "moonboard-short", "leds", "frames"])
def test_moonboards(to: str, tmp_path) -> None:
    board = moonboard()
    board.save(tmp_path / "board.json")
    (tmp_path / "c.csv").write_text("frames,angle,grade\np27r42p95r43p190r44,40,7a\n")
    assert convert(tmp_path, tmp_path / "c.csv", to, "--out", tmp_path / "out") == 0
    old, new = (setgen.read_climbs(tmp_path / name, board) for name in ("c.csv", "out"))
    assert same(new, old, *(["angle", "grade"] if to == "moonboard" else []))
    assert convert(tmp_path, tmp_path / "c.csv", "leds", "--level", 3) == 2


def test_standard_input_to_standard_output(wall, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(ONE))
    assert convert(wall, "-", "leds") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert bytes.fromhex(out)[:2] == bytes([1, 1 + 3 * 3])
    monkeypatch.setattr("sys.stdin", io.StringIO(out))
    assert convert(wall, "-", "frames") == 0
    assert capsys.readouterr().out == f"{ONE}\n"


def test_what_the_app_is_told(wall, capsys) -> None:
    options = ("--name", "Mond", "--description", "go", "--setter-id", 7, "--publish", "--angle", 40)
    assert convert(wall, wall / "one", "app", *options) == 0
    out, err = capsys.readouterr()
    body = json.loads(out)
    assert {k: body[k] for k in ("name", "description", "setter_id", "is_draft", "angle", "frames")} == {
        "name": "Mond",
        "description": "go",
        "setter_id": 7,
        "is_draft": False,
        "angle": 40,
        "frames": ONE,
    }
    assert "Kilter left the service" in err  # which is what the toy wall says that it is
    assert "--setter-id" not in err
    assert convert(wall, wall / "climbs.jsonl", "app") == 0
    out, err = capsys.readouterr()
    bodies = [json.loads(line) for line in out.splitlines()]
    assert [b["name"] for b in bodies] == [f"setgen {i}" for i in range(1, 21)]
    assert all(b["is_draft"] for b in bodies)
    assert "--setter-id" in err


def test_illegal_climbs_are_refused_unless_asked_for(wall, tmp_path, capsys) -> None:
    (tmp_path / "c").write_text("p5r1p6r1p7r1p8r3\n")
    assert convert(wall, tmp_path / "c", "app") == 2
    assert "too many starts" in capsys.readouterr().err
    assert convert(wall, tmp_path / "c", "leds", "--no-legal") == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--to", "fax"), "unknown form 'fax'"),
        (("--to", "links"), "climb 1 has no angle"),
        (("--to", "links", "--site", "myspace"), "unknown site"),
        (("--to", "leds", "--level", "4"), "no API level 4"),
        (("--to", "leds", "--site", "climbdex"), "--site goes with --to links"),
        (("--to", "links", "--publish"), "--publish goes with --to app"),
        (("--to", "moonboard"), "no MoonBoard"),
        (("--to", "moonboard-short"), "no MoonBoard"),
        (("--to", "app", "--angle", "41"), "angle 41"),
        (("--to", "app", "--out", "/nowhere/at/all"), "cannot write"),
        (("--to", "app", "--climbs", "/nowhere/at/all"), "no such file"),
        (("--to", "app", "--board", "/nowhere/at/all"), "no board"),
        ((), "--to"),
    ],
)
def test_wrong_input_is_one_line(arguments: tuple, what: str, wall, capsys) -> None:
    words = {"--climbs": str(wall / "one"), "--board": str(wall)}
    asked = [a for k, v in words.items() if k not in arguments for a in (k, v)]
    assert run(["convert", *asked, *arguments]) == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("to", ["app", "links", "leds"])
def test_the_built_in_board_is_no_app_s(to: str, wall, capsys) -> None:
    assert convert(wall / "plain.json", wall / "one", to, "--angle", 40) == 2
    error = capsys.readouterr().err
    assert PLAIN.name in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("https://climbdex.com/kilter/beta/0123", "line 1: this link carries no climb"),
        (f"{ONE}\nhttps://climbdex.com/results?holds=p9999r1", "line 2: hold not on the board"),
        (f"https://www.boardsesh.com/kilter/1/10/1/41/create?forkFrames={ONE}", "line 1: angle 41"),
        (f"{ONE}\n01 04 28 02 54 A1 00 E3 03", "line 2: the packet at byte 1 is damaged"),
        ("01 04 27 02 54 A1 00 E3 0", "line 1: not a frames string"),
        ("l#S5,E9#", "line 1: toy wall is no MoonBoard"),
        ('[{"Moves": ["A3"]}]', "climb 1: toy wall is no MoonBoard"),
        (f'[{{"frames": "{ONE}"}}, {{"frames": "p1"}}]', "climb 2: not a frames string"),
        ("[1, 2]", "climb 1: a climb is an object"),
        ("[", "line 1: this is not JSON"),
    ],
)
def test_wrong_climbs_are_named(text: str, what: str, wall, tmp_path, capsys) -> None:
    (tmp_path / "c").write_text(text)
    assert convert(wall, tmp_path / "c", "frames") == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


def test_a_route_that_switches_holds_off_becomes_no_boulder_unasked(wall, tmp_path, capsys) -> None:
    (tmp_path / "off").write_text('p5r1p20r2,"x20p30r3\n')
    for to in ("app", "frames", "links", "leds", "jsonl"):
        assert convert(wall, tmp_path / "off", to, "--angle", 40, "--out", tmp_path / "out") == 2
        assert "line 1: a route that switches holds off" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert convert(wall, tmp_path / "off", "frames", "--routes") == 0
    assert capsys.readouterr().out == f"{ONE}\n"
    (tmp_path / "adds").write_text('p5r1p20r2,"p30r3\n')  # a route that only adds ends as a boulder looks
    assert convert(wall, tmp_path / "adds", "frames") == 0
    assert capsys.readouterr().out == f"{ONE}\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_what_other_programs_pipe_in(encoding: str, wall, monkeypatch, capsys) -> None:
    text = f"frames;angle;grade\r\n{ONE};40°;V5/6c+\r\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode(encoding))))
    assert convert(wall, "-", "csv") == 0
    assert capsys.readouterr().out == f"frames,angle,grade\n{ONE},40,6c+\n"


def test_links_to_published_climbs_are_looked_up_in_the_dataset(wall, tmp_path, capsys) -> None:
    ids = [f"{i:032X}" for i in range(len(CLIMBS))]
    split = np.zeros(len(CLIMBS), dtype=np.int8)
    Dataset(BOARD, CLIMBS, split, np.array(ids, dtype=object), {}).save(tmp_path / "data")
    angle = int(CLIMBS.angle[3])
    start = "https://www.boardsesh.com/kilter/original/12x12-square/screw_bolt"
    links = (
        f"{start}/{angle}/view/some-name-{ids[3]}",
        f"https://boardsesh.com/b/home/{angle}/play/{ids[3].lower()}",
    )
    for link in links:
        (tmp_path / "c").write_text(link + "\n")
        assert convert(tmp_path / "data", tmp_path / "c", "jsonl", "--out", tmp_path / "out") == 0
        assert same(setgen.read_climbs(tmp_path / "out", BOARD), CLIMBS[3:4], "angle", "grade")
        assert convert(wall, tmp_path / "c", "frames") == 2
        assert "does not carry its holds: give --board a dataset" in capsys.readouterr().err
    (tmp_path / "c").write_text(f"{start}/{angle}/view/{99:032X}\n")
    assert convert(tmp_path / "data", tmp_path / "c", "frames") == 2
    assert "line 1: this link names the climb" in capsys.readouterr().err

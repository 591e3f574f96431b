"""`setgen data`: what it writes and prints, and one line with exit code 2 for every wrong input."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.benchmarks.import_speed import reference_import, replicate, synthetic_database
from setgen.cli.main import run
from setgen.climbing.dataset import Dataset


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "board.db"
    synthetic_database(path, n=60)
    replicate(path, 400)
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run([str(a) for a in arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert "Traceback" not in captured.err + captured.out
    return lines[0]


def test_import_then_show(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, png = tmp_path / "d", tmp_path / "deep" / "view.png"
    assert run(["data", "import", str(database), "--out", str(out), "--seed", "3"]) == 0
    assert "400" in capsys.readouterr().out
    card = json.loads((out / "card.json").read_text())
    assert card["rows"]["read"] == 400 == card["rows"]["kept"] + sum(card["rows"]["reasons"].values())
    assert card["options"]["seed"] == 3
    assert card["source"]["file"] == "board.db"
    assert str(tmp_path) not in (out / "card.json").read_text()
    assert run(["data", "show", str(out), "--png", str(png)]) == 0
    shown = capsys.readouterr().out
    for word in ("hold usage", "holds", "grade", "angle", "train", "read", "kept"):
        assert word in shown
    assert "█" in shown
    assert png.read_bytes().startswith(b"\x89PNG")


def test_our_import_keeps_what_the_reference_way_keeps(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "d"
    assert run(["data", "import", str(database), "--out", str(out)]) == 0
    dataset = Dataset.load(out)
    # The reference way does not notice that a climb is there twice.
    again = dataset.card["rows"]["reasons"].pop("the same holds at the same angle as another climb", 0)
    assert not dataset.card["rows"]["reasons"]
    assert len(dataset.climbs) + again == reference_import(database, tmp_path / "reference.csv")


def test_synth_is_labelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "s"
    assert run(["data", "synth", "--climbs", "200", "--seed", "5", "--out", str(out)]) == 0
    assert "synthetic" in capsys.readouterr().out
    assert run(["data", "show", str(out)]) == 0
    assert "synthetic" in capsys.readouterr().out
    assert len(Dataset.load(out).climbs) == 200


def test_options_reach_the_import(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "d"
    options = ["--angles", "40", "--size", "all", "--layout", "1", "--roles", "ignore", "--min-ascents", "2"]
    assert run(["data", "import", str(database), "--out", str(out), *options]) == 0
    given = json.loads((out / "card.json").read_text())["options"]
    assert given["angles"] == [40]
    assert given["size"] == "all"
    assert given["roles"] == "ignore"
    assert given["min_ascents"] == 2


def test_fetch(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "copy.db"
    assert run(["data", "fetch", database.as_uri(), "--out", str(out)]) == 0
    assert out.read_bytes() == database.read_bytes()
    capsys.readouterr()
    assert "--force" in refused_line(capsys, "data", "fetch", database.as_uri(), "--out", out)


def refused_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The last line: a progress bar may stand above it."""
    assert run([str(a) for a in arguments]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_wrong_input_is_one_line(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "d"

    def importing(*arguments: object) -> str:
        return refused(capsys, "data", "import", *arguments, "--out", out)

    text = tmp_path / "text"
    text.write_text("no database")
    empty = tmp_path / "empty"
    empty.touch()
    cut = tmp_path / "cut"
    cut.write_bytes(database.read_bytes()[:20_000])
    bare = tmp_path / "bare"
    with sqlite3.connect(bare) as db:
        db.execute("CREATE TABLE holes (id INT)")
    assert "no such file" in importing(tmp_path / "missing")
    assert "no database" in importing(text)
    assert "empty" in importing(empty)
    assert "truncated" in importing(cut)
    assert "no table `climbs`" in importing(bare)
    assert "no layout 5" in importing(database, "--layout", 5)
    assert "no size 5" in importing(database, "--size", 5)
    assert "--size" in importing(database, "--size", "big")
    assert "angle 41" in importing(database, "--angles", "41")
    assert "--angles" in importing(database, "--angles", "steep")
    assert "no climb is left" in importing(database, "--min-ascents", 100)
    assert "--board" in importing(database, "--board", database)
    assert "seed" in importing(database, "--seed", 10**25)
    table = tmp_path / "climbs.csv"
    table.write_text("frames,angle,font_grade\n")
    assert "--board" in importing(table)
    assert "no climbs at all" in importing(table, "--board", database)
    table.write_text("frames,angle,font_grade\np1r12,40,7a,1,2\n")
    assert "more fields" in importing(table, "--board", database)
    table.write_text("holds,angle\np1r12,40\n")
    assert "a column frames" in importing(table, "--board", database)
    table.write_text("frames,angle\np1r1p2r3,40\n")
    assert "no grade" in importing(table, "--board", database)
    json_file = tmp_path / "x.json"
    for content, message in (
        ('{"a": 1}', "holds no climbs"),
        ("[1, 2", "broken JSON"),
        ('[{"Grade": "7A", "Moves": ["Z99"]}]', "hold not on the board"),
        ('[{"Grade": "9Z", "Moves": ["A5", "B18"]}]', "on no known scale"),
    ):
        json_file.write_text(content)
        assert message in importing(json_file)
    assert not out.exists()


def test_unwritable_and_foreign_folders(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    for out in (tmp_path / "other", tmp_path / "other" / "file", tmp_path / "other" / "file" / "x"):
        refused(capsys, "data", "import", database, "--out", out)
        refused(capsys, "data", "synth", "--climbs", 5, "--out", out)
    refused(capsys, "data", "show", tmp_path / "other")
    run(["data", "synth", "--climbs", "5", "--out", str(tmp_path / "s")])
    capsys.readouterr()
    assert (
        run(["data", "show", str(tmp_path / "s"), "--png", str(tmp_path / "other" / "file" / "x.png")]) == 2
    )
    assert capsys.readouterr().err.startswith("error: cannot write")


@pytest.mark.parametrize(
    "arguments",
    [["nosuch"], ["data", "import"], ["data", "nosuch"], ["--nosuch"], ["data", "synth", "--climbs", "many"]],
)
def test_usage_errors_are_one_line_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, *arguments)


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    run(["data", "synth", "--climbs", "50", "--out", str(tmp_path / "s")])
    command = [sys.executable, "-m", "setgen.cli.main", "data", "show", str(tmp_path / "s")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ})
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 0


def test_help_does_not_load_torch() -> None:
    code = "import sys; from setgen.cli.main import run; run(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0

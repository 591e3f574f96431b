"""Runs say how they were made; what is listed, compared and verified is what is on disk."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from experiments import train
from experiments.runs import MADE, Run, command
from experiments.training import RunFacts
from setgen.cli.main import run
from setgen.errors import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two runs of one dataset, which differ in their seeds and budgets."""
    home = tmp_path_factory.mktemp("home")
    assert run(["data", "synth", "--climbs", "400", "--out", str(home / "data")]) == 0
    folders = []
    with pytest.MonkeyPatch.context() as patch:
        for seed, steps in ((0, 2), (1, 3)):
            given = [
                f"data.path={home / 'data'}",
                "model=hold_canvas",
                f"seed={seed}",
                f"budget.steps={steps}",
            ]
            given += [f"runs={home / 'runs'}", "wandb.mode=disabled", "training.validations=1"]
            patch.setattr("sys.argv", [str(train.__file__), *given])
            train.main()
            folders = sorted((home / "runs" / "train").iterdir())
    return home, folders


def test_a_run_says_how_it_was_made(made) -> None:
    home, folders = made
    said = json.loads((folders[0] / MADE).read_text())
    words = shlex.split(said["command"])
    assert words[:3] == ["python", "-m", "experiments.train"]
    assert "seed=0" in words
    assert said["data"]["folder"] == str(home / "data")
    assert set(said["data"]["sha256"]) == {"board.json", "climbs.parquet"}
    assert said["packages"]["torch"]
    assert said["machine"]["cores"]
    assert said["git"] is None or len(said["git"]["commit"]) == 40


def test_runs_are_listed_with_how_to_go_on(made, capsys) -> None:
    home, folders = made
    half = home / "runs" / "train" / "half"
    half.mkdir()
    (half / "config.yaml").write_text((folders[0] / "config.yaml").read_text())
    assert run(["runs", "list", str(home / "runs")]) == 0
    text = "".join(capsys.readouterr().out.split())
    assert text.count("hold_canvas") >= 3
    assert text.count("finished") == 2
    assert "resume=" in text
    (half / "config.yaml").unlink()
    half.rmdir()
    assert run(["runs", "list", str(home / "none")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_runs_are_compared_by_what_differs(made, capsys) -> None:
    _, folders = made
    assert run(["runs", "compare", *map(str, folders)]) == 0
    rows = {words[0]: words[1:] for line in capsys.readouterr().out.splitlines() if (words := line.split())}
    assert rows["seed"] == ["0", "1"]
    assert rows["steps"] == ["2", "3"]
    assert rows["budget.steps"] == ["2", "3"]
    assert "model.generator" not in rows


def test_what_has_changed_since_is_said(made, capsys) -> None:
    home, folders = made
    assert run(["runs", "verify", str(folders[0])]) in (0, 1)  # 1 where this clone has changes
    said = capsys.readouterr().out
    for good in ("finished", "dataset", "packages", "model"):
        assert f"ok      {good}" in said
    assert "again: python -m experiments.train" in said
    weights = folders[0] / "model" / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    card = home / "data" / "board.json"
    board = card.read_bytes()
    card.write_bytes(board + b" ")
    assert run(["runs", "verify", str(folders[0])]) == 1
    said = capsys.readouterr().out
    assert "differs dataset" in said
    assert "differs model" in said
    weights.write_bytes(whole)
    card.write_bytes(board)


def test_a_run_goes_on_with_the_data_it_began_with_alone(made, refusal, tmp_path, monkeypatch) -> None:
    home, folders = made
    here = tmp_path / "run"
    shutil.copytree(folders[0], here)
    climbs, card = home / "data" / "climbs.parquet", home / "data" / "card.json"
    whole, told = climbs.read_bytes(), card.read_bytes()
    asked = f"resume={here}", "budget.steps=4"
    other = ["--climbs", "300", "--seed", "5", "--force", "--out", str(home / "data")]
    try:
        assert run(["data", "synth", *other]) == 0
        said = refusal(train.main, *asked)
    finally:
        climbs.write_bytes(whole)
        card.write_bytes(told)
    assert "began with other data" in said
    assert "climbs.parquet changed since" in said
    text = (here / MADE).read_text()
    (here / MADE).write_text('{"data": 5}')
    assert "made.json is damaged" in refusal(train.main, *asked)
    (here / MADE).write_text(text)
    config = (here / "config.yaml").read_text()
    (here / "config.yaml").write_text(re.sub(r"(?m)^  path: .*", "  path: null", config))
    monkeypatch.chdir(
        tmp_path
    )  # without a name it is the built-in board, which is other data where it is there
    assert run(["data", "synth", "--climbs", "300", "--out", "data/synthetic-20000"]) == 0
    assert "began with other data" in refusal(train.main, *asked)
    (here / "config.yaml").write_text(config)
    monkeypatch.setattr("sys.argv", ["train", *asked])
    train.main()
    assert RunFacts.load(here).steps == 4


def test_folders_that_are_no_runs_are_one_line(tmp_path, capsys) -> None:
    assert run(["runs", "verify", str(tmp_path)]) == 2
    assert "config.yaml is missing" in capsys.readouterr().err
    (tmp_path / "config.yaml").write_text("{")
    assert run(["runs", "compare", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "config.yaml").write_text("seed: 1")
    assert Run.load(tmp_path).made is None
    assert run(["runs", "verify", str(tmp_path)]) == 1
    assert "an earlier version" in capsys.readouterr().out


def test_commands_can_be_pasted() -> None:
    given = ["/some/where/experiments/train.py", "model=gpt", "data.path=my data"]
    assert command(given) == "python -m experiments.train model=gpt 'data.path=my data'"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "[" * 100_000, '{"seed": 1, "seed": 2}', '{"label": "x"}', "\xff"]
)
def test_damaged_facts_of_a_run_are_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(text.encode("latin1"))
    with pytest.raises(InputError, match=r"run.json is damaged") as caught:
        RunFacts.load(tmp_path)
    assert "\n" not in str(caught.value)

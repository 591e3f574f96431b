"""The sampling benchmark: one row a model, the GPT always beside them, wrong wishes in one line."""

from __future__ import annotations

import sys

import pytest

from experiments.benchmarks import sampling


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["sampling", *arguments])
    sampling.main()


def test_every_model_stands_beside_the_gpt(monkeypatch, capsys):
    run(monkeypatch, *["--models", "sweep_set", "--networks", "small", "--batches", "64", "--repeats", "1"])
    board, _, title, *rows = capsys.readouterr().out.splitlines()
    assert board.startswith("synthetic board")
    assert title.startswith("network=small: climbs/s, batch of")
    assert [row.split(",")[0] for row in rows] == ["sweep_set", "gpt"]
    assert "( 1.0×)" in rows[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [("--batches 0", "at least 1"), ("--threads 2", "processor time adds up"), ("--data nowhere", "nowhere")],
)
def test_wrong_wishes_are_one_line(monkeypatch, capsys, arguments, said):
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments.split())
    assert stopped.value.code == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1

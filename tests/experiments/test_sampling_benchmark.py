"""The sampling benchmark: one row a model, the GPT always beside them."""

from __future__ import annotations

import sys

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

"""The campaign of damaged files: a few seconds of it find nothing, and a reader that breaks is found."""

from __future__ import annotations

import random

import pytest

from experiments.benchmarks import fuzz


@pytest.mark.slow
def test_damaged_files_are_refused_or_read(tmp_path, capsys) -> None:
    assert fuzz.campaign(tmp_path, 20, random.Random(1), tmp_path / "kept") == 0
    assert int(capsys.readouterr().out.split(" cases")[0].replace(",", "")) > 500


def test_a_reader_that_breaks_is_found(tmp_path, monkeypatch, capsys) -> None:
    def broken(data: bytes) -> int:
        return 1 // (data[:1] == b"x")

    monkeypatch.setattr(fuzz, "_targets", lambda work: [("broken", b"x" * 9, broken)])
    assert fuzz.campaign(tmp_path, 0.3, random.Random(0), tmp_path / "kept") >= 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert list((tmp_path / "kept").iterdir())


def test_damage_changes_something() -> None:
    rng = random.Random(0)
    assert (
        sum(fuzz.mutated(b"frames,angle\np1r1,40\n", rng) != b"frames,angle\np1r1,40\n" for _ in range(100))
        > 90
    )

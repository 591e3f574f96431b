"""The campaign of kills: it passes what is right, and says what is not."""

from __future__ import annotations

import random
import signal
from dataclasses import replace

import pytest

from experiments.benchmarks.kill import _jobs, _sources, campaign

pytestmark = pytest.mark.slow


def test_what_is_killed_goes_on_and_what_is_left_half_is_told(tmp_path, capsys) -> None:
    jobs = {job.name: job for job in _jobs(_sources(tmp_path))}
    assert campaign([jobs["import"]], tmp_path, 2, random.Random(0)) == 0
    assert capsys.readouterr().out.count("the same") == 2

    code = "import sys, time; f = open(sys.argv[1], 'w'); f.write('half'); f.flush(); time.sleep(3); f.write('!')"
    half = replace(
        jobs["generate"],
        name="half",
        start=lambda home: [
            "timeit",
            "-n",
            "1",
            "-r",
            "1",
            code.replace("sys.argv[1]", repr(str(home / "f"))),
        ],
        whole=lambda home: not (home / "f").exists() or (home / "f").read_text() != "half",
        result=lambda home: (home / "f").read_text(),
    )
    assert campaign([half], tmp_path, 2, random.Random(1)) >= 1
    assert "not whole" in capsys.readouterr().out

    traced = replace(half, name="traced", whole=lambda home: True)
    assert campaign([traced], tmp_path, 1, random.Random(1), [signal.SIGINT]) == 1
    assert "KeyboardInterrupt" in capsys.readouterr().out


def test_what_is_told_to_end_goes_on(tmp_path, capsys) -> None:
    jobs = {job.name: job for job in _jobs(_sources(tmp_path))}
    signals = [signal.SIGTERM, signal.SIGINT]
    assert campaign([jobs["train"], jobs["further"]], tmp_path, 4, random.Random(0), signals) == 0
    assert capsys.readouterr().out.count("the same") == 4
    assert not [path for path in tmp_path.iterdir() if path.name[-1].isdigit()]  # only what is wrong is kept

"""Jobs here and on Ray: each is done once as far as anyone sees, whoever dies; wrong addresses are refused."""

from __future__ import annotations

import builtins
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setgen.cluster import each
from setgen.errors import InputError

JOBS = [{"job": i} for i in range(6)]


@dataclass
class Squares:
    """Dies at the job `dies`, the first time; refuses the job `refused`."""

    folder: Path
    dies: int = -1
    refused: int = -1

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        job = int(row["job"])
        if job == self.refused:
            raise InputError("job 3 is refused: leave it out")
        if job == self.dies and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"job": job, "squares": np.arange(job, dtype=np.uint64) ** 2}


def plain(rows: Any) -> list[tuple[int, list[int], str]]:
    return sorted((int(r["job"]), list(map(int, r["squares"])), str(r["squares"].dtype)) for r in rows)


def test_here_ray_is_not_even_imported(tmp_path, monkeypatch):
    real = builtins.__import__

    def watched(name, *more):
        assert name.partition(".")[0] != "ray"
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", watched)
    assert [job for job, _, _ in plain(each(Squares(tmp_path), JOBS, None))] == list(range(6))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("here", "give local, auto, or an address"),
        ("head:", "give local, auto, or an address"),
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1"),
        ("ray://127.0.0.1:1", "no Ray cluster"),
        ("127.0.0.1:99999", "no Ray cluster"),
    ],
)
def test_a_cluster_that_is_not_there_is_one_clear_line(address, said, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match=said):
        list(each(Squares(tmp_path), JOBS, address))


def test_without_ray_it_is_said_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r"setgen\[ray\]"):
        list(each(Squares(tmp_path), JOBS, "local"))


@pytest.mark.slow
def test_on_ray_every_job_is_done_once_though_a_process_dies(two_cores, tmp_path):
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find a module of tests
    expected = plain(map(Squares(tmp_path), JOBS))
    assert plain(each(Squares(tmp_path, dies=4), JOBS, two_cores)) == expected
    assert (tmp_path / "died").exists()
    with pytest.raises(InputError, match="job 3 is refused"):
        list(each(Squares(tmp_path, refused=3), JOBS, two_cores))

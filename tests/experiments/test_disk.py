"""A disk that becomes read-only or full while a command works: one line that says where, and how to go on; when
that is mended, the result is that of a command that nothing befell. At every single change of the disk."""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from experiments import compare, sweep, train
from experiments.benchmarks.kill import _best_found, _digest, _reported, _trained
from experiments.run_folder import GO_ON
from setgen.cli.main import run
from setgen.climbing.build import synthetic_dataset

TINY = [
    *("network.width=16", "network.depth=1", "network.heads=2", "training.batch_size=16"),
    *("budget.steps=4", "budget.minutes=5", "training.validations=2", "training.valid_climbs=8"),
    *("wandb.mode=disabled", "threads=1"),
]
SMALL = [
    *("models=[hold_frequency,masked_set]", "evaluation.samples=20", "evaluation.test_climbs=10"),
    "evaluation.orders=1",
]
_CHANGES = {"os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.chmod": 0, "os.rename": 1}
"""Event of Python's → which of its arguments is the path."""


class Disk:
    """Counts what Python changes below a folder; from change number `last` on, nothing can be changed there."""

    def __init__(self) -> None:
        self.below, self.last, self.changes, self.says = "", 0, 0, errno.EROFS

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.below:
            return
        if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            path = arguments[0]
        elif event in _CHANGES and (self.says == errno.EROFS or event == "os.mkdir"):
            path = arguments[_CHANGES[event]]
        else:
            return
        if isinstance(path, str | Path) and str(path).startswith(self.below):
            self.changes += 1
            if self.last and self.changes >= self.last:
                raise OSError(self.says, os.strerror(self.says), str(path))

    @contextmanager
    def watched(self, below: Path, last: int = 0) -> Iterator[None]:
        self.below, self.last, self.changes = str(below), last, 0
        try:
            yield
        finally:
            self.below = ""


@pytest.fixture(scope="session")
def disk() -> Disk:
    """Python never forgets whom it tells of what it does, so there is one for all tests."""
    made = Disk()
    sys.addaudithook(made)
    return made


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    synthetic_dataset(400, seed=3).save(folder)
    return folder


@pytest.fixture
def setgen(capsys) -> Callable[..., tuple[int, str]]:
    """`setgen(*words)`: exit code and the last line on standard error."""

    def called(*words: str) -> tuple[int, str]:
        return run(words), (capsys.readouterr().err.splitlines(True) or [""])[-1]

    return called


def broken_off_everywhere(
    disk: Disk,
    home: Path,
    call: Callable[..., tuple[int, str]],
    words: Callable[[Path], list[str]],
    result: Callable[[Path], Any],
    step: int = 1,
) -> None:
    """Of each change number, or of one in `step`: the command is called, told to go on, and gone on with."""
    plain = home / "plain"
    plain.mkdir()
    with disk.watched(plain):
        assert call(*words(plain))[0] == 0
    changes, whole = disk.changes, result(plain)
    assert changes
    for last in range(1, changes + 1, step):
        here = home / str(last)
        here.mkdir()
        with disk.watched(here, last):
            code, said = call(*words(here))
        if code == 0:  # what could not be done came after the last file was written: to tidy up
            assert result(here) == whole, last
            continue
        line, _, again = said.partition(GO_ON)
        assert (code, said.count("\n")) == (2, 1), (last, said)
        assert os.strerror(disk.says) in line, last
        assert str(here) in line, last
        given = shlex.split(again)
        assert call(*given[1 if given[0] == "setgen" else 3 :])[0] == 0, last
        assert result(here) == whole, last
        left = [path for name in (".lock", ".new", ".setgen-*.part") for path in here.rglob(name)]
        assert not left, last


@pytest.mark.parametrize("says", [errno.EROFS, errno.ENOSPC])
def test_files_and_shards_of_climbs(says, disk, tmp_path, setgen, monkeypatch):
    monkeypatch.setattr(disk, "says", says)
    for name in ("lines", "shards"):
        (tmp_path / name).mkdir()
    broken_off_everywhere(
        *(disk, tmp_path / "lines", setgen),
        lambda home: ["generate", "-n", "5", "--out", str(home / "new.jsonl")],
        lambda home: (home / "new.jsonl").read_text(),
    )
    shards = ["generate", "-n", "8", "--shard", "4", "--format", "parquet", "--out"]
    broken_off_everywhere(
        *(disk, tmp_path / "shards", setgen),
        lambda home: [*shards, str(home / "made")],
        lambda home: [_digest(path) for path in sorted((home / "made").rglob("*.parquet"))],
    )


def test_datasets(disk, data_folder, tmp_path, setgen):
    climbs = tmp_path / "climbs.csv"
    assert setgen("generate", "-n", "300", "--grade", "6b", "--angle", "40", "--out", str(climbs))[0] == 0
    (tmp_path / "runs").mkdir()
    broken_off_everywhere(
        *(disk, tmp_path / "runs", setgen),
        lambda home: [
            *("data", "import", str(climbs), "--board", str(data_folder)),
            *("--out", str(home / "data")),
        ],
        lambda home: _digest(home / "data" / "climbs.parquet"),
    )


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_training(step, disk, data_folder, tmp_path, start):
    words = [*TINY, f"data.path={data_folder}", "model=masked_set"]
    broken_off_everywhere(
        *(disk, tmp_path, lambda *given: start(train.main, *given)),
        *(lambda home: [*words, f"runs={home / 'runs'}"], _trained, step),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("main", "options", "result", "step"),
    [(sweep.main, ["model=masked_set", "trials=2"], _best_found, 5), (compare.main, SMALL, _reported, 7)],
)
def test_a_sweep_and_a_comparison(main, options, result, step, disk, data_folder, tmp_path, start):
    words = [*TINY, f"data.path={data_folder}", *options]
    broken_off_everywhere(
        *(disk, tmp_path, lambda *given: start(main, *given)),
        *(lambda home: [*words, f"runs={home / 'runs'}"], result, step),
    )


@pytest.mark.slow
def test_the_trials_of_a_sweep(data_folder, tmp_path, start):
    """SQLite writes them by itself, in its own words; here wherever it writes."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    writes, last = 0, 0

    def executed(cursor: Any, statement: str, *_: Any) -> None:
        nonlocal writes
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE", "CREATE"):
            writes += 1
            if last and writes >= last:
                raise sqlite3.OperationalError("attempt to write a readonly database")

    def tuned(name: str) -> tuple[int, str]:
        runs = f"runs={tmp_path / name / 'runs'}"
        return start(sweep.main, *TINY, f"data.path={data_folder}", "model=masked_set", "trials=2", runs)

    event.listen(Engine, "do_execute", executed)
    try:
        assert tuned("plain")[0] == 0
        for one in range(1, writes + 1, 5):
            writes, last = 0, one
            code, said = tuned(str(one))
            last = 0
            line, _, again = said.partition(GO_ON)
            assert (code, said.count("\n")) == (2, 1), (one, said)
            assert "trials.sqlite3: attempt to write a readonly database" in line
            assert start(sweep.main, *shlex.split(again)[3:])[0] == 0
            assert _best_found(tmp_path / str(one)) == _best_found(tmp_path / "plain"), one
    finally:
        event.remove(Engine, "do_execute", executed)

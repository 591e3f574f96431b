"""Kill −9 at random moments, go on, and compare with what was not interrupted.

    python -m experiments.benchmarks.kill --times 50 [--seed 0] [--work FOLDER] [--only train import …]

Each job is run once without interruption, which gives its result and how long it takes. Then jobs take turns: one is
started, killed with its children at a random moment of that time, looked at (a file or folder that is there must be
whole) and gone on with, as its user would, until it ends; its result must be the uninterrupted one. Jobs: import of a
file, training, generation to a file, a sweep, a comparison with its report. Exit code 1 where one was not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import FONT
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError

_LONGEST = 600  # seconds of one command
_QUIET = ("wandb.mode=disabled", "threads=1")


_Start = Callable[[Path], list[str]]
_GoOn = Callable[[Path], list[str] | None]


@dataclass(frozen=True)
class Job:
    """start: arguments of the first command in a home folder. go_on: of the next, or None for the same again. whole:
    whether what is there is whole, or nothing is there. result: what must be the same in the end."""

    name: str
    start: _Start
    go_on: _GoOn
    whole: Callable[[Path], bool]
    result: Callable[[Path], Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="Folder for what is made; left out: one that goes away.")
    parser.add_argument("--only", nargs="+", help="Names of jobs.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="setgen-kill-") as aside:
        work = args.work or Path(aside)
        work.mkdir(parents=True, exist_ok=True)
        jobs = [job for job in _jobs(_sources(work)) if not args.only or job.name in args.only]
        if not jobs:
            parser.error("--only names no job")
        sys.exit(1 if campaign(jobs, work, args.times, random.Random(args.seed)) else 0)


def campaign(jobs: list[Job], work: Path, times: int, rng: random.Random) -> int:
    """How many of so many kills left something else behind; each is told in a line."""
    plain: dict[str, tuple[float, Any]] = {}
    for job in jobs:
        home = _home(work, f"{job.name}-plain")
        began = time.perf_counter()
        _run(job.start(home))
        plain[job.name] = time.perf_counter() - began, job.result(home)
        print(f"{job.name}: {plain[job.name][0]:.1f} s without interruption", flush=True)
    failed = 0
    for i in range(times):
        job = jobs[i % len(jobs)]
        took, expected = plain[job.name]
        home, moment = _home(work, f"{job.name}-{i}"), rng.uniform(0, took)
        problem = _killed(job, home, moment, expected)
        failed += problem is not None
        print(
            f"{i + 1} of {times}: {job.name} killed after {moment:.1f} s: {problem or 'the same'}", flush=True
        )
    print(f"{times - failed} of {times} as without interruption")
    return failed


def _killed(job: Job, home: Path, moment: float, expected: Any) -> str | None:
    """What is wrong after a kill at that moment; None where nothing is."""
    ended = _run(job.start(home), kill_after=moment)
    if not job.whole(home):
        return "what it left is there, and not whole"
    if not ended:
        _run(job.go_on(home) or job.start(home))
    return None if job.result(home) == expected else "the result is another"


def _run(arguments: list[str], kill_after: float | None = None) -> bool:
    """Whether the command ended by itself. Raises RuntimeError when it ends with an error."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=environment,
    )
    try:
        _, said = process.communicate(timeout=_LONGEST if kill_after is None else kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if kill_after is None:
            raise RuntimeError(f"{' '.join(arguments)} takes longer than {_LONGEST} s") from None
        return False
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {said.decode()[-500:]}")
    return True


def _home(work: Path, name: str) -> Path:
    home = work / name
    home.mkdir()
    return home


# --- the jobs -----------------------------------------------------------------------------------------------------


def _sources(work: Path) -> Path:
    """A folder with a file of climbs, its board, and a dataset of them."""
    folder = work / "sources"
    folder.mkdir()
    board, climbs = synthetic_board(), synthetic_climbs(20_000, 1)
    board.save(folder / "board.json")
    rows = zip(write_frames(board, climbs), climbs, strict=True)
    lines = [f'"{frames}",{climb.angle},{FONT[climb.grade]}' for frames, climb in rows]
    (folder / "climbs.csv").write_text("\n".join(["frames,angle,grade", *lines]) + "\n")
    _run(["setgen.cli.main", *_import(folder, folder / "data")])
    return folder


def _import(sources: Path, out: Path) -> list[str]:
    return ["data", "import", str(sources / "climbs.csv"), "--board", str(sources), "--out", str(out)]


def _jobs(sources: Path) -> list[Job]:
    data = f"data.path={sources / 'data'}"
    trained = [data, *_QUIET, "training.validations=6", "training.valid_climbs=64"]

    def setgen(*words: str) -> _Start:
        return lambda home: ["setgen.cli.main", *(word.replace("HOME", str(home)) for word in words)]

    def experiment(
        name: str, *options: str
    ) -> tuple[Callable[[Path], list[str]], Callable[[Path], list[str] | None]]:
        def start(home: Path) -> list[str]:
            return [f"experiments.{name}", *options, f"runs={home / 'runs'}"]

        def go_on(home: Path) -> list[str] | None:
            folder = _only_run(home)
            return None if folder is None else [f"experiments.{name}", f"resume={folder}"]

        return start, go_on

    train = experiment("train", *trained, "model=sweep_set", "budget.steps=120")
    sweep = experiment("sweep", *trained, "model=masked_set", "network=small", "trials=3", "budget.steps=20")
    compare = experiment(
        "compare",
        *(data, *_QUIET, "models=[hold_frequency,masked_set]", "budget.steps=40", "training.valid_climbs=64"),
        *("evaluation.samples=60", "evaluation.test_climbs=20"),
    )
    return [
        Job("import", lambda home: ["setgen.cli.main", *_import(sources, home / "data")], _again, _dataset_whole,
            lambda home: _digest(home / "data" / "climbs.parquet")),
        Job("train", *train, _run_readable,
            lambda home: (_digest(_run_of(home) / "model" / "weights.safetensors"), _curve(_run_of(home)))),
        Job("generate", setgen("generate", "-n", "1500", "--out", "HOME/new.jsonl"), _again, _lines_whole,
            lambda home: _digest(home / "new.jsonl")),
        Job("sweep", *sweep, _run_readable, _best_found),
        Job("compare", *compare, _run_readable, _measured),
    ]  # fmt: skip


def _again(home: Path) -> None:
    """The same command goes on."""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _only_run(home: Path) -> Path | None:
    """The run folder below a home; None before one can be gone on with."""
    folders = sorted(path.parent for path in (home / "runs").glob("*/*/config.yaml"))
    return folders[0] if folders else None


def _run_of(home: Path) -> Path:
    folder = _only_run(home)
    assert folder is not None
    return folder


def _dataset_whole(home: Path) -> bool:
    if not (home / "data" / "card.json").is_file():
        return True
    try:
        return len(Dataset.load(home / "data").sets) > 0
    except InputError:
        return False


def _lines_whole(home: Path) -> bool:
    path = home / "new.jsonl"
    return not path.exists() or len([json.loads(line) for line in path.read_text().splitlines()]) == 1500


def _run_readable(home: Path) -> bool:
    """Every JSON file of the runs is whole."""
    try:
        for path in (home / "runs").rglob("*.json"):
            json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _curve(folder: Path) -> Any:
    curve = json.loads((folder / "run.json").read_text())["curve"]
    return {name: values for name, values in curve.items() if name != "seconds"}


def _best_found(home: Path) -> Any:
    """What the sweep says of its trials, but for times."""
    return {
        path.name: path.read_text()
        for path in sorted(_run_of(home).glob("*.yaml"))
        if path.name != "config.yaml"
    }


def _measured(home: Path) -> Any:
    """Every value of the comparison's table."""
    found = json.loads((_run_of(home) / "metrics.json").read_text())
    return json.dumps(_without_times(found), sort_keys=True)


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        timed = ("seconds", "per_second", "date", "folder", "command", "runs", "path", "summary")
        return {k: _without_times(v) for k, v in value.items() if not any(word in k for word in timed)}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()

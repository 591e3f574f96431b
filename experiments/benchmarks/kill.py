"""End jobs at random moments, go on, and compare with what was not interrupted.

    python -m experiments.benchmarks.kill --times 50 [--seed 0] [--work FOLDER] [--only train import …]
    python -m experiments.benchmarks.kill --times 20 --signals INT TERM     # Ctrl-C and SIGTERM in place of kill −9

Jobs take turns: import of a file, training, training a finished run further, generation to a file, a sweep, a
comparison with its report. Each is run once without interruption, which gives its result and how long it takes. Then
it is started, ended with its children at a random moment of that time, looked at (a file or folder that is there must
be whole) and gone on with, until it ends: by the command that it told, or else as its user would. Its result must be
the uninterrupted one; that of a training is its weights and the losses of its curve, bit for bit. What INT or TERM
ends must say so in one line at most. Folders of those that fail stay in --work. Exit code 1 where there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.run_folder import GO_ON
from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import FONT
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.files import ASIDE, LOCK, PARTS
from setgen.generators.registry import load_generator

_LONGEST = 3600  # seconds of one command: ten minutes were too few beside much other work
_PYTHON_ITSELF = 0.5  # seconds in which Python starts, and tells of Ctrl-C in its own way
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


@dataclass(frozen=True)
class Plain:
    """A job without interruption: how long it takes, the lines it says on standard error, its result."""

    seconds: float
    said: list[str]
    result: Any


class Wrong(Exception):
    """What a job should not have done."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seconds", type=float, help="End after the first one that is done so much later.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--work", type=Path, help="New folder for what is made; left out: one that goes away."
    )
    parser.add_argument("--only", nargs="+", help="Names of jobs.")
    parser.add_argument("--signals", nargs="+", default=["KILL"], choices=["KILL", "INT", "TERM"])
    args = parser.parse_args()
    ends = None if args.seconds is None else time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory(prefix="setgen-kill-") as aside:
        work = args.work or Path(aside)
        work.mkdir(parents=True, exist_ok=True)
        jobs = [job for job in _jobs(_sources(work)) if not args.only or job.name in args.only]
        if not jobs:
            parser.error("--only names no job")
        signals = [signal.Signals[f"SIG{name}"] for name in args.signals]
        sys.exit(1 if campaign(jobs, work, args.times, random.Random(args.seed), signals, ends) else 0)


def campaign(
    jobs: list[Job],
    work: Path,
    times: int,
    rng: random.Random,
    signals: Sequence[signal.Signals] = (signal.SIGKILL,),
    ends: float | None = None,
) -> int:
    """How many of so many broken off left something else behind; each is told in a line.

    ends: the `time.monotonic()` from which on none is begun.
    """
    # What a shell starts in the background ignores Ctrl-C, and so would all that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plain: dict[str, Plain] = {}
    failed = done = 0
    while done < times and (ends is None or time.monotonic() < ends):
        job, sent = jobs[done % len(jobs)], signals[done // len(jobs) % len(signals)]
        if job.name not in plain:
            plain[job.name] = _uninterrupted(job, _home(work, f"{job.name}-plain"))
            print(f"{job.name}: {plain[job.name].seconds:.1f} s without interruption", flush=True)
        took = plain[job.name].seconds
        home = _home(work, f"{job.name}-{done}")
        moment = rng.uniform(0 if sent is signal.SIGKILL else min(_PYTHON_ITSELF, took), took)
        problem = None
        try:
            _broken_off(job, home, moment, sent, plain[job.name])
            shutil.rmtree(home)
        except Wrong as error:
            failed, problem = failed + 1, str(error)
        done += 1
        told = f"{done}: {job.name}, {sent.name} after {moment:.1f} s"
        print(f"{told}: {problem or 'the same'}", flush=True)
    print(f"{done - failed} of {done} as without interruption", flush=True)
    return failed


def _uninterrupted(job: Job, home: Path) -> Plain:
    command, began = job.start(home), time.perf_counter()
    said = _to_the_end(command)
    return Plain(time.perf_counter() - began, said.splitlines(), job.result(home))


def _broken_off(job: Job, home: Path, moment: float, sent: signal.Signals, plain: Plain) -> None:
    """Raises Wrong where anything is another than without the signal at that moment."""
    code, said = _run(job.start(home), sent, moment)
    if not job.whole(home):
        raise Wrong("what it left is there, and not whole")
    lines = [line for line in said.splitlines() if line not in plain.said]
    if sent is not signal.SIGKILL and (len(lines) > 1 or code not in (0, 128 + sent, -sent)):
        raise Wrong(f"it ended with {code} and said: {said[-500:]}")
    if code:
        told = lines[-1].partition(GO_ON)[2] if lines else ""
        _to_the_end(shlex.split(told)[2:] if told else job.go_on(home) or job.start(home))
    if job.result(home) != plain.result:
        raise Wrong("the result is another")
    if left := [path.name for name in (LOCK, ASIDE, PARTS) for path in home.rglob(name)]:
        raise Wrong(f"it left {', '.join(left)} behind")


def _to_the_end(arguments: list[str]) -> str:
    """What the command says on standard error."""
    code, said = _run(arguments)
    if code:
        raise Wrong(f"{shlex.join(arguments)} ended with {code} and said: {said[-500:]}")
    return said


def _run(arguments: list[str], sent: signal.Signals | None = None, after: float = 0) -> tuple[int, str]:
    """Exit code and standard error of a command, to which a signal is sent after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        text=True,
    )
    try:
        try:
            _, said = process.communicate(timeout=_LONGEST if sent is None else after)
        except subprocess.TimeoutExpired:
            if sent is None:
                raise
            os.killpg(process.pid, sent)
            _, said = process.communicate(timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Wrong(f"{shlex.join(arguments)} takes longer than {_LONGEST} s") from None
    return process.returncode, said


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
    _to_the_end(["setgen.cli.main", *_import(folder, folder / "data")])
    return folder


def _import(sources: Path, out: Path) -> list[str]:
    return ["data", "import", str(sources / "climbs.csv"), "--board", str(sources), "--out", str(out)]


def _jobs(sources: Path) -> list[Job]:
    data = f"data.path={sources / 'data'}"
    small = ("network.width=32", "network.depth=1", "network.heads=2", "training.valid_climbs=64")
    # Long enough that steps alone decide: where seconds do, no two trainings are the same.
    trained = [data, *_QUIET, *small, "training.validations=6", "budget.minutes=600"]

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

    train = experiment("train", *trained, "model=sweep_set", "budget.steps=60")
    short = experiment("train", *trained, "model=masked_set", "budget.steps=30")

    def further(home: Path) -> list[str]:
        """A finished run, in the home, with a larger budget."""
        if not (sources / "runs").is_dir():
            _to_the_end(short[0](sources))
        if not (home / "runs").is_dir():
            shutil.copytree(sources / "runs", home / "runs")
        return ["experiments.train", f"resume={_run_of(home)}", "budget.steps=60"]

    sweep = experiment("sweep", *trained, "model=masked_set", "trials=3", "budget.steps=20")
    compare = experiment(
        "compare",
        *(*trained, "models=[hold_frequency,masked_set]", "budget.steps=30"),
        *("evaluation.samples=60", "evaluation.test_climbs=20"),
    )
    return [
        Job("import", lambda home: ["setgen.cli.main", *_import(sources, home / "data")], _again, _dataset_whole,
            lambda home: _digest(home / "data" / "climbs.parquet")),
        Job("train", *train, _runs_whole, _trained),
        Job("further", further, _again, _runs_whole, lambda home: (_trained(home), _budgets(home))),
        Job("generate", setgen("generate", "-n", "1500", "--out", "HOME/new.jsonl"), _again, _lines_whole,
            lambda home: _digest(home / "new.jsonl")),
        Job("sweep", *sweep, _runs_whole, _best_found),
        Job("compare", *compare, _runs_whole, _reported),
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


def _runs_whole(home: Path) -> bool:
    """Every JSON file of the runs, every model and every page is whole."""
    runs = home / "runs"
    try:
        for path in runs.rglob("*.json"):
            json.loads(path.read_text())
        for path in runs.rglob("model.json"):
            load_generator(path.parent)
    except ValueError:
        return False
    ends = {"report.html": b"</html>", "curves.png": b"IEND\xaeB`\x82"}
    return all(
        path.read_bytes().rstrip().endswith(end) for name, end in ends.items() for path in runs.rglob(name)
    )


def _trained(home: Path) -> Any:
    """Weights and curve: steps, mean losses and bits of every validation."""
    run = _run_of(home)
    curve = json.loads((run / "run.json").read_text())["curve"]
    del curve["seconds"]
    return _digest(run / "model" / "weights.safetensors"), curve


def _budgets(home: Path) -> Any:
    """What is kept of the budgets before, and of what the run said then."""
    run = _run_of(home)
    return (run / "budgets.jsonl").read_text(), [path.name for path in run.glob("run-*.json")]


def _best_found(home: Path) -> Any:
    """What the sweep says of its trials, but for times."""
    return {
        path.name: path.read_text()
        for path in sorted(_run_of(home).glob("*.yaml"))
        if path.name != "config.yaml"
    }


def _reported(home: Path) -> Any:
    """Every value of the comparison's table, its models' weights, and the page's words, but for times."""
    run = _run_of(home)
    found = json.loads((run / "metrics.json").read_text())
    weights = [_digest(path) for path in sorted(run.glob("runs/*/model/weights.safetensors"))]
    page = (run / "report.html").read_text()
    headings = re.findall(r"<h[1-4][^>]*>.*?</h[1-4]>", page)
    return json.dumps(_without_times(found), sort_keys=True), weights, headings, page.count("<img")


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        timed = ("seconds", "per_second", "date", "folder", "command", "runs", "path", "summary")
        return {k: _without_times(v) for k, v in value.items() if not any(word in k for word in timed)}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()

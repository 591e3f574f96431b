"""How experiments end before they are done: in one line, with the command that goes on, and nothing lost."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments import compare, sweep, train
from experiments.model_config import MODELS
from experiments.run_folder import going_on
from experiments.training import RunFacts
from setgen.climbing.build import synthetic_dataset
from setgen.generators.masked_set import MaskedSet
from setgen.generators.registry import load_generator

TINY = [
    *("network.width=16", "network.depth=1", "network.heads=2", "training.batch_size=16"),
    *("budget.steps=4", "budget.minutes=5", "training.validations=2", "training.valid_climbs=8"),
    *("wandb.mode=disabled", "threads=1"),
]
SMALL = [
    *("models=[hold_frequency,masked_set]", "evaluation.samples=20", "evaluation.test_climbs=10"),
    "evaluation.orders=1",
]
JOBS = {
    "train": (train.main, ["model=masked_set"], "run.json"),
    "sweep": (sweep.main, ["model=masked_set", "trials=2"], "report.md"),
    "compare": (compare.main, SMALL, "report.html"),
}
HOLDER = """
import sys, time
from pathlib import Path
from setgen.files import owned
with owned(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    synthetic_dataset(400, seed=3).save(folder)
    return folder


def told(name: str, said: str) -> tuple[list[str], Path]:
    """The options of the command that the one line says, and its run folder."""
    assert said.count("\n") == 1, said
    command = re.fullmatch(rf".*; go on with: python -m experiments\.{name} (resume=.*)\n", said)
    assert command, said
    (option,) = shlex.split(command[1])
    return [option], Path(option.removeprefix("resume="))


def breaking(monkeypatch, call: int, does: Callable[[], object]) -> None:
    """Something is done, once, before the loss of that number."""
    loss, calls = MaskedSet.loss, []

    def counted(self, batch):
        calls.append(1)
        if len(calls) == call:
            does()
        return loss(self, batch)

    monkeypatch.setattr(MaskedSet, "loss", counted)


@pytest.mark.parametrize("name", JOBS)
def test_a_run_folder_has_one_process(name, data_folder, tmp_path, refusal):
    """The second is refused; when the first is killed, nothing of it is in the way."""
    main, options, _ = JOBS[name]
    with initialize_config_dir(str(MODELS.parent), version_base="1.3"):
        cfg = compose(name, [*TINY, *options, f"data.path={data_folder}"])
    if name == "sweep":
        cfg.typed = []
    OmegaConf.save(cfg, tmp_path / "config.yaml")
    first = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"in\n"
        assert f"another process is at work in {tmp_path}" in refusal(main, f"resume={tmp_path}")
        assert sorted(os.listdir(tmp_path)) == [".lock", "config.yaml"]
    finally:
        first.kill()
        first.wait()
    if name == "train":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["train", f"resume={tmp_path}"])
            main()
        assert RunFacts.load(tmp_path).steps == 4
        assert not (tmp_path / ".lock").exists()


@pytest.mark.slow
def test_processes_of_one_launch_are_refused_with_one_voice(data_folder, tmp_path):
    with initialize_config_dir(str(MODELS.parent), version_base="1.3"):
        cfg = compose("train", [*TINY, f"data.path={data_folder}"])
    OmegaConf.save(cfg, tmp_path / "config.yaml")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    asked = [*launch, "-m", "experiments.train", f"resume={tmp_path}"]
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
        first.kill()
    assert done.returncode
    assert done.stderr.count("Error: another process is at work") == 1
    assert not (tmp_path / "run.json").exists()
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert RunFacts.load(tmp_path).steps == 4


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("sweep", "compare")]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["train", *SLOW])
def test_ctrl_c_and_sigterm_say_how_to_go_on(name, sent, code, data_folder, tmp_path, monkeypatch, start):
    main, options, last = JOBS[name]
    words = [f"data.path={data_folder}", f"runs={tmp_path}", *TINY, *options]
    with monkeypatch.context() as patch:
        breaking(patch, 3, lambda: os.kill(os.getpid(), sent))
        ended, said = start(main, *words)
    assert ended == code
    assert said.startswith("stopped; ")
    again, folder = told(name, said)
    assert not (folder / last).exists()
    assert start(main, *again) == (0, "")
    assert (folder / last).is_file()
    assert not (folder / ".lock").exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("name", ["train", *SLOW])
def test_a_disk_that_takes_no_more_is_one_line_that_says_how_to_go_on(
    name, data_folder, small_disk, monkeypatch, start
):
    """While it trains; and when that is mended it ends like one that was not interrupted."""
    main, options, last = JOBS[name]
    words = [f"data.path={data_folder}", f"runs={small_disk}", *TINY, *options]
    with ExitStack() as trouble, monkeypatch.context() as patch:
        breaking(patch, 2, lambda: trouble.enter_context(small_disk.now("full")))
        ended, said = start(main, *words)
    assert ended == 2
    assert said.startswith("Error: ")
    assert re.search("No space left|disk is full", said)
    again, folder = told(name, said)
    assert not list(folder.rglob("*.part"))
    assert start(main, *again) == (0, "")
    assert (folder / last).is_file()


@contextmanager
def full_from(disk, module, name):
    """In here the disk is full from the first call of this function of the module on."""
    call = getattr(module, name)
    with ExitStack() as trouble, pytest.MonkeyPatch.context() as patch:

        def on_a_full_disk(*arguments):
            trouble.enter_context(disk.now("full"))
            return call(*arguments)

        patch.setattr(module, name, on_a_full_disk)
        yield


@pytest.mark.slow
def test_trials_that_cannot_be_stored_are_one_line(data_folder, small_disk, start):
    """What is stored in a database says its own words of a full disk. No trial is lost by it."""
    main, options, last = JOBS["sweep"]
    with full_from(small_disk, sweep, "next_trial"):
        ended, said = start(main, f"data.path={data_folder}", f"runs={small_disk}", *TINY, *options)
    assert ended == 2
    assert "trials.sqlite3: " in said
    again, folder = told("sweep", said)
    assert start(main, *again) == (0, "")
    assert (folder / last).is_file()


@pytest.mark.slow
def test_a_report_that_cannot_be_written_is_one_line_and_can_be_had_later(
    data_folder, small_disk, monkeypatch, start
):
    main, options, _ = JOBS["compare"]
    with full_from(small_disk, compare, "write_report"):
        ended, said = start(main, f"data.path={data_folder}", f"runs={small_disk}", *TINY, *options)
    assert (ended, said[:19]) == (2, "Error: cannot write")
    again, folder = told("compare", said)
    assert not (folder / "report.html").exists()
    monkeypatch.setattr(MaskedSet, "loss", lambda *_: pytest.fail("trained again"))
    assert start(main, *again) == (0, "")
    assert (folder / "report.html").read_text().rstrip().endswith("</html>")


def test_a_disk_that_takes_nothing_is_one_line(data_folder, small_disk, refusal):
    words = [f"data.path={data_folder}", f"runs={small_disk}/runs", *TINY, "model=masked_set"]
    with small_disk.now("read-only"):
        said = refusal(train.main, *words)
        assert "cannot make a run folder" in said
        assert "Read-only file system" in said
        assert said.endswith(f"; go on with: python -m experiments.train {shlex.join(words)}\n")


def test_a_run_told_to_end_while_it_trains_further_keeps_the_larger_budget(
    data_folder, tmp_path, monkeypatch, start
):
    """And ends like one that had it at once from where it stood on."""
    words = [f"data.path={data_folder}", *TINY, "model=masked_set", "training.validations=4"]
    weights = []
    for name in ("whole", "broken"):
        assert start(train.main, *words, f"runs={tmp_path / name}")[0] == 0
        (run,) = (tmp_path / name / "train").iterdir()
        more = [f"resume={run}", "budget.steps=10"]
        if name == "broken":
            with monkeypatch.context() as patch:
                breaking(patch, 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
                code, said = start(train.main, *more)
            assert code == 143
            assert said == f"stopped; go on with: python -m experiments.train {shlex.join(more)}\n"
            more = more[:1]  # by now the folder knows
        assert start(train.main, *more) == (0, "")
        assert RunFacts.load(run).steps == 10
        assert len((run / "budgets.jsonl").read_text().splitlines()) == 1
        assert RunFacts.load(run).curve["step"][-1] == 10
        weights.append(load_generator(run).state_dict())
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])


@pytest.mark.slow
def test_wandb_is_not_in_the_way(data_folder, tmp_path, monkeypatch, start):
    """Neither with a traceback of its own, nor with its links to its logs when the run is gone on with."""
    words = [f"data.path={data_folder}", f"runs={tmp_path}", *TINY, "model=masked_set", "wandb.mode=offline"]
    with monkeypatch.context() as patch:
        breaking(patch, 3, lambda: os.kill(os.getpid(), signal.SIGINT))
        code, said = start(train.main, *words)
    assert code == 130
    again, folder = told("train", said)
    assert list(folder.glob("wandb/offline-run-*"))
    assert start(train.main, *again)[0] == 0
    assert RunFacts.load(folder).steps == 4
    assert load_generator(folder).n_parameters


def test_links_are_followed_nowhere_but_where_nothing_is_read(data_folder, tmp_path, start, refusal):
    words = [f"data.path={data_folder}", f"runs={tmp_path / 'runs'}", *TINY, "model=masked_set"]
    assert start(train.main, *words)[0] == 0
    (folder,) = (tmp_path / "runs" / "train").iterdir()
    (folder / "wandb" / "logs").mkdir(parents=True)
    (folder / "wandb" / "logs" / "debug.log").symlink_to(tmp_path / "elsewhere")
    assert start(train.main, f"resume={folder}")[0] == 0
    (folder / "logs").symlink_to(tmp_path / "elsewhere")
    assert "is a link to something outside" in refusal(train.main, f"resume={folder}")


def test_the_command_that_goes_on_can_be_pasted(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train", "model=gpt"])
    odd = tmp_path / "my runs (1)" / "a=b"
    assert shlex.split(going_on(odd, "train")) == ["python", "-m", "experiments.train", f'resume="{odd}"']
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert going_on(Path("runs/a"), "train") == "torchrun … -m experiments.train resume=runs/a"

"""Sweeps and comparisons on Ray: as in one process, though one that trains is killed in the middle of a trial."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hydra import compose, initialize_config_dir
from optuna.trial import TrialState
from rich.console import Console

from experiments.model_config import MODELS, load_model, settings_of
from experiments.side_by_side import run_folder, train_on_ray
from experiments.training import RunFacts
from experiments.tuning.sizes import of_one_size
from experiments.tuning.space import space_of
from experiments.tuning.trials import Tuned, ask, next_trial, open_study, storage_of
from experiments.tuning.workers import trials_on_ray
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError

TINY = (
    *("network.width=16", "network.depth=1", "network.heads=2", "training.valid_climbs=16", "threads=1"),
    *("budget.minutes=60", "training.validations=4", "pruner=none", "wandb.mode=disabled"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    synthetic_dataset(400, seed=3).save(folder)
    return folder


def config(data: Path, name: str, *options: str):
    options = tuple(o for o in options if name == "sweep" or not o.startswith("pruner"))
    with initialize_config_dir(str(MODELS.parent), version_base="1.3"):
        return compose(name, [f"data.path={data}", *options])


def tuned_in(folder: Path, cfg, data: Path, shared: bool = True) -> Tuned:
    settings = settings_of(cfg, load_model("masked_set"))
    space, _ = of_one_size(settings, space_of(cfg.search, settings.model.generator), Dataset.load(data))
    return Tuned(settings, space, open_study(storage_of(folder, shared), "masked_set", cfg.pruner))


def test_a_sweep_that_goes_on_keeps_its_storage(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    old.mkdir()
    open_study(storage_of(new, shared=True), "a", "none").enqueue_trial({"x": 1.0})
    open_study(storage_of(old, shared=False), "a", "none").enqueue_trial({"x": 1.0})
    assert {path.name for path in new.iterdir()} >= {"trials.journal"}
    assert {path.name for path in old.iterdir()} == {"trials.sqlite3"}
    for folder in (new, old):
        for shared in (True, False):
            assert len(open_study(storage_of(folder, shared), "a", "none").trials) == 1
    (new / "trials.journal").write_text("no journal\n{}\n")
    with pytest.raises(InputError, match="no storage of trials"):
        storage_of(new, shared=True)


def test_trials_that_run_beside_one_another_have_different_values(data, tmp_path):
    """The first one is the config as it stands; no two of the others are one draw."""
    tuned = tuned_in(tmp_path, config(data, "sweep", *TINY), data)
    asked = [ask(tuned) for _ in range(4)]
    rates = {trial.params["training.learning_rate"] for trial, _ in asked}
    assert len(rates) == 4
    assert asked[0][1].training.learning_rate == tuned.settings.training.learning_rate
    assert tuned.n_running == 4
    assert [trial.number for trial, _ in asked] == [0, 1, 2, 3]


class Killer(threading.Thread):
    """Kills a process of Ray's that trains, once, when a trial has a validation behind it and is under way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.killed, self.stop = folder, 0, False

    def run(self) -> None:
        while not (self.stop or self.killed):
            time.sleep(0.1)
            if not list(self.folder.glob("trials/*/seed0/checkpoint.pt")):
                continue
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if "ray::_train" in " ".join([process.name(), *process.cmdline()]):
                        os.kill(process.pid, signal.SIGKILL)
                        self.killed = process.pid
                        return


@pytest.mark.slow
def test_a_killed_process_costs_no_trial_and_counts_none_twice(two_cores, data, tmp_path):
    cfg = config(data, "sweep", *TINY, "trials=3", f"ray={two_cores}", "budget.steps=200")
    tuned, killer = tuned_in(tmp_path, cfg, data), Killer(tmp_path)
    killer.start()
    came = list(trials_on_ray([tuned], cfg, tmp_path))
    killer.stop = True
    assert killer.killed
    assert len(came) == 3
    trials = open_study(storage_of(tmp_path, True), "masked_set", "none").trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert [trial.user_attrs["steps"] for trial in trials] == [200] * 3
    assert not list(tmp_path.glob("trials/*/*/checkpoint*"))
    # The trial as it stands has the value that one process gives it.
    alone = tmp_path / "alone"
    alone.mkdir()
    here = tuned_in(alone, cfg, data, shared=False)
    next_trial(here, Dataset.load(data), alone, Console(quiet=True))
    assert trials[0].params == here.study.trials[0].params
    assert trials[0].value == pytest.approx(here.study.trials[0].value, abs=1e-6)


@pytest.mark.slow
def test_a_trial_that_cannot_be_trained_ends_the_sweep_with_its_reason(two_cores, data, tmp_path):
    cfg = config(data, "sweep", *TINY, "trials=2", f"ray={two_cores}", "budget.steps=4")
    tuned = tuned_in(tmp_path, cfg, data)
    tuned.settings.budget.clock = "sundial"
    with pytest.raises(InputError, match="sundial"):
        list(trials_on_ray([tuned], cfg, tmp_path))
    states = [trial.state for trial in tuned.study.trials]
    assert TrialState.FAIL in states
    assert TrialState.COMPLETE not in states


@pytest.mark.slow
def test_runs_side_by_side_are_those_of_one_process(two_cores, data, tmp_path):
    cfg = config(data, "compare", *TINY, f"ray={two_cores}", "budget.steps=6")
    runs = [(name, seed) for seed in (0, 1) for name in ("masked_set", "hold_frequency")]
    names = {name: str(MODELS / f"{name}.yaml") for name, _ in runs}
    train_on_ray(cfg, [(names[name], seed) for name, seed in runs], tmp_path, Console(quiet=True))
    (tmp_path / "alone").mkdir()
    for name, seed in runs:
        where = run_folder(
            cfg, Dataset.load(data), names[name], seed, tmp_path / "alone", Console(quiet=True)
        )
        there = tmp_path / "runs" / where.name
        weights = [folder / "model" / "weights.safetensors" for folder in (where, there)]
        assert weights[0].read_bytes() == weights[1].read_bytes()
        assert RunFacts.load(there).seed == seed
        assert json.loads((there / "run.json").read_text())["steps"] == (6 if name == "masked_set" else 0)

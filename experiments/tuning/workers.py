"""Trials of one study in many processes: this one asks and tells, Ray's train.

Only the process that started the sweep asks for a trial and tells what became of it, so that none counts twice.
Those that train join the study to report validations and to see whether others were better. Where one of them
dies, Ray has another go on with the same trial, from the trial's last validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState
from rich.console import Console

from experiments.hydra_main import quieten
from experiments.side_by_side import check_shared
from experiments.tuning.trials import Outcome, Tuned, ask, attempt, open_study, storage_of, tell, trial_folder
from setgen import cluster
from setgen.errors import DiskError, InputError
from setgen.sets.dataset import load_dataset


def trials_on_ray(models: list[Tuned], cfg: DictConfig, folder: Path) -> Iterator[tuple[Tuned, str]]:
    """Run trials until each model has `cfg.trials` finished ones; yields each model and what came of its trial.

    As many run at once as find room. Raises InputError when a trial cannot be trained.
    """
    with cluster.connected(cfg.ray) as engine:
        taken = cluster.share(engine, cfg.threads)
        train = engine.remote(**taken, max_retries=cluster.TRIES)(_train)
        running: dict[Any, tuple[Tuned, int]] = {}
        try:
            while True:
                while len(running) < cluster.places(engine, taken) and (tuned := _next(models, cfg.trials)):
                    trial, settings = ask(tuned)
                    settings.data.path = str(Path(settings.data.path).absolute())
                    plain: Any = OmegaConf.to_container(settings, resolve=True)
                    where = trial_folder(folder.absolute(), tuned.label, trial.number)
                    running[train.remote(plain, where, tuned.label, trial.number)] = tuned, trial.number
                if not running:
                    return
                (done,), _ = engine.wait(list(running))
                tuned, number = running[done]
                try:
                    with cluster.own_errors(engine):
                        outcome = engine.get(done)
                except InputError as error:
                    if not isinstance(error, DiskError):  # else it is tried again when the sweep goes on
                        tell(tuned, number, Outcome(TrialState.FAIL, None, "failed"))
                    raise
                del running[done]
                yield tuned, tell(tuned, number, outcome)
        finally:
            for (
                job
            ) in running:  # of trials that are broken off so, a sweep that goes on runs the values again
                engine.cancel(job, force=True)


def _next(models: list[Tuned], trials: int) -> Tuned | None:
    """The model whose turn it is: the one with the fewest trials behind or under way; None where none wants more."""
    begun = {tuned: tuned.n_done + tuned.n_running for tuned in models}
    least = min(models, key=lambda tuned: begun[tuned])
    return least if begun[least] < trials else None


def _train(plain: dict[str, Any], where: Path, label: str, number: int) -> Outcome:
    """In a process of Ray's: one trial of the study that lies two folders above its own."""
    quieten()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    settings = OmegaConf.create(plain)
    folder = where.parent.parent
    check_shared(folder)
    study = open_study(storage_of(folder, shared=True), label, settings.pruner, settings.training.validations)
    trial = optuna.Trial(study, study.trials[number]._trial_id)
    return attempt(trial, settings, load_dataset(settings.data.path), where, Console(quiet=True))

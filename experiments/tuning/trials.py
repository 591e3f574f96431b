"""Trials: one training each with values that Optuna suggests, stopped early where others were better."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from rich.console import Console

from experiments.run_folder import save_config, write_json
from experiments.training import RunFacts, train
from experiments.tuning.space import Option, with_values
from setgen.climbing.dataset import Dataset
from setgen.errors import DiskError, InputError
from setgen.training import Callback, Point, Progress

Storage = str | BaseStorage
DONE = (TrialState.COMPLETE, TrialState.PRUNED)
_DRAWN = "drawn"
"""Of a trial that has all its values."""
_OF_A_DISK = ("disk is full", "disk I/O", "readonly", "unable to open")
"""Words of SQLite's about a disk that is full, read-only or broken; "disk image is malformed" is none of them."""
_AT_RANDOM = 5  # trials before the sampler learns from them and the pruner compares with them
_HALVING = 3  # one in so many goes on
_NOT_PRUNED = 0.3  # share of the budget in which nothing is stopped: the learning rate is high, all are noisy


@dataclass(frozen=True, eq=False)
class Tuned:
    """A model in a sweep: its settings as they stand, its space, its study."""

    settings: DictConfig
    space: list[Option]
    study: optuna.Study

    @property
    def label(self) -> str:
        return str(self.settings.model.label)

    @property
    def n_done(self) -> int:
        return len(self.study.get_trials(deepcopy=False, states=DONE))

    @property
    def n_running(self) -> int:
        return len(self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING]))

    @property
    def best(self) -> optuna.trial.FrozenTrial | None:
        finished = self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        return min(finished, key=lambda trial: trial.value or 0.0, default=None)


def storage_of(folder: Path, shared: bool) -> Storage:
    """Where a sweep's trials are: SQLite for one process; for several, on many machines perhaps, a journal, for
    SQLite is not safe on a network's disk. A sweep that goes on keeps what it has. Raises InputError."""
    journal, file = folder.absolute() / "trials.journal", folder.absolute() / "trials.sqlite3"
    if journal.exists() or (shared and not file.exists()):
        try:
            return JournalStorage(JournalFileBackend(str(journal)))
        except (ValueError, KeyError, OSError):
            raise InputError(f"{journal} is no storage of trials") from None
    return f"sqlite:///{file}"


def pruner_of(name: str, validations: int) -> optuna.pruners.BasePruner:
    """What stops trials: median, those worse than most others at the same share of the budget; halving, all but the
    best third at a quarter of it, and of these all but the best third at three quarters; none, nothing."""
    if name == "median":
        return optuna.pruners.MedianPruner(_AT_RANDOM, n_min_trials=_AT_RANDOM)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(max(1, validations // 4), reduction_factor=_HALVING)
    return optuna.pruners.NopPruner()


def open_study(storage: Storage, label: str, pruner: str, validations: int = 8) -> optuna.Study:
    """The study of that label in the sweep's storage, made if it is not there. validations: of each training, at
    which trials are compared. Raises InputError."""
    try:
        return optuna.create_study(
            storage=storage,
            study_name=label,
            direction="minimize",
            load_if_exists=True,
            pruner=pruner_of(pruner, validations),
        )
    except Exception as error:
        if "sqlalchemy" in type(error).__module__ or "optuna" in type(error).__module__:
            raise database_error(str(storage).removeprefix("sqlite:///"), error) from None
        raise


def database_error(file: str, error: BaseException) -> InputError:
    """What to raise for an error of the database of trials: of its disk, or of what is in it."""
    said = database_says(error)
    if any(words in said for words in _OF_A_DISK):
        return DiskError(f"cannot write {file}: {said}")
    return InputError(f"{file} is no storage of trials ({said})")


def database_says(error: BaseException) -> str:
    """The database's own words, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def give_up_broken(study: optuna.Study, folder: Path) -> int:
    """Mark trials that were killed midway as failed, and queue their values again. Returns how many.

    Where one was killed while its values were drawn, only those that were given are queued: the others are drawn
    anew, all of them, and so are what they would have been.
    """
    broken = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
    waiting = study.get_trials(deepcopy=False, states=[TrialState.WAITING])
    queued = {trial.user_attrs.get("again") for trial in waiting}
    for trial in broken:
        drawn = trial.params if trial.user_attrs.get(_DRAWN) else {}
        values = {**trial.system_attrs.get("fixed_params", {}), **drawn}
        # Before it is marked: if this is killed too, nothing is lost.
        if values and trial.number not in queued:
            study.enqueue_trial(values, user_attrs={"again": trial.number})
        study.tell(trial.number, state=TrialState.FAIL)
        shutil.rmtree(trial_folder(folder, study.study_name, trial.number), ignore_errors=True)
    return len(broken)


def trial_folder(folder: Path, label: str, number: int) -> Path:
    return folder / "trials" / f"{label}-{number}"


@dataclass(frozen=True)
class Outcome:
    """What became of a trial: its state, its value if it has one, and both in a few words."""

    state: TrialState
    value: float | None
    said: str


def next_trial(tuned: Tuned, dataset: Dataset, folder: Path, console: Console) -> str:
    """Train once more, and say in a few words what came of it.

    A trial's value is bits per hold on valid; test climbs are never looked at. The values of trial k depend
    on the trials before it and on k, not on interruptions.
    """
    trial, settings = ask(tuned)
    try:
        outcome = attempt(trial, settings, dataset, trial_folder(folder, tuned.label, trial.number), console)
    except InputError as error:
        if not isinstance(error, DiskError):  # else it is tried again when the sweep goes on
            tuned.study.tell(trial, state=TrialState.FAIL)
        raise
    return tell(tuned, trial.number, outcome)


def ask(tuned: Tuned) -> tuple[optuna.Trial, DictConfig]:
    """One more trial, and the settings that it is to be trained with."""
    study, seeds = tuned.study, tuned.settings.seeds
    if not study.trials:
        study.enqueue_trial({o.key: v for o in tuned.space if (v := o.now(tuned.settings)) is not None})
    begun = tuned.n_done + tuned.n_running
    sampling = np.random.SeedSequence([seeds[0], begun]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(
        n_startup_trials=_AT_RANDOM, seed=int(sampling[0]), constant_liar=tuned.n_running > 0
    )
    trial = study.ask()
    values = {k: v for o in tuned.space for k, v in o.suggest(trial).items()}
    trial.set_user_attr(_DRAWN, True)
    return trial, with_values(tuned.settings, values)


def attempt(
    trial: optuna.Trial, settings: DictConfig, dataset: Dataset, where: Path, console: Console
) -> Outcome:
    """Train with each seed in the folder `where`, and go on there with what a process that died has left."""
    done: list[RunFacts] = []
    for i, seed in enumerate(settings.seeds):
        run = where / f"seed{seed}"
        run.mkdir(parents=True, exist_ok=True)
        save_config(settings, run / "config.yaml")
        watch = _watch(trial, settings, i, sum(facts.train_seconds for facts in done))
        try:
            facts = train(settings, dataset, seed, run, console, watch)
        except optuna.TrialPruned:
            used = trial.user_attrs["share"]
            write_json(run / "pruned.json", {"share_of_budget": used})
            return Outcome(TrialState.PRUNED, None, f"stopped at {used:.0%}")
        finally:
            (run / "checkpoint.pt").unlink(missing_ok=True)
        done.append(facts)
    trial.set_user_attr("n_parameters", done[-1].n_parameters)
    trial.set_user_attr("steps", sum(facts.steps for facts in done))
    bits = [facts.best_valid_bits_per_hold or math.nan for facts in done]
    if not all(map(math.isfinite, bits)):
        return Outcome(TrialState.PRUNED, None, "diverged")
    return Outcome(TrialState.COMPLETE, fmean(bits), f"{fmean(bits):.3f} bits per hold")


def tell(tuned: Tuned, number: int, outcome: Outcome) -> str:
    """Note what became of a trial, once; in a few words."""
    tuned.study.tell(number, outcome.value, state=outcome.state)
    return outcome.said


def _watch(trial: optuna.Trial, settings: DictConfig, earlier: int, spent: float = 0.0) -> Callback:
    """Notes the time used, and stops the trial where it is worse than most at the same share of the budget.

    Only the first seed is compared, at the nearest of the planned validations. earlier, spent: how many seeds
    were trained before, and for how many seconds.
    """
    planned, said = settings.training.validations, set()

    def watch(now: Progress, point: Point | None) -> None:
        if point is None:
            return
        trial.set_user_attr("share", round(earlier + now.share, 4))
        trial.set_user_attr("seconds", round(spent + now.seconds, 1))
        stage = round(now.share * planned)
        if earlier or stage in said or not math.isfinite(point.valid_bits):
            return
        said.add(stage)
        trial.report(point.valid_bits, stage)
        if _NOT_PRUNED < now.share < 1 and trial.should_prune():
            raise optuna.TrialPruned

    return watch


def best_config(tuned: Tuned, title: str) -> dict[str, Any] | None:
    """The best trial as a model config with training options of its own; None before a trial finished."""
    best = tuned.best
    if best is None:
        return None
    frozen = optuna.trial.FixedTrial(best.params)
    values = {k: v for o in tuned.space for k, v in o.suggest(frozen).items()}  # type: ignore[arg-type]
    plain: Any = OmegaConf.to_container(with_values(tuned.settings, values), resolve=True)
    model = plain["model"]
    label = model["label"].removesuffix("_tuned")
    note = f"{model['note'].partition('; tuned')[0]}; tuned in {tuned.n_done} trials on {title}"
    return {**model, "label": f"{label}_tuned", "note": note, "training": plain["training"]}

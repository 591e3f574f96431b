"""Tune models fairly: as many trials of as many seconds each, judged on validation climbs only.

python -m experiments.sweep model=sweep_set data.path=DIR trials=20 budget.minutes=1
python -m experiments.sweep 'models=[gpt,sorted_gpt,masked_set,sweep_set]' data.path=DIR
python -m experiments.sweep model=sweep_set data.path=DIR ray=local        # trials side by side
python -m experiments.sweep resume=FOLDER trials=40
python -m experiments.train model=sweep_set tuned=FOLDER data.path=DIR     # with what it found

Models take turns, so that a sweep that is stopped has been fair as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
from omegaconf import DictConfig
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.model_config import load_model, settings_of, typed_keys
from experiments.run_folder import at_work, new_run_folder, note_command, noted_commands, resumed, save_config
from experiments.training import check_trainable, untrained
from experiments.tuning.report import write_sweep_report
from experiments.tuning.sizes import of_one_size
from experiments.tuning.space import Option, space_of
from experiments.tuning.trials import (
    Tuned,
    best_config,
    database_error,
    give_up_broken,
    next_trial,
    open_study,
    storage_of,
)
from experiments.tuning.workers import trials_on_ray
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError


@experiment("sweep")
def main(cfg: DictConfig) -> None:
    console, resumes = Console(), bool(cfg.resume)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    if resumes:
        folder, cfg = resumed(cfg, {"trials"})
        dataset, _ = open_dataset(cfg)
        searched = searches(cfg, dataset)
    else:
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        cfg.typed = sorted(typed_keys())
        searched = searches(cfg, dataset)
        folder = new_run_folder(Path(cfg.runs) / "sweep", where.name, where)
    with at_work(folder, "sweep"):
        note_command(folder, "sweep")
        if not resumes:
            save_config(cfg, folder / "config.yaml")
        try:
            sweep(cfg, searched, dataset, folder, console)
        except optuna.exceptions.StorageInternalError as error:
            raise database_error(str(folder / "trials.sqlite3"), error) from None


def models_of(cfg: DictConfig) -> list[DictConfig]:
    """The models that are tuned: those of `cfg.models`, or else the one of `cfg.model`."""
    return [load_model(str(name)) for name in cfg.models] if cfg.models else [cfg.model]


@dataclass(frozen=True)
class Search:
    """What is searched for one model, and the names of choices that are not of its size."""

    settings: DictConfig
    space: list[Option]
    left_out: list[str]


def searches(cfg: DictConfig, dataset: Dataset) -> list[Search]:
    """One a model. Raises InputError before anything is trained when the sweep cannot be made."""
    if not cfg.seeds:
        raise InputError("there is nothing to train: give seeds=[…]")
    if cfg.models and any(key.partition(".")[0] == "model" for key in typed_keys()):
        raise InputError("give model= or models=[…], not both")
    models = models_of(cfg)
    if len({model.label for model in models}) < len(models):
        raise InputError("two of the models have one label")
    found = []
    for model in models:
        settings = settings_of(cfg, model, cfg.typed)
        check_trainable(settings, dataset.space)
        if not untrained(settings.model, dataset.space).n_parameters:
            raise InputError(f"{model.label} is counted, not trained: it has nothing to tune")
        found.append(Search(settings, *of_one_size(settings, space_of(cfg.search, model.generator), dataset)))
    return found


def sweep(cfg: DictConfig, searched: list[Search], dataset: Dataset, folder: Path, console: Console) -> None:
    """Run the trials that are missing; leave the best configs and the report in the folder."""
    title = dataset.card["title"]
    storage = storage_of(folder, shared=cfg.ray is not None)
    models = []
    for one in searched:
        label = one.settings.model.label
        if one.left_out:
            console.print(
                f"{label}: not of its size on this board: {', '.join(one.left_out)}", soft_wrap=True
            )
        study = open_study(storage, label, cfg.pruner, one.settings.training.validations)
        models.append(Tuned(one.settings, one.space, study))
    labels = ", ".join(tuned.label for tuned in models)
    console.print(f"[bold]Tuning {labels}[/] on {title}: {folder}", soft_wrap=True)
    for tuned in models:
        if again := give_up_broken(tuned.study, folder):
            console.print(f"{tuned.label}: {again} broken off, tried again")

    trials = (
        trials_on_ray(models, cfg, folder) if cfg.ray else trials_here(models, cfg, dataset, folder, console)
    )
    for tuned, came in trials:
        best = tuned.best
        so_far = f", best {best.value:.3f}" if best else ""
        console.print(f"{tuned.label} {tuned.n_done} of {cfg.trials}: {came}{so_far}")
        keep_best(tuned, title, folder)
    for tuned in models:
        keep_best(tuned, title, folder)  # which was broken off, perhaps, when the last trial was done
    page = write_sweep_report(folder, models, cfg, title, noted_commands(folder))
    for tuned in models:
        if tuned.best:
            file = folder / f"{tuned.label}.yaml"
            console.print(
                f"{tuned.label}: {tuned.best.value:.3f} bits per hold on valid, {file}", soft_wrap=True
            )
    console.print(f"Report: {page}", soft_wrap=True)


def keep_best(tuned: Tuned, title: str, folder: Path) -> None:
    """Write the best config that a model has so far."""
    if found := best_config(tuned, title):
        save_config(found, folder / f"{tuned.label}.yaml")


def trials_here(
    models: list[Tuned], cfg: DictConfig, dataset: Dataset, folder: Path, console: Console
) -> Iterator[tuple[Tuned, str]]:
    """The same as `trials_on_ray`, one after the other in this process."""
    shown = console if console.is_terminal else Console(quiet=True)
    for number in range(cfg.trials):
        for tuned in models:
            if tuned.n_done <= number:
                yield tuned, next_trial(tuned, dataset, folder, shown)


if __name__ == "__main__":
    main()

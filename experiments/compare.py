"""Train (or load) several generators, judge them all by the same code, and write one report folder.

python -m experiments.compare                                   # on the built-in board
python -m experiments.compare data.path=DIR network=base budget.minutes=3 'seeds=[0,1,2]'
python -m experiments.compare data.path=DIR 'seeds=[0,1,2]' ray=local  # networks trained side by side
python -m experiments.compare 'models=[gpt,climbs.jsonl]'       # and climbs that another generator made
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.judging import judge
from experiments.model_config import is_config, known_models, load_model, settings_of, typed_keys
from experiments.report import drawn, report_of, write_report
from experiments.report.pictures import sections
from experiments.report.track import log_comparison
from experiments.run_folder import at_work, new_run_folder, note_command, noted_commands, resumed, save_config
from experiments.side_by_side import run_folder, train_on_ray
from experiments.training import check_trainable, finished
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.generators.registry import GENERATORS
from setgen.metrics.context import Context


@experiment("compare")
def main(cfg: DictConfig) -> None:
    console, resumes = Console(), bool(cfg.resume)
    if resumes:
        folder, cfg = resumed(cfg)
        dataset, _ = open_dataset(cfg)
    else:
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        check(cfg)
        settings = {name: own_settings(cfg, name) for name in map(str, cfg.models) if is_config(name)}
        check_labels(settings)
        for one in settings.values():
            check_trainable(one, dataset.space)
        folder = new_run_folder(Path(cfg.runs) / "compare", where.name, where)
    with at_work(folder, "compare"):
        note_command(folder, "compare")
        if not resumes:
            cfg.models = [
                keep(settings[name], folder) if name in settings else name for name in map(str, cfg.models)
            ]
            save_config(cfg, folder / "config.yaml")
        compare(cfg, dataset, folder, console)


def compare(cfg: DictConfig, dataset: Dataset, folder: Path, console: Console) -> None:
    """Train what is not trained yet, judge all, and leave the report in the folder."""
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    console.print(
        f"[bold]Comparing {', '.join(map(_short, cfg.models))}[/] on {dataset.card['title']}: {folder}",
        soft_wrap=True,
    )

    # A run that is trained already has its own seed and is judged once.
    runs = [
        (str(name), seed)
        for i, seed in enumerate(cfg.seeds)
        for name in cfg.models
        if i == 0 or is_config(str(name))
    ]
    if cfg.ray:
        train_on_ray(cfg, [run for run in runs if is_config(run[0])], folder, console)
    reference = Context.of_dataset(dataset, cfg.evaluation.seed)
    judged = []
    for done, (name, seed) in enumerate(runs):
        console.print(f"[dim]{done + 1} of {len(runs)}[/]", end=" ")
        where = run_folder(cfg, dataset, name, seed, folder, console)
        judged.append(judge(cfg, reference, name, where, console, cfg.foreign_code or _is_foreign(name)))
    report = report_of(cfg, reference, judged, noted_commands(folder))
    pictures = drawn(sections(report))
    page = write_report(folder, report, pictures)
    log_comparison(cfg, folder, report, pictures, page)
    console.print(f"Report: {page}", soft_wrap=True)


def own_settings(cfg: DictConfig, name: str) -> DictConfig:
    """The settings that the model of this name is trained with: tuned, where `cfg.tuned` has it."""
    model = load_model(name)
    if cfg.tuned and (Path(cfg.tuned) / f"{name}.yaml").is_file():
        model = load_model(str(Path(cfg.tuned) / f"{name}.yaml"))
    return settings_of(cfg, model, typed_keys())


def check_labels(settings: dict[str, DictConfig]) -> None:
    """Raise InputError when two models have one label: their runs would be mixed."""
    labels = [one.model.label for one in settings.values()]
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise InputError(f"two models are called {min(twice)!r}: change the label in one of the files")


def keep(settings: DictConfig, folder: Path) -> str:
    """Write a model's whole config into the comparison's folder, and return its path."""
    path = folder / "models" / f"{settings.model.label}.yaml"
    path.parent.mkdir(exist_ok=True)
    plain: Any = OmegaConf.to_container(settings, resolve=True)
    save_config({**plain["model"], "training": plain["training"]}, path)
    return str(path)


def check(cfg: DictConfig) -> None:
    """Raise InputError before anything is trained when the comparison cannot be made."""
    if not cfg.models or not cfg.seeds:
        raise InputError("there is nothing to compare: give models=[…] and seeds=[…]")
    for name in map(str, cfg.models):
        if not is_config(name) and not Path(name).exists():
            raise InputError(
                f"model {name!r} is neither a run folder nor a file of climbs, nor one of {known_models()}"
            )
        if not is_config(name) and Path(name).is_dir():
            finished(Path(name), cfg.foreign_code)
    if cfg.tuned and not any((Path(cfg.tuned) / f"{name}.yaml").is_file() for name in cfg.models):
        raise InputError(
            f"{cfg.tuned} has no tuned config of these models: give a folder of experiments.sweep"
        )


def _is_foreign(name: str) -> bool:
    """Whether `name` is the config of a model of other code, which has run already: it was just trained."""
    return is_config(name) and load_model(name).generator not in GENERATORS


def _short(name: str) -> str:
    return Path(name).stem if is_config(name) else name


if __name__ == "__main__":
    main()

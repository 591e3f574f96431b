"""Train (or load) several generators, judge them all by the same code, and write one report folder.

python -m experiments.compare                                   # on the built-in board
python -m experiments.compare data.path=DIR network=base budget.minutes=3 'seeds=[0,1,2]'
python -m experiments.compare 'models=[gpt,climbs.jsonl]'       # and climbs that another generator made
"""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.comparison_report import report_of
from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.judging import judge
from experiments.report import write_report
from experiments.run_folder import new_run_folder
from experiments.tracking import log_comparison
from experiments.train import resumed
from experiments.training import train
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation.reference import Reference

_MODELS = Path(__file__).parent / "conf" / "model"


@experiment("compare")
def main(cfg: DictConfig) -> None:
    console = Console()
    if cfg.resume:
        folder, cfg = resumed(cfg.resume)
        dataset, _ = open_dataset(cfg)
    else:
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        check(cfg)
        folder = new_run_folder(Path(cfg.runs) / "compare", where.name)
        OmegaConf.save(cfg, folder / "config.yaml")
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    names = ", ".join(map(str, cfg.models))
    console.print(f"[bold]Comparing {names}[/] on {dataset.card['title']}: {folder}", soft_wrap=True)

    # A run that is trained already has its own seed and is judged once.
    runs = [
        (str(name), seed)
        for i, seed in enumerate(cfg.seeds)
        for name in cfg.models
        if i == 0 or is_config(str(name))
    ]
    reference = Reference.of(dataset, cfg.evaluation.seed)
    judged = []
    for done, (name, seed) in enumerate(runs):
        console.print(f"[dim]{done + 1} of {len(runs)}[/]", end=" ")
        where = run_folder(cfg, dataset, name, seed, folder, console)
        judged.append(judge(cfg, reference, name, where, console))
    report = report_of(cfg, reference, judged)
    page = write_report(folder, report)
    log_comparison(cfg, folder, report, page)
    console.print(f"Report: {page}", soft_wrap=True)


def is_config(name: str) -> bool:
    """Whether `name` is a model config (and not the folder of a run)."""
    return (_MODELS / f"{name}.yaml").is_file()


def check(cfg: DictConfig) -> None:
    """Raise InputError before anything is trained when the comparison cannot be made."""
    if not cfg.models or not cfg.seeds:
        raise InputError("there is nothing to compare: give models=[…] and seeds=[…]")
    for name in ("samples", "orders", "test_climbs"):
        if cfg.evaluation[name] < 1:
            raise InputError(f"evaluation.{name} is {cfg.evaluation[name]}: give at least 1")
    for name in map(str, cfg.models):
        if not is_config(name) and not Path(name).exists():
            known = "one of " + ", ".join(sorted(p.stem for p in _MODELS.glob("*.yaml")))
            raise InputError(
                f"model {name!r} is neither a run folder nor a file of climbs, nor one of {known}"
            )


def run_folder(
    cfg: DictConfig, dataset: Dataset, name: str, seed: int, folder: Path, console: Console
) -> Path:
    """The finished run of one model and seed: an earlier one, or a file of climbs, where `name` is a path."""
    if not is_config(name):
        return Path(name)
    where = folder / "runs" / f"{name}-seed{seed}"
    where.mkdir(parents=True, exist_ok=True)
    settings = OmegaConf.create({**cfg, "model": OmegaConf.load(_MODELS / f"{name}.yaml")})
    train(settings, dataset, seed, where, console)
    return where


if __name__ == "__main__":
    main()

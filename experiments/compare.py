"""Train (or load) several generators, judge them all by the same code, and write one report folder.

python -m experiments.compare                                   # on the built-in board
python -m experiments.compare data.path=DIR network=base budget.minutes=3 'seeds=[0,1,2]'
"""

from __future__ import annotations

import platform
import shlex
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.report import (
    Comparison,
    Curve,
    DatasetSummary,
    Model,
    Report,
    Run,
    Settings,
    metric_infos,
    numbers_of,
    write_report,
)
from experiments.run_folder import new_run_folder
from experiments.train import resumed
from experiments.training import RunFacts, finished, train
from setgen.dataset.dataset import Dataset
from setgen.dataset.splits import SPLITS
from setgen.errors import InputError
from setgen.evaluation.evaluate_generator import GeneratorEvaluation, evaluate_generator
from setgen.generators.base import Generator

_MODELS = Path(__file__).parent / "conf" / "model"
_PACKAGES = ("setgen", "torch", "lightning", "numpy", "scipy")
_SPEED_BATCH = 256


@dataclass(frozen=True)
class Judged:
    """One run and what the evaluators say of it."""

    name: str
    folder: Path
    facts: RunFacts
    generator: str
    evaluation: GeneratorEvaluation
    climbs_per_second: float


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
    judged = []
    for done, (name, seed) in enumerate(runs):
        console.print(f"[dim]{done + 1} of {len(runs)}[/]", end=" ")
        where = run_folder(cfg, dataset, name, seed, folder, console)
        judged.append(judge(cfg, dataset, name, where, console))
    page = write_report(folder, report_of(cfg, dataset, judged, folder))
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
        if not is_config(name) and not Path(name).is_dir():
            known = ", ".join(sorted(p.stem for p in _MODELS.glob("*.yaml")))
            raise InputError(f"model {name!r} is neither a run folder nor one of {known}")


def run_folder(
    cfg: DictConfig, dataset: Dataset, name: str, seed: int, folder: Path, console: Console
) -> Path:
    """The finished run of one model and seed: an earlier one where `name` is a folder, else trained here."""
    if not is_config(name):
        return Path(name)
    where = folder / "runs" / f"{name}-seed{seed}"
    where.mkdir(parents=True, exist_ok=True)
    settings = OmegaConf.create({**cfg, "model": OmegaConf.load(_MODELS / f"{name}.yaml")})
    train(settings, dataset, seed, where, console)
    return where


def judge(cfg: DictConfig, dataset: Dataset, name: str, folder: Path, console: Console) -> Judged:
    """Evaluate the finished run in `folder` with the evaluators that every model shares."""
    generator, facts = finished(folder)
    options = cfg.evaluation
    began = time.perf_counter()
    with console.status(f"{facts.label}: judging"):
        evaluation = evaluate_generator(
            generator,
            dataset,
            n=options.samples,
            seed=options.seed,
            orders=options.orders,
            test_climbs=options.test_climbs,
        )
        speed = climbs_per_second(generator, dataset)
    bits = evaluation.evaluation["bits per hold"].value
    console.print(f"{facts.label}: {bits:.3f} bits per hold, judged in {time.perf_counter() - began:.0f} s")
    return Judged(name, folder, facts, generator.name, evaluation, speed)


def climbs_per_second(generator: Generator, dataset: Dataset) -> float:
    """Sampling speed in one batch of 256, conditions of test climbs; the first call warms up."""
    prompts = dataset.part("test").without_holds()
    rows = [i % len(prompts) for i in range(_SPEED_BATCH)]
    generator.sample(prompts[rows[:8]])
    began = time.perf_counter()
    generator.sample(prompts[rows], batch_size=_SPEED_BATCH)
    return _SPEED_BATCH / (time.perf_counter() - began)


def report_of(cfg: DictConfig, dataset: Dataset, judged: list[Judged], folder: Path) -> Report:
    """All that the report shows."""
    by_name: dict[str, list[Judged]] = {}
    for one in judged:
        by_name.setdefault(one.name, []).append(one)
    card = dataset.card
    return Report(
        title=f"Generators of climbs on {card['title']}",
        dataset=DatasetSummary(
            card["title"],
            {part: len(dataset.part(part)) for part in SPLITS},
            synthetic=dataset.board.family == "synthetic",
            notes=card.get("warnings", []),
        ),
        board=dataset.board,
        settings=Settings(
            command=shlex.join(["python", "-m", "experiments.compare", *sys.argv[1:]]),
            seeds=list(cfg.seeds),
            budget_seconds=60.0 * cfg.budget.minutes,
            samples=cfg.evaluation.samples,
            orders=cfg.evaluation.orders,
            device=f"{_device(judged)}, {platform.machine()}",
            threads=torch.get_num_threads(),
            other={
                "test climbs scored": cfg.evaluation.test_climbs,
                "network": _said(cfg.network),
                "training": _said(cfg.training),
            },
        ),
        metrics=metric_infos(judged[0].evaluation.evaluation.metrics.values()),
        models=[_model(name, runs) for name, runs in by_name.items()],
        real=dataset.part("test"),
        comparisons=_paired(by_name),
        date=datetime.now().isoformat(timespec="seconds"),
        versions={name: version(name) for name in _PACKAGES},
    )


def _said(settings: DictConfig) -> str:
    return ", ".join(f"{name!s} {value}" for name, value in settings.items())


def _device(judged: list[Judged]) -> str:
    return ", ".join(sorted({one.facts.device for one in judged}))


def _model(name: str, runs: list[Judged]) -> Model:
    first = runs[0]
    return Model(
        label=first.facts.label if first.facts.label == name else name,
        generator=first.generator,
        kind="set" if first.facts.kind == "set" else "baseline",
        n_parameters=first.facts.n_parameters,
        runs=[_run(one) for one in runs],
        samples=first.evaluation.samples,
        note=first.facts.note,
    )


def _run(one: Judged) -> Run:
    facts = one.facts
    return Run(
        seed=facts.seed,
        folder=one.folder.name,
        train_seconds=facts.train_seconds,
        steps=facts.steps,
        epochs=facts.epochs,
        climbs_seen=facts.climbs_seen,
        samples_per_second=one.climbs_per_second,
        curve=Curve(**facts.curve) if facts.curve else None,
        **numbers_of(one.evaluation.evaluation.values),
    )


def _paired(by_name: dict[str, list[Judged]]) -> list[Comparison]:
    """Every two models on the same test climbs in the same orders, seed by seed."""
    return [
        Comparison.of(
            a, b, one.facts.seed, one.evaluation.likelihood.bound, other.evaluation.likelihood.bound
        )
        for a, b in combinations(by_name, 2)
        for one, other in zip(by_name[a], by_name[b], strict=False)
    ]


if __name__ == "__main__":
    main()

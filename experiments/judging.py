"""Judging: what the evaluators that every model shares say of a finished run, or of a file of climbs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.training import RunFacts, finished
from setgen.boards.climbs import Climb, Climbs
from setgen.climb_files import read_climbs
from setgen.dataset.dataset import Dataset
from setgen.evaluation.evaluate import Evaluation, evaluate
from setgen.evaluation.evaluate_generator import evaluate_generator
from setgen.evaluation.order_sensitivity import halves
from setgen.evaluation.reference import Reference
from setgen.generators.base import Generator

_SPEED_BATCH = 64
_PROMPTS = 3
_COMPLETIONS = 2


@dataclass(frozen=True, eq=False)
class Judged:
    """One run, or one file of climbs, and what the evaluators say of it.

    bits: (C,) bits per hold of the test climbs that were scored; None for a file. completions: for each
    prompt of `prompts_of` the climbs made of it; none for a file.
    """

    name: str
    folder: Path
    facts: RunFacts
    generator: str
    evaluation: Evaluation
    samples: Climbs
    bits: np.ndarray | None = None
    climbs_per_second: float | None = None
    completions: tuple[Climbs, ...] = ()


def judge(
    cfg: DictConfig, reference: Reference, name: str, where: Path, console: Console, foreign: bool
) -> Judged:
    """Judge the finished run in the folder `where`, or the climbs in the file `where`.

    foreign: whether the run may be of code that does not come with setgen.
    """
    return (
        judge_file(cfg, reference, name, where, console)
        if where.is_file()
        else judge_run(cfg, reference, name, where, console, foreign)
    )


def judge_run(
    cfg: DictConfig, reference: Reference, name: str, folder: Path, console: Console, foreign: bool
) -> Judged:
    """By the climb metrics and by what needs the model."""
    generator, facts = finished(folder, foreign)
    options, dataset = cfg.evaluation, reference.dataset
    began = time.perf_counter()
    with console.status(f"{facts.label}: judging"):
        found = evaluate_generator(
            generator,
            reference,
            n=options.samples,
            seed=options.seed,
            orders=options.orders,
            test_climbs=options.test_climbs,
        )
        speed = climbs_per_second(generator, dataset)
        completions = tuple(
            generator.sample(Climbs.from_list([given] * _COMPLETIONS), seed=options.seed)
            for given, _ in prompts_of(dataset, options.seed)
        )
    bits = found.evaluation["bits per hold"].value
    console.print(f"{facts.label}: {bits:.3f} bits per hold, judged in {time.perf_counter() - began:.0f} s")
    return Judged(
        name,
        folder,
        facts,
        generator.name,
        found.evaluation,
        found.samples,
        found.likelihood.bound,
        speed,
        completions,
    )


def judge_file(cfg: DictConfig, reference: Reference, name: str, path: Path, console: Console) -> Judged:
    """By the climb metrics alone: a file has no likelihood. Illegal climbs are judged as they are.

    Of more climbs than each model draws, so many are drawn: most metrics depend on the number.
    """
    climbs, most = read_climbs(path, reference.dataset.board, check=False), cfg.evaluation.samples
    if len(climbs) > most:
        console.print(f"{path.name}: {most} of {len(climbs)} climbs are judged, as many as of each model")
        climbs = climbs.at_most(most, cfg.evaluation.seed)
    began = time.perf_counter()
    with console.status(f"{path.name}: judging"):
        evaluation = evaluate(climbs, reference)
    console.print(f"{path.name}: {len(climbs)} climbs, judged in {time.perf_counter() - began:.0f} s")
    facts = RunFacts(path.stem, "file", f"{len(climbs)} climbs", 0)
    return Judged(name, path, facts, "", evaluation, climbs)


def prompts_of(dataset: Dataset, seed: int) -> list[tuple[Climb, Climb]]:
    """(half of a climb, the climb) of three test climbs, drawn with `seed`."""
    chosen = dataset.part("test").at_most(_PROMPTS, seed)
    return list(zip(halves(chosen, seed), chosen, strict=True))


def climbs_per_second(generator: Generator, dataset: Dataset) -> float:
    """Sampling speed in one batch of 64, conditions of test climbs; the first call warms up."""
    prompts = dataset.part("test").without_holds()
    rows = [i % len(prompts) for i in range(_SPEED_BATCH)]
    generator.sample(prompts[rows[:8]])
    began = time.perf_counter()
    generator.sample(prompts[rows], batch_size=_SPEED_BATCH)
    return _SPEED_BATCH / (time.perf_counter() - began)

"""Judging: what the evaluators that every model shares say of a finished run, or of a file of sets."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from experiments.training import RunFacts, finished
from setgen.climbing.board import Board
from setgen.generators.base import Generator
from setgen.metrics.context import Context
from setgen.metrics.evaluate import Evaluation, evaluate, evaluate_generator
from setgen.metrics.likelihood import halves
from setgen.sets.space import Space

_SPEED_BATCH = 64
_PROMPTS = 3
_COMPLETIONS = 2


@dataclass(frozen=True, eq=False)
class Judged:
    """One run, or one file of sets, and what the evaluators say of it.

    completions: for each prompt of `prompts_of` the sets made of it; none for a file.
    """

    name: str
    folder: Path
    facts: RunFacts
    generator: str
    evaluation: Evaluation
    sets_per_second: float | None = None
    completions: tuple[Any, ...] = ()


def judge(
    cfg: DictConfig, reference: Context, name: str, where: Path, console: Console, foreign: bool
) -> Judged:
    """Judge the finished run in the folder `where`, or the sets in the file `where`.

    foreign: whether the run may be of code that does not come with setgen.
    """
    began = time.perf_counter()
    if where.is_file():
        found = _judge_file(cfg, reference, name, where, console)
        said = f"{found.evaluation.n} {reference.words['sets']}"
    else:
        found = _judge_run(cfg, reference, name, where, console, foreign)
        bits = f"bits per {reference.words['item']}"
        said = f"{found.evaluation[bits].value:.3f} {bits}"
    console.print(f"{found.facts.label}: {said}, judged in {time.perf_counter() - began:.0f} s")
    return found


def _judge_run(
    cfg: DictConfig, reference: Context, name: str, folder: Path, console: Console, foreign: bool
) -> Judged:
    """By the metrics of sets and by those that need the model."""
    generator, facts = finished(folder, foreign)
    options, test = cfg.evaluation, reference.data.part("test")
    with console.status(f"{facts.label}: judging"):
        found = evaluate_generator(
            generator,
            reference,
            n=options.samples,
            seed=options.seed,
            orders=options.orders,
            test_sets=options.test_climbs,
        )
        speed = sets_per_second(generator, test)
        given = prompts_of(test, options.seed)[0]
        completions = tuple(
            generator.sample(given[[i] * _COMPLETIONS], seed=options.seed) for i in range(len(given))
        )
    return Judged(name, folder, facts, generator.name, found, speed, completions)


def _judge_file(cfg: DictConfig, reference: Context, name: str, path: Path, console: Console) -> Judged:
    """By the metrics of sets alone: a file has no likelihood. What breaks rules is judged as it is.

    Of more sets than each model draws, so many are drawn: most metrics depend on the number.
    """
    sets, most, word = read_file(reference.space, path), cfg.evaluation.samples, reference.words["sets"]
    if len(sets) > most:
        console.print(f"{path.name}: {most} of {len(sets)} {word} are judged, as many as of each model")
        sets = sets.at_most(most, cfg.evaluation.seed)
    with console.status(f"{path.name}: judging"):
        evaluation = evaluate(sets, reference)
    return Judged(name, path, RunFacts(path.stem, "file", f"{len(sets)} {word}", 0), "", evaluation)


def read_file(space: Space, path: Path) -> Any:
    """The sets in a file, as `setgen generate` writes them. Raises InputError."""
    from setgen.climbing.climb_files import read_climbs, read_text
    from setgen.sets.text import read_sets

    if isinstance(space, Board):
        return read_climbs(path, space, check=False)
    return read_sets(space, read_text(path), check=False)  # type: ignore[arg-type]


def prompts_of(test: Any, seed: int) -> tuple[Any, Any]:
    """(half of a set, the set) of three test sets, drawn with `seed`: two collections."""
    chosen = test.at_most(_PROMPTS, seed)
    return halves(chosen, seed), chosen


def sets_per_second(generator: Generator, test: Any) -> float:
    """Sampling speed in one batch of 64, conditions of test sets; the first call warms up."""
    prompts = test.emptied()
    rows = [i % len(prompts) for i in range(_SPEED_BATCH)]
    generator.sample(prompts[rows[:8]])
    began = time.perf_counter()
    generator.sample(prompts[rows], batch_size=_SPEED_BATCH)
    return _SPEED_BATCH / (time.perf_counter() - began)

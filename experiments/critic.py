"""What a critic brings: a model's bare draws beside the best of some and resampled ones, as other judges see them.

python -m experiments.critic 'models=[runs/mine]' data.path=DIR
python -m experiments.critic resume=FOLDER                   # go on where it was interrupted

The critic is a set transformer on the items and what was asked for; none of the judges is, and none is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from rich.console import Console

from experiments.hydra_main import experiment
from experiments.run_folder import begun, note_numbers, noted_commands, noted_numbers, write_json
from experiments.samplers import MEASURED, estimates, load_models
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.files import read_json, write_whole
from setgen.generators.base import Generator
from setgen.generators.critic import (
    WAYS,
    Critic,
    Schedule,
    chosen,
    cross_entropy,
    fit_critic,
    load_critic,
)
from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate
from setgen.metrics.evaluate import estimate, floor_of
from setgen.metrics.metric import Metric

BARE = "bare"

Found = dict[str, tuple[float, float | None]]
"""Metric of MEASURED → value and standard error, where the space has it."""


@dataclass(frozen=True)
class Taught:
    """A critic, the seconds that its draws and training took, and its cross-entropy on validation sets it has
    not been stopped by: nats a set, log 2 where it cannot tell."""

    critic: Critic
    seconds: float
    nats: float


@experiment("critic")
def main(cfg: DictConfig) -> None:
    with begun(cfg, "critic", models_of) as (cfg, dataset, models, folder):
        choose(cfg, dataset, models, folder, Console())


def models_of(cfg: DictConfig, dataset: Dataset) -> dict[str, Generator]:
    """The models by their folders. Raises InputError before anything is trained when there is nothing to do."""
    if not cfg.models or not cfg.seeds:
        raise InputError("there is nothing to choose from: give models=[FOLDER, …] and seeds=[…]")
    return load_models(cfg, dataset)


def choose(
    cfg: DictConfig, dataset: Dataset, models: dict[str, Generator], folder: Path, console: Console
) -> None:
    """Teach and judge the critics that are missing, and leave the page in the folder."""
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    console.print(f"[bold]A critic[/] of {dataset.card['title']}: {folder}", soft_wrap=True)
    reference, schedule = Context.of_dataset(dataset), Schedule(draws=cfg.draws, steps=cfg.training_steps)
    store = folder / "critic.json"
    rows: list[dict[str, Any]] = read_json(store) or []
    for path, generator in models.items():
        label = Path(path).name
        for seed in cfg.seeds:
            if any((row["model"], row["seed"]) == (label, seed) for row in rows):
                continue
            with console.status(f"{label}: teaching a critic, seed {seed}"):
                taught = teach(generator, dataset, seed, schedule, folder / f"{label}-seed{seed}")
            with console.status(f"{label}: judging what it chooses, seed {seed}"):
                found = judged(taught.critic, generator, reference, seed, cfg)
            rows += [{"model": label, "seed": seed, **row} for row in found]
            said = f"{taught.nats:.3f} nats of {np.log(2):.3f}, {taught.seconds:.0f} s"
            console.print(f"{label}, seed {seed}: the critic is left with {said}")
            rows[-1] |= {"nats": taught.nats, "seconds": taught.seconds}
            write_json(store, rows)
    floors = measured(reference, lambda c, metric: floor_of(c, metric, cfg.samples))
    text = markdown(rows, floors, dataset.card["title"], cfg, noted_commands(folder))
    write_whole(folder / "critic.md", text.encode())
    console.print(text, markup=False, soft_wrap=True)
    console.print(f"Page: {folder / 'critic.md'}", soft_wrap=True)


def teach(generator: Generator, dataset: Dataset, seed: int, schedule: Schedule, where: Path) -> Taught:
    """A critic of the training sets, and what it makes of test sets and draws for what was asked in them; read
    where it is taught already.

    What is noted of it comes last: a critic without that is taught again.
    """
    if noted := noted_numbers(where, "seconds", "nats"):
        return Taught(load_critic(where), *noted)
    began = time.perf_counter()
    critic = fit_critic(generator, dataset, seed, schedule=schedule)
    seconds = time.perf_counter() - began
    real = dataset.part("test").at_most(schedule.judged, seed)
    nats = cross_entropy(critic, real, generator.sample(real.emptied(), seed=seed))
    critic.save(where)
    note_numbers(where, seconds=seconds, nats=nats)
    return Taught(critic, seconds, nats)


def judged(
    critic: Critic, generator: Generator, reference: Context, seed: int, cfg: DictConfig
) -> list[dict[str, Any]]:
    """A row for each way: its name, milliseconds a set and the metrics. All choose among the same draws, of which
    the first for each prompt are the bare ones."""
    real = Context.of_dataset(reference.data, seed)
    asked = real.asking(generator, cfg.samples).raw
    generator.sample(asked[:8], seed=seed)  # warms up
    began = time.perf_counter()
    draws = generator.sample(asked[np.repeat(np.arange(len(asked)), cfg.choices)], seed=seed)
    drawing = time.perf_counter() - began
    began = time.perf_counter()
    scores = critic.score(draws).reshape(len(asked), cfg.choices)
    choosing = time.perf_counter() - began
    first = np.arange(len(asked)) * cfg.choices
    rows = []
    for way in (BARE, *WAYS):
        column = np.zeros(len(asked), dtype=int) if way == BARE else chosen(scores, way, seed)
        spent = drawing / cfg.choices if way == BARE else drawing + choosing
        found = measured(reference.judging(draws[first + column]), estimate)
        rows.append({"way": way, "milliseconds": 1000 * spent / len(asked), "metrics": found})
    return rows


def measured(c: Context, of: Callable[[Context, Metric], Estimate | None]) -> Found:
    """The metrics of MEASURED that there are, or their floors."""
    return {name: (found.value, found.standard_error) for name, found in estimates(c, of).items()}


def markdown(rows: list[dict[str, Any]], floors: Found, title: str, cfg: DictConfig, commands: str) -> str:
    """The page: a row for each model and way, means over seeds."""
    ways = {
        BARE: "bare draws",
        "best": f"best of {cfg.choices}",
        "resampled": f"resampled among {cfg.choices}",
    }
    names = [name for name in MEASURED if any(name in row["metrics"] for row in rows)]
    lines = [
        f"# Choosing by a critic: {title}",
        "",
        f"{cfg.samples} sets of each way, under conditions of test sets; means over seeds {list(cfg.seeds)}, "
        "± the standard error of one seed.",
        "",
        "```bash",
        commands,
        "```",
        "",
        f"| model | way | {' | '.join(names)} | milliseconds a set |",
        f"| --- | --- |{' --: |' * len(names)} --: |",
    ]
    for model in dict.fromkeys(row["model"] for row in rows):
        for way, said in ways.items():
            own = [row for row in rows if (row["model"], row["way"]) == (model, way)]
            cells = [_shown([row["metrics"].get(name) for row in own]) for name in names]
            cost = np.mean([row["milliseconds"] for row in own])
            lines.append(f"| {model} | {said} | {' | '.join(cells)} | {cost:.1f} |")
    cells = [_shown([floors.get(name)]) for name in names]
    return "\n".join([*lines, f"| real | training sets | {' | '.join(cells)} | |"]) + "\n"


def _shown(found: list[tuple[float, float | None] | None]) -> str:
    known = [one for one in found if one is not None]
    if not known:
        return ""
    errors = [error for _, error in known if error is not None]
    value = f"{np.mean([value for value, _ in known]):.3f}"
    return f"{value} ± {np.mean(errors):.3f}" if errors else value


if __name__ == "__main__":
    main()

"""Quality against network calls: every way of revealing holds, for trained models, on one page.

python -m experiments.samplers 'models=[runs/mine]' data.path=data/synthetic-20000
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from rich.console import Console

from experiments.hydra_main import experiment
from experiments.run_folder import begun, noted_commands, write_json
from experiments.sampler_page import markdown, picture
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.figures import save_figure
from setgen.files import write_whole
from setgen.generators.base import Generator
from setgen.generators.denoiser import Denoiser
from setgen.generators.orders import random_orders
from setgen.generators.profiling import measure_profile
from setgen.generators.registry import load_generator
from setgen.generators.sampling import Sampling
from setgen.generators.unmasking import Unmasking
from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate
from setgen.metrics.evaluate import estimate, floor_of
from setgen.metrics.likelihood import bits_of_all
from setgen.metrics.metric import Metric, Unavailable, metrics_of
from setgen.sets.batch import SetBatch, to_batch

MEASURED = (
    "two-sample AUC (trees)",
    "two-sample AUC (Deep Sets)",
    "precision (Jaccard)",
    "recall (Jaccard)",
    "sensible",
    "Vendi score",
    "grade error ratio",
)
"""Of the table of `metrics.evaluate`, what the page shows."""


def suits(how: Sampling, generator: Generator) -> bool:
    """Whether the generator can draw this way."""
    return generator.blocks or how.unmasking == Unmasking()


@experiment("samplers")
def main(cfg: DictConfig) -> None:
    with begun(cfg, "samplers", models_of) as (cfg, dataset, models, folder):
        sample(cfg, dataset, models, folder, Console())


def models_of(cfg: DictConfig, dataset: Dataset) -> dict[str, Generator]:
    """The models by their folders. Raises InputError before anything is measured when there is nothing to do."""
    if not cfg.models or not cfg.seeds:
        raise InputError("there is nothing to measure: give models=[FOLDER, …] and seeds=[…]")
    unknown = [name for name in cfg.only if name not in cfg.ways]
    if unknown:
        raise InputError(f"there is no way {unknown[0]!r}: choose among {'; '.join(cfg.ways)}")
    for name in cfg.only or cfg.ways:
        way_of(str(name), cfg.ways[name], (0.0, 0.0))
    return load_models(cfg, dataset)


def sample(
    cfg: DictConfig, dataset: Dataset, models: dict[str, Generator], folder: Path, console: Console
) -> None:
    """Measure the points that are missing, and leave the page in the folder."""
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    console.print(f"[bold]Ways to reveal[/] on {dataset.card['title']}: {folder}", soft_wrap=True)
    store = folder / "points.json"
    points: list[dict[str, Any]] = json.loads(store.read_text()) if store.is_file() else []
    reference = Context.of_dataset(dataset)
    for path, generator in models.items():
        # Models that do not unmask have no profile and need none: ways that want one do not suit them.
        profile: tuple[float, ...] = (0.0, 0.0)
        if isinstance(generator, Denoiser):
            profile = measure_profile(generator, dataset.part("valid"))
        for name in cfg.only or cfg.ways:
            way = way_of(str(name), cfg.ways[name], profile)
            for seed in cfg.seeds:
                known = any((p["model"], p["way"], p["seed"]) == (path, name, seed) for p in points)
                if known or not suits(way, generator):
                    continue
                point = measure(generator, reference, way, seed, cfg)
                label = Path(path).name
                points.append({"model": path, "label": label, "way": name, "seed": seed, **point})
                write_json(store, points)
                said = f"{point['calls']:.1f} calls, AUC {point['two-sample AUC (trees)']:.3f}"
                console.print(f"{label}, {name}, seed {seed}: {said}", soft_wrap=True)
    if not points:
        raise InputError("none of these models can be drawn from in any of these ways")
    floors = measured(reference, lambda c, metric: floor_of(c, metric, cfg.samples))
    write_whole(folder / "samplers.md", markdown(points, floors, dataset, noted_commands(folder)).encode())
    save_figure(picture(points, floors), folder / "samplers.png")
    console.print(f"Page: {folder / 'samplers.md'}", soft_wrap=True)


def load_models(cfg: DictConfig, dataset: Dataset) -> dict[str, Generator]:
    """The models by their folders. Raises InputError for one that is none, or of another board."""
    models = {str(path): load_generator(path, cfg.foreign_code) for path in cfg.models}
    if len({Path(path).name for path in models}) < len(cfg.models):
        raise InputError("two of the models have one name: rename a folder, or link to it by another name")
    for path, generator in models.items():
        if not np.array_equal(generator.space.keys, dataset.board.keys):
            raise InputError(
                f"{path} is of another board than {dataset.card['title']}: give its own data.path"
            )
    return models


def way_of(name: str, options: Any, profile: tuple[float, ...]) -> Sampling:
    """The way that a config describes; the optimal schedule gets the measured profile."""
    if not isinstance(options, DictConfig):
        raise InputError(f"way {name!r} is {options}: give options, such as {{calls: 4}}")
    given: dict[str, Any] = dict(options)  # type: ignore[arg-type]
    plain = {f.name: given.pop(f.name) for f in fields(Sampling) if f.name in given}
    if given.get("schedule") == "optimal":
        given["profile"] = profile
    try:
        return Sampling(**plain, unmasking=Unmasking(**given))
    except (TypeError, ValueError) as error:
        raise InputError(f"way {name!r}: {error}") from None


def measure(
    generator: Generator, reference: Context, way: Sampling, seed: int, cfg: DictConfig
) -> dict[str, float | None]:
    """One point: calls a climb, climbs a second, the metrics of MEASURED, and bits where they exist."""
    real = Context.of_dataset(reference.data, seed)
    asked = real.asking(generator, cfg.samples).raw
    generator.sample(asked[:8], way, seed=seed)  # warms up
    with counted_rows(generator) as rows:
        began = time.perf_counter()
        climbs = generator.sample(asked, way, seed=seed)
        spent = time.perf_counter() - began
    calls = sum(rows) / len(climbs) if rows else float(climbs.sizes.mean()) * (2 if way.guidance else 1)
    return {
        "calls": calls,
        "climbs per second": len(climbs) / spent,
        **measured(reference.judging(climbs), estimate),
        "bits per hold": bits(generator, real, way, cfg),
    }


@contextmanager
def counted_rows(generator: Generator) -> Iterator[list[int]]:
    """Inside, how many rows each network call of a denoiser has is collected."""
    rows: list[int] = []
    if not isinstance(generator, Denoiser):
        yield rows
        return
    real = generator.element_logits

    def counting(known: SetBatch, remaining: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        rows.append(len(remaining))
        return real(known, remaining, table)

    generator.element_logits = counting  # type: ignore[method-assign]
    try:
        yield rows
    finally:
        del generator.element_logits


@torch.no_grad()
def bits(generator: Generator, real: Context, way: Sampling, cfg: DictConfig) -> float | None:
    """Bits per hold of the process, on test climbs; None where its likelihood is not known."""
    if not (way.unmasking.has_likelihood and way == Sampling(unmasking=way.unmasking)):
        return None
    climbs = real.test_sets[: cfg.test_climbs]
    batch = to_batch(generator.space, climbs, generator.device)
    orders = random_orders(climbs.sizes, cfg.orders, real.seed).to(generator.device)
    nats = generator.log_likelihood(batch, orders, unmasking=way.unmasking if generator.blocks else None)
    together = nats.double().logsumexp(1) - np.log(cfg.orders)
    return bits_of_all(together.cpu().numpy(), climbs.sizes).value


def measured(c: Context, of: Callable[[Context, Metric], Estimate | None]) -> dict[str, float | None]:
    """The metrics of MEASURED, or their floors; None where there is none."""
    found = estimates(c, of)
    return {name: found[name].value if name in found else None for name in MEASURED}


def estimates(c: Context, of: Callable[[Context, Metric], Estimate | None]) -> dict[str, Estimate]:
    """The metrics of MEASURED that there are, or their floors."""
    table, found = metrics_of(c.space), {}
    for name in MEASURED:
        with suppress(Unavailable):
            if name in table and (value := of(c, table[name])) is not None:
                found[name] = value
    return found


if __name__ == "__main__":
    main()

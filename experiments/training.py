"""Train one model in a run folder: config in, model folder and run.json out, gone on with after a break."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import rich.progress
import torch
from lightning_fabric import Fabric
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from experiments.option_values import check_values
from experiments.run_folder import write_json
from experiments.tracking import log_model, log_step, tracking
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.files import parse_json
from setgen.generators.base import Generator
from setgen.generators.registry import generator_class, load_generator
from setgen.generators.transfer import begun_from
from setgen.sets.space import Space
from setgen.training import Callback, Options, Point, Progress, Training, make_fabric, seed_all


@dataclass(frozen=True)
class RunFacts:
    """What a finished run says of itself in run.json. curve: name → its value at each validation."""

    label: str
    kind: str
    note: str
    seed: int
    n_parameters: int = 0
    device: str = "none"
    train_seconds: float = 0.0
    steps: int = 0
    epochs: float = 0.0
    climbs_seen: int = 0
    best_valid_bits_per_hold: float | None = None
    curve: dict[str, list[Any]] | None = None

    @classmethod
    def load(cls, folder: Path) -> RunFacts:
        """Read run.json. Raises InputError when the run is not finished."""
        try:
            return cls(**parse_json((folder / "run.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InputError(f"{folder} holds no finished run: run.json is missing") from None
        except (TypeError, ValueError) as error:
            raise InputError(f"{folder / 'run.json'} is damaged: {error}") from None


def untrained(model: DictConfig, space: Space, init: str | None = None) -> Generator:
    """The generator that a model config describes, as it is built. init: the folder of a trained one of another
    space, to begin with what it learned. Raises InputError for unknown options, or an `init` that does not fit."""
    kind = generator_class(model.generator)
    if not isinstance(model.config, DictConfig):
        raise InputError(f"model {model.label}: config is {model.config}, give it options")
    options: Any = OmegaConf.to_container(model.config, resolve=True)
    try:
        config = kind.Config(**options)
    except (TypeError, InputError) as error:
        raise InputError(f"model {model.label}: {error}") from None
    if init is None:
        return kind(space, config)
    source = load_generator(init)
    try:
        return begun_from(source, kind, space, config)
    except InputError as error:
        raise InputError(f"init={init}: {error}") from None


def check_trainable(settings: DictConfig, space: Space) -> None:
    """Raise InputError when `train` would refuse these settings: to be asked before a folder is made."""
    check_values(settings)
    untrained(settings.model, space, settings.get("init"))


def build_generator(model: DictConfig, dataset: Dataset, init: str | None = None) -> Generator:
    """The generator that `untrained` makes, with its counts taken from training climbs."""
    generator = untrained(model, dataset.space, init)
    generator.fit_counts(dataset.part("train"))
    return generator


def train(
    cfg: DictConfig,
    dataset: Dataset,
    seed: int,
    folder: Path,
    console: Console,
    *callbacks: Callback,
    fabric: Fabric | None = None,
) -> RunFacts:
    """Train `cfg.model` and leave folder/model and folder/run.json; go on where an earlier try stopped.

    A run that is finished is not trained again. callbacks: see `Training.run`. fabric: of several processes,
    only the first one writes.
    """
    check_values(cfg)
    if (folder / "run.json").is_file():
        return RunFacts.load(folder)
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    seed_all(seed)
    generator = build_generator(cfg.model, dataset, cfg.get("init"))
    if cfg.get("init"):
        taken = f"{generator.taken_over:,} of {generator.n_parameters:,} parameters"
        console.print(f"{cfg.model.label}: begins with {taken} of {cfg.init}", soft_wrap=True)
    facts = RunFacts(cfg.model.label, cfg.model.kind, cfg.model.note, seed)
    fabric = fabric or make_fabric(cfg.training.precision)
    tracked = tracking(cfg, folder, cfg.model.label) if fabric.is_global_zero else nullcontext()
    with tracked as run:
        if generator.n_parameters:
            told = [*callbacks, *([log_step(run)] if run else [])]
            facts = _fit(cfg, generator, dataset, facts, folder, console, told, fabric)
        else:
            console.print(f"{cfg.model.label}: counted, nothing to train")
        if not fabric.is_global_zero:
            return facts
        generator.eval().save(folder / "model")
        write_json(folder / "run.json", asdict(facts))
        if run:
            log_model(run, generator, dataset.part("valid").emptied(), folder, asdict(facts))
    return facts


def _fit(
    cfg: DictConfig,
    generator: Generator,
    dataset: Dataset,
    facts: RunFacts,
    folder: Path,
    console: Console,
    callbacks: list[Callback],
    fabric: Fabric,
) -> RunFacts:
    given: Any = OmegaConf.to_container(cfg.training, resolve=True)
    valid = dataset.part("valid").at_most(given.pop("valid_climbs"), 0)
    budget = cfg.budget
    options = Options(seconds=60.0 * budget.minutes, steps=budget.steps, clock=budget.clock, **given)
    work = Training(generator, dataset.part("train"), valid, options, facts.seed, folder, fabric)
    with Bar(f"{facts.label}, seed {facts.seed}", dataset.space.item_word, console) as bar:
        now = work.run(bar, *callbacks)
    curve: dict[str, list[Any]] = {
        "seconds": [point.seconds for point in now.curve],
        "step": [point.step for point in now.curve],
        "train_loss": [point.train_loss for point in now.curve],
        "valid_bits_per_hold": [point.valid_bits for point in now.curve],
    }
    seen = now.step * work.batches.size
    return replace(
        facts,
        n_parameters=generator.n_parameters,
        device=str(work.fabric.device),
        train_seconds=round(now.seconds, 1),
        steps=now.step,
        epochs=round(seen / len(work.sets), 2),
        climbs_seen=seen,
        best_valid_bits_per_hold=now.best if math.isfinite(now.best) else math.nan,
        curve=curve,
    )


class Bar:
    """A bar over the budget with the time left; a plain line a validation where no one watches."""

    def __init__(self, label: str, item: str, console: Console) -> None:
        self.label, self.item, self.console = label, item, console
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        news = TextColumn("{task.fields[news]}")
        self.bar = rich.progress.Progress(*columns, news, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task(label, total=1.0, news="")

    def __call__(self, now: Progress, point: Point | None) -> None:
        if point is None:
            self.bar.update(self.task, completed=now.share)
            return
        news = f"step {point.step}, {point.valid_bits:.3f} bits per {self.item}"
        self.bar.update(self.task, news=news)
        if not self.console.is_terminal:
            self.console.print(f"{self.label}: {now.share:.0%}, {news}")

    def __enter__(self) -> Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()


def finished(folder: Path, foreign: bool = False) -> tuple[Generator, RunFacts]:
    """The trained generator and the facts of a finished run folder; foreign: see `load_generator`."""
    return load_generator(folder, foreign), RunFacts.load(folder)

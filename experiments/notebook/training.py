"""Short trainings for a notebook: an experiment's own, quiet, in a folder that is gone afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hydra import compose, initialize_config_dir
from rich.console import Console

import experiments
from experiments.hydra_main import quieten
from experiments.training import RunFacts, finished, train
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.generators.base import Generator

_CONFIGS = str(Path(experiments.__file__).parent / "conf")


@dataclass(frozen=True, eq=False)
class Trained:
    """A generator in eval mode and the facts of its training."""

    generator: Generator
    facts: RunFacts


def train_model(
    model: str,
    dataset: Dataset,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    network: str = "small",
) -> Trained:
    """Train `model`, a name in experiments/conf/model, as `python -m experiments.train` does.

    Give one budget: seconds of training in processor time, the same for every model whatever else the machine
    does, or steps, which make it repeatable.
    network: a name in experiments/conf/network.
    """
    if (seconds is None) == (steps is None):
        raise InputError("give a training either seconds or steps")
    budget = (
        [f"budget.minutes={seconds / 60}", "budget.clock=processor"]
        if seconds is not None
        else ["budget.minutes=60"]
    )
    if steps is not None:
        budget.append(f"budget.steps={steps}")
    quieten()
    with initialize_config_dir(_CONFIGS, version_base="1.3"):
        cfg = compose("train", [f"model={model}", f"network={network}", "wandb.mode=disabled", *budget])
    with TemporaryDirectory(prefix="setgen-notebook-") as folder:
        train(cfg, dataset, seed, Path(folder), Console(quiet=True))
        return Trained(*finished(Path(folder)))

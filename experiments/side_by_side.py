"""The runs of a comparison, one after the other or side by side on Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.hydra_main import quieten
from experiments.model_config import is_config, load_model, settings_of
from experiments.training import RunFacts, train
from setgen import cluster
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.sets.dataset import load_dataset


def run_folder(
    cfg: DictConfig, dataset: Dataset, name: str, seed: int, folder: Path, console: Console
) -> Path:
    """The finished run of one model and seed: an earlier one, or a file of climbs, where `name` is a path."""
    if not is_config(name):
        return Path(name)
    settings = settings_of(cfg, load_model(name))
    where = folder / "runs" / f"{settings.model.label}-seed{seed}"
    where.mkdir(parents=True, exist_ok=True)
    train(settings, dataset, seed, where, console)
    return where


def train_on_ray(cfg: DictConfig, runs: list[tuple[str, int]], folder: Path, console: Console) -> None:
    """Train every model with every seed, as many at once as find room; one that broke off is gone on with.

    runs: (model config, seed). Raises InputError.
    """
    plain: Any = OmegaConf.to_container(cfg, resolve=True)
    plain["data"]["path"] = str(Path(cfg.data.path).absolute())
    with cluster.connected(cfg.ray) as engine:
        train_one = engine.remote(**cluster.share(engine, cfg.threads), max_retries=cluster.TRIES)(_train)
        running = [
            train_one.remote(plain, str(Path(name).absolute()), seed, folder.absolute())
            for name, seed in runs
        ]
        for done in range(len(running)):
            (first,), running = engine.wait(running)
            with cluster.own_errors(engine):
                console.print(f"[dim]{done + 1} of {len(runs)}[/] {engine.get(first)}")


def _train(plain: dict[str, Any], name: str, seed: int, folder: Path) -> str:
    """In a process of Ray's: one run, and what to say of it."""
    quieten()
    check_shared(folder)
    cfg = OmegaConf.create(plain)
    where = run_folder(cfg, load_dataset(cfg.data.path), name, seed, folder, Console(quiet=True))
    facts = RunFacts.load(where)
    return f"{facts.label}, seed {seed}: trained in {facts.train_seconds:.0f} s"


def check_shared(folder: Path) -> None:
    """Raise InputError where a process of Ray's does not see the folder of the one that started it."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not on every machine: a cluster needs a disk that all machines share")

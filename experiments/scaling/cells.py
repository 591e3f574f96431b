"""Cells of the grid: one model of one size, trained on so many climbs, and its bits per hold on test."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from experiments.model_config import MODELS, load_model, settings_of
from experiments.run_folder import write_json
from experiments.training import finished, train
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.climbing.sources.synthetic_likelihood import true_bits
from setgen.errors import InputError
from setgen.metrics.estimate import ratio
from setgen.metrics.likelihood import likelihood
from setgen.sets.splits import SPLITS

_NETWORKS = MODELS.parent / "network"
_COUNTED, _COUNTED_SEED = 100_000, 2**31 - 1  # climbs that tell p(grade | angle): others than any dataset's


@dataclass(frozen=True)
class Cell:
    """One finished cell. bits, error: of all test climbs over all their holds, and its standard error.

    gap, gap_error: the same of bits less true bits, climb by climb; None where the truth is not known.
    epochs: passes over its climbs in the training time; under 1, some were never seen.
    """

    model: str
    network: str
    climbs: int
    seed: int
    n_parameters: int
    steps: int
    epochs: float
    bits: float
    error: float
    gap: float | None
    gap_error: float | None


@dataclass(frozen=True, eq=False)
class Ground:
    """What all cells share: the data, the test climbs, and their true bits (C,) where known."""

    dataset: Dataset
    test: Climbs
    truth: np.ndarray | None

    @classmethod
    def of(cls, dataset: Dataset, test_climbs: int) -> Ground:
        test, truth = dataset.part("test").at_most(test_climbs, 0), None
        if dataset.card.get("source", {}).get("synthetic"):
            counted = synthetic_climbs(_COUNTED, _COUNTED_SEED)
            truth = true_bits(dataset.board, test, counted)
        return cls(dataset, test, truth)


def network_of(name: str) -> DictConfig:
    """The network config of that name. Raises InputError when there is none."""
    path = _NETWORKS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in _NETWORKS.glob("*.yaml")))
        raise InputError(f"network {name!r} is not one of {known}")
    network = OmegaConf.load(path)
    assert isinstance(network, DictConfig)
    return network


def numbers_of_climbs(cfg: DictConfig, dataset: Dataset) -> list[int]:
    """The numbers of training climbs of the grid, rising. Raises InputError where there are not so many."""
    if not isinstance(cfg.climbs, ListConfig):
        raise InputError(f"climbs is {cfg.climbs}: give a list of numbers of training climbs")
    most = len(dataset.part("train"))
    wanted = [most if n == "all" else n for n in cfg.climbs]
    wrong = [n for n in wanted if not isinstance(n, int) or not 1 <= n <= most]
    if wrong:
        raise InputError(f"climbs has {wrong[0]}, but there are 1 to {most} training climbs, or all")
    return sorted(set(wanted))


def nested(dataset: Dataset, climbs: int) -> Dataset:
    """The dataset with only so many of its training climbs: the first of one fixed random order."""
    rows = np.flatnonzero(dataset.split == SPLITS.index("train"))
    split = dataset.split.copy()
    split[np.random.default_rng(0).permutation(rows)[climbs:]] = -1  # no part's
    return replace(dataset, split=split)


def settings_of_cell(cfg: DictConfig, model: str, network: str) -> DictConfig:
    """What a cell is trained with."""
    settings = settings_of(cfg, load_model(model), cfg.typed)
    settings.network = network_of(network)
    return settings


def run_cell(
    cfg: DictConfig,
    ground: Ground,
    part: Dataset,
    names: tuple[str, str],
    seed: int,
    folder: Path,
    out: Console,
) -> Cell:
    """Train and judge a cell of (model, network) on the training climbs of `part`; read it if it is done."""
    name, network = names
    settings = settings_of_cell(cfg, name, network)
    label, climbs = settings.model.label, len(part.part("train"))
    where = folder / "cells" / f"{label}-{network}-{climbs}-seed{seed}"
    if (where / "cell.json").is_file():
        return Cell(**json.loads((where / "cell.json").read_text()))
    where.mkdir(parents=True, exist_ok=True)
    facts = train(settings, part, seed, where, out)
    generator, _ = finished(where)
    options = cfg.evaluation
    found = likelihood(generator, ground.test, orders=options.orders, seed=options.seed)
    in_bits, holds = -found.nats / np.log(2), ground.test.sizes
    bits, error = _per_hold(in_bits, holds)
    gap = (None, None) if ground.truth is None else _per_hold(in_bits - ground.truth, holds)
    cell = Cell(
        label, network, climbs, seed, facts.n_parameters, facts.steps, facts.epochs, bits, error, *gap
    )
    write_json(where / "cell.json", asdict(cell))
    (where / "checkpoint.pt").unlink(missing_ok=True)
    return cell


def _per_hold(bits: np.ndarray, holds: np.ndarray) -> Any:
    found = ratio(bits, holds)
    return found.value, math.nan if found.standard_error is None else found.standard_error

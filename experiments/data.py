"""The data of an experiment: a dataset folder, or the built-in synthetic board made on first use."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.sets.dataset import load_dataset

_BUILT_IN_SEED = 1


def open_dataset(cfg: DictConfig) -> tuple[Dataset, Path]:
    """The dataset that `cfg.data` names, and its folder. Raises InputError when it cannot be used."""
    if cfg.data.path is None:
        folder = Path("data") / f"synthetic-{cfg.data.climbs}"
        if not (folder / "card.json").is_file():  # nor where a process that was killed began it
            synthetic_dataset(cfg.data.climbs, _BUILT_IN_SEED).save(folder)
    else:
        folder = Path(cfg.data.path)
    dataset: Dataset = load_dataset(folder)
    for part in ("train", "valid", "test"):
        if len(dataset.part(part)) == 0:
            raise InputError(
                f"{folder} has no {part} {dataset.space.set_word}s: it is too small to train on and compare"
            )
    return dataset, folder

"""The data of an experiment: a dataset folder, or the built-in synthetic board made on first use."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.sets.dataset import load_dataset

_BUILT_IN_SEED = 1


def data_folder(cfg: DictConfig) -> Path:
    """The folder of the dataset that `cfg.data` names, whether it is there or not."""
    return Path("data") / f"synthetic-{cfg.data.climbs}" if cfg.data.path is None else Path(cfg.data.path)


def open_dataset(cfg: DictConfig) -> tuple[Dataset, Path]:
    """The dataset that `cfg.data` names, and its folder. Raises InputError when it cannot be used."""
    folder = data_folder(cfg)
    # Not there, or begun by a process that was killed.
    if cfg.data.path is None and not (folder / "card.json").is_file():
        synthetic_dataset(cfg.data.climbs, _BUILT_IN_SEED).save(folder)
    dataset: Dataset = load_dataset(folder)
    for part in ("train", "valid", "test"):
        if len(dataset.part(part)) == 0:
            raise InputError(
                f"{folder} has no {part} {dataset.space.set_word}s: it is too small to train on and compare"
            )
    return dataset, folder

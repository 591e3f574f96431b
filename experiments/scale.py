"""Bits per hold against training climbs and model size, each cell in equal time; and what a law makes of it.

python -m experiments.scale                                                     # the built-in board
python -m experiments.scale data.path=DIR 'climbs=[1000,2000,5000,10000,all]'   # a real one
python -m experiments.scale resume=FOLDER 'seeds=[0,1]'                         # more cells

On the built-in board the true probability of every climb is known, and so is the gap to it.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.model_config import load_model, typed_keys
from experiments.run_folder import (
    at_work,
    new_run_folder,
    note_command,
    noted_commands,
    resumed,
    save_config,
    write_json,
)
from experiments.scaling.cells import (
    Cell,
    Ground,
    nested,
    network_of,
    numbers_of_climbs,
    run_cell,
    settings_of_cell,
)
from experiments.scaling.page import write_page
from experiments.training import check_trainable
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError

_OF_NETWORK = ("width", "depth", "heads")
_MAY_GROW = {"models", "networks", "climbs", "seeds", "target"}


@experiment("scale")
def main(cfg: DictConfig) -> None:
    console = Console()
    if cfg.resume:
        folder, cfg = resumed(cfg, _MAY_GROW)
        check(cfg)
        dataset, _ = open_dataset(cfg)
        climbs = numbers_of_climbs(cfg, dataset)
    else:
        check(cfg)
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        cfg.typed = sorted(typed_keys())
        climbs = numbers_of_climbs(cfg, dataset)
        for names in product(map(str, cfg.models), map(str, cfg.networks)):
            check_trainable(settings_of_cell(cfg, *names), dataset.space)
        folder = new_run_folder(Path(cfg.runs) / "scale", where.name, where)
    with at_work(folder, "scale"):
        note_command(folder, "scale")
        save_config(cfg, folder / "config.yaml")
        scale(cfg, dataset, climbs, folder, console)


def scale(cfg: DictConfig, dataset: Dataset, climbs: list[int], folder: Path, console: Console) -> None:
    """Train and judge the cells that are missing, and leave the page in the folder."""

    n = len(climbs) * len(cfg.models) * len(cfg.networks) * len(cfg.seeds)
    console.print(f"[bold]Scale[/] on {dataset.card['title']}, {n} cells: {folder}", soft_wrap=True)
    ground = Ground.of(dataset, cfg.evaluation.test_climbs)
    shown = console if console.is_terminal else Console(quiet=True)
    cells: list[Cell] = []
    for seed, number in product(cfg.seeds, climbs):
        part = nested(dataset, number)
        for names in product(map(str, cfg.models), map(str, cfg.networks)):
            cell = run_cell(cfg, ground, part, names, seed, folder, shown)
            cells.append(cell)
            gap = "" if cell.gap is None else f", {cell.gap:.3f} above the truth"
            console.print(
                f"{len(cells)} of {n}: {cell.model} {cell.network}, {number} climbs, seed {seed}: "
                f"{cell.bits:.3f} bits per hold{gap}",
                soft_wrap=True,
            )
    write_json(folder / "scale.json", [asdict(cell) for cell in cells])
    page = write_page(folder, cells, ground, cfg, noted_commands(folder))
    console.print(f"Page: {page}", soft_wrap=True)


def check(cfg: DictConfig) -> None:
    """Raise InputError before anything is trained when the grid cannot be made."""
    for axis in ("models", "networks", "climbs", "seeds"):
        if not cfg[axis]:
            raise InputError(f"{axis} is empty: the grid has no cells")
    models = [load_model(str(name)) for name in cfg.models]
    if len({model.label for model in models}) < len(models):
        raise InputError("two of the models have one label: give one of them another")
    for model in models:
        own = [
            k for k in _OF_NETWORK if k in model.config and not OmegaConf.is_interpolation(model.config, k)
        ]
        if own and len(cfg.networks) > 1:
            raise InputError(f"{model.label} has a {own[0]} of its own: the networks would not change it")
    for name in cfg.networks:
        network_of(str(name))


if __name__ == "__main__":
    main()

"""Run folders: each run makes one that was not there before, so that no run overwrites another."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf

from experiments.data import data_folder, open_dataset
from experiments.model_config import is_config, load_model, typed_keys
from experiments.option_values import check_values
from experiments.runs import check_data, command_line, note_making
from setgen.climbing.dataset import Dataset
from setgen.errors import DiskError, InputError
from setgen.files import PARTS, check_links, is_name, owned, read_json, write_whole, writing
from setgen.generators.registry import generator_class

GO_ON = "go on with: "

Found = TypeVar("Found")


def new_run_folder(parent: Path, label: str, data: Path) -> Path:
    """Make and return parent/label-YYYYMMDD-HHMMSS, with -2, -3 … behind it if that is taken, and in it the record of
    how the run is made. data: the dataset folder."""
    stem = f"{label}-{datetime.now():%Y%m%d-%H%M%S}"
    with writing(parent, "make a run folder in"):
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
            try:
                folder.mkdir()
            except FileExistsError:
                if not folder.is_dir():
                    raise
                continue
            break
        else:
            raise InputError(f"{parent} has too many runs that began in this second")
    try:
        note_making(folder, data)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def resumed(asked: DictConfig, may_change: Collection[str] = ()) -> tuple[Path, DictConfig]:
    """The folder that `asked.resume` names and its config, with what was asked for now of `may_change`.

    Whether foreign code may run is never the folder's to say. Raises InputError when there is none, when it is not
    one of this experiment, when anything else is asked for, or when the dataset (`data.path`) is not the one that it
    began with.
    """
    typed = typed_keys() - {"resume", "foreign_code", "ray"}
    if other := typed - set(may_change):
        may = ", ".join(sorted(may_change)) or "nothing"
        raise InputError(
            f"with resume only {may} can be changed, not {min(other)}: the folder has its config"
        )
    folder = Path(asked.resume)
    if not (folder / "config.yaml").is_file():
        raise InputError(f"{folder} is not a run folder: config.yaml is missing")
    try:
        cfg = OmegaConf.load(folder / "config.yaml")
    except Exception as error:  # YAML's own errors, and OmegaConf's
        raise InputError(f"{folder / 'config.yaml'} cannot be read: {str(error).splitlines()[0]}") from None
    if "ray" in asked and isinstance(cfg, DictConfig):
        cfg.ray = asked.ray  # where it runs is said anew each time
    missing = set(asked) - set(cfg) - {"foreign_code"} if isinstance(cfg, DictConfig) else {"options"}
    if missing:
        raise InputError(
            f"{folder} is of another experiment, or of an earlier version: its config has no {min(missing)}"
        )
    assert isinstance(cfg, DictConfig)
    for key in typed:
        OmegaConf.update(cfg, key, OmegaConf.select(asked, key))
    cfg.foreign_code = bool(asked.get("foreign_code"))
    check_links(folder, but="wandb/**/debug*.log")  # wandb links to its logs
    check_values(cfg)
    for model in _named_models(cfg):
        _check_received(model, cfg.foreign_code)
    for way in cfg.get("ways") or ():
        _check_name(str(way))
    check_data(folder, data_folder(cfg))
    return folder, cfg


def _check_received(model: DictConfig, foreign: bool) -> None:
    """Raise InputError where a model config names code that has no leave, or a label that leads elsewhere."""
    if any(OmegaConf.is_interpolation(model, key) for key in ("generator", "label")):
        # Read elsewhere, it may say something else.
        raise InputError(f"a model's generator and label must be names, not {OmegaConf.to_container(model)}")
    _check_name(str(model.label))
    generator_class(str(model.generator), foreign)


def _check_name(name: str) -> None:
    """Raise InputError for what is no name of a folder of its own."""
    if not is_name(name) or name in (".", "..", "wandb"):
        raise InputError(f"{name!r} is no label of a model: folders are called so")


def _named_models(cfg: DictConfig) -> list[DictConfig]:
    """The model configs that an experiment's own names, wherever they lie."""
    named = [load_model(name) for name in map(str, cfg.get("models") or ()) if is_config(name)]
    return named + ([cfg.model] if cfg.get("model") else [])


@contextmanager
def at_work(folder: Path, experiment: str) -> Iterator[None]:
    """In here this process works in the run folder alone. Raises InputError where another one does.

    What breaks the work off gets a note with the command that goes on with it, unless the input is wrong. A new
    folder that has no config by then goes away again: there is nothing to go on with.
    """
    is_new = not (folder / "config.yaml").exists()
    with owned(folder):
        for part in folder.rglob(PARTS):
            part.unlink(missing_ok=True)
        try:
            yield
        except BaseException as error:
            wrong = isinstance(error, InputError) and not isinstance(error, DiskError)
            if (folder / "config.yaml").is_file():
                if not wrong:
                    error.add_note(GO_ON + going_on(folder, experiment))
            elif is_new:
                shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def begun(
    cfg: DictConfig, experiment: str, check: Callable[[DictConfig, Dataset], Found]
) -> Iterator[tuple[DictConfig, Dataset, Found, Path]]:
    """An experiment's config, its dataset, what `check` makes of the two, and its run folder, in which this process
    works alone: the one that `cfg.resume` names, with the config that is in it, or else a new one.

    check: raises InputError, before a folder is made, when the experiment cannot be.
    """
    if cfg.resume:
        folder, cfg = resumed(cfg)
        dataset, _ = open_dataset(cfg)
        found, is_new = check(cfg, dataset), False
    else:
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        found, is_new = check(cfg, dataset), True
        folder = new_run_folder(Path(cfg.runs) / experiment, where.name, where)
    with at_work(folder, experiment):
        note_command(folder, experiment)
        if is_new:
            save_config(cfg, folder / "config.yaml")
        yield cfg, dataset, found, folder


def going_on(folder: Path, experiment: str) -> str:
    """The command that goes on in this run folder: the one of now, where it already does."""
    given = sys.argv[1:]
    if not any(option.startswith("resume=") for option in given):
        plain = re.fullmatch(r"[\w./:+@%-]+", str(folder))
        given = [f"resume={folder}" if plain else f'resume="{folder}"']
    return command_of_now(experiment, given)


def command_of_now(experiment: str, given: Sequence[str]) -> str:
    """The command of an experiment with these arguments, started as this process was."""
    line = command_line(experiment, given)
    alone = int(os.environ.get("WORLD_SIZE", 1)) == 1
    return line if alone else line.replace("python", "torchrun …", 1)


def note_command(folder: Path, experiment: str) -> None:
    """Add the command line to folder/commands.txt, unless it stands there or only goes on with what does."""
    path, given = folder / "commands.txt", sys.argv[1:]
    line = command_line(experiment, given)
    noted = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if noted and (line in noted or all(option.startswith("resume=") for option in given)):
        return
    write_whole(path, "".join(f"{one}\n" for one in (*noted, line)).encode())


def noted_commands(folder: Path) -> str:
    """The commands that made what is in the folder, one a line, the first one first."""
    return (folder / "commands.txt").read_text(encoding="utf-8").strip()


def noted_numbers(where: Path, *names: str) -> list[float] | None:
    """What where.json notes of a model in the folder `where`; None where it is not there: that model is not whole.

    Raises InputError when it is damaged.
    """
    note = where.with_name(f"{where.name}.json")
    noted = read_json(note)
    if noted is None:
        return None
    try:
        return [float(noted[name]) for name in names]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{note} is damaged: delete it and {where}") from None


def note_numbers(where: Path, **numbers: float) -> None:
    """Note them of the model in the folder `where`, when all of it is there."""
    write_json(where.with_name(f"{where.name}.json"), numbers)


def write_json(path: Path, data: Any) -> None:
    """Write at once or not at all, so that an interrupted run leaves no half file."""
    write_whole(path, json.dumps(data, indent=2).encode())


def save_config(cfg: Any, path: Path) -> None:
    """Write a config, or a dictionary, as YAML, at once or not at all."""
    write_whole(path, OmegaConf.to_yaml(OmegaConf.create(cfg)).encode())

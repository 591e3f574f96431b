"""Run folders: each run makes one that was not there before, so that no run overwrites another."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.model_config import typed_keys
from experiments.option_values import check_values
from experiments.runs import command_line, note_making
from setgen.errors import InputError


def new_run_folder(parent: Path, label: str, data: Path) -> Path:
    """Make and return parent/label-YYYYMMDD-HHMMSS, with -2, -3 … behind it if that is taken, and in it the record of
    how the run is made. data: the dataset folder."""
    stem = f"{label}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
            try:
                folder.mkdir()
            except FileExistsError:
                if not folder.is_dir():
                    raise
                continue
            note_making(folder, data)
            return folder
    except OSError as error:
        raise InputError(f"cannot make a run folder in {parent}: {error.strerror}") from None
    raise InputError(f"{parent} has too many runs that began in this second")


def resumed(asked: DictConfig, may_change: Collection[str] = ()) -> tuple[Path, DictConfig]:
    """The folder that `asked.resume` names and its config, with what was asked for now of `may_change`.

    Raises InputError when there is none, when it is not one of this experiment, or when anything else is
    asked for.
    """
    typed = typed_keys() - {"resume", "ray"}
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
    missing = set(asked) - set(cfg) if isinstance(cfg, DictConfig) else {"options"}
    if missing:
        raise InputError(
            f"{folder} is of another experiment, or of an earlier version: its config has no {min(missing)}"
        )
    assert isinstance(cfg, DictConfig)
    for key in typed:
        OmegaConf.update(cfg, key, OmegaConf.select(asked, key))
    check_values(cfg)
    return folder, cfg


def note_command(folder: Path, experiment: str) -> None:
    """Add the command line to folder/commands.txt, unless it stands there or only goes on with what does."""
    path, given = folder / "commands.txt", sys.argv[1:]
    line = command_line(experiment, given)
    only_goes_on = all(option.startswith("resume=") for option in given)
    if path.is_file() and (only_goes_on or line in path.read_text(encoding="utf-8").splitlines()):
        return
    with path.open("a", encoding="utf-8") as file:
        print(line, file=file)


def noted_commands(folder: Path) -> str:
    """The commands that made what is in the folder, one a line, the first one first."""
    return (folder / "commands.txt").read_text(encoding="utf-8").strip()


def write_json(path: Path, data: Any) -> None:
    """Write at once or not at all, so that an interrupted run leaves no half file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data, indent=2))
    part.replace(path)

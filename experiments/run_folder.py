"""Run folders: each run makes one that was not there before, so that no run overwrites another."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from setgen.errors import InputError


def new_run_folder(parent: Path, label: str) -> Path:
    """Make and return parent/label-YYYYMMDD-HHMMSS, with -2, -3 … behind it if that is taken."""
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
            return folder
    except OSError as error:
        raise InputError(f"cannot make a run folder in {parent}: {error.strerror}") from None
    raise InputError(f"{parent} has too many runs that began in this second")


def resumed(path: str, asked: DictConfig) -> tuple[Path, DictConfig]:
    """An earlier run's folder and config. Raises InputError when there is none, or it is not one of this
    experiment, whose config now is `asked`."""
    folder = Path(path)
    if not (folder / "config.yaml").is_file():
        raise InputError(f"{folder} is not a run folder: config.yaml is missing")
    try:
        cfg = OmegaConf.load(folder / "config.yaml")
    except Exception as error:  # YAML's own errors, and OmegaConf's
        raise InputError(f"{folder / 'config.yaml'} cannot be read: {str(error).splitlines()[0]}") from None
    missing = set(asked) - set(cfg) if isinstance(cfg, DictConfig) else {"options"}
    if missing:
        raise InputError(f"{folder} is a folder of another experiment: its config has no {min(missing)}")
    assert isinstance(cfg, DictConfig)
    return folder, cfg


def note_command(folder: Path, experiment: str) -> None:
    """Add the command line to folder/commands.txt, unless it only goes on with what stands there."""
    path, given = folder / "commands.txt", sys.argv[1:]
    if path.is_file() and all(option.startswith("resume=") for option in given):
        return
    with path.open("a", encoding="utf-8") as file:
        print(shlex.join(["python", "-m", f"experiments.{experiment}", *given]), file=file)


def noted_commands(folder: Path) -> str:
    """The commands that made what is in the folder, one a line, the first one first."""
    return (folder / "commands.txt").read_text(encoding="utf-8").strip()


def write_json(path: Path, data: Any) -> None:
    """Write at once or not at all, so that an interrupted run leaves no half file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data, indent=2))
    part.replace(path)

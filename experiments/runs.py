"""Runs as they are on disk: how each was made, what it measured, and whether that still holds.

Every experiment makes a folder of its own with config.yaml and made.json; what else is in it depends on the
experiment. `setgen runs` shows what is here.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from setgen.errors import InputError
from setgen.files import checksums, read_json, write_whole
from setgen.sets.dataset import data_files

MADE = "made.json"
_PACKAGES = ("setgen", "torch", "lightning-fabric", "numpy", "scipy", "pandas", "scikit-learn", "hydra-core")


def note_making(folder: Path, data: Path) -> None:
    """Write made.json: the command, its time, packages, git revision, machine, checksums of the dataset's files."""
    import torch

    packages = {name: found for name in _PACKAGES if (found := _version(name))}
    made = {
        "command": command(sys.argv),
        "began": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": packages,
        "git": _revision(),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        },
        "data": {"folder": str(data), "sha256": checksums(data, data_files(data))},
    }
    write_whole(folder / MADE, json.dumps(made, indent=2).encode())


def command(arguments: list[str]) -> str:
    """The command line as one can paste it: `python -m experiments.train …`."""
    program = Path(arguments[0])
    inside = program.suffix == ".py" and program.parent.name == "experiments"
    return command_line(program.stem, arguments[1:]) if inside else shlex.join(["python", *arguments])


def command_line(experiment: str, given: Sequence[str]) -> str:
    """The command of an experiment with these arguments."""
    return shlex.join(["python", "-m", f"experiments.{experiment}", *given])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _revision() -> dict[str, Any] | None:
    """The commit of the code, and whether files were changed since; None outside a clone."""
    home = Path(__file__).resolve().parent.parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(home), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != home:
            return None
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    """The processor's name, where the system tells one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


@dataclass(frozen=True)
class Run:
    """One run folder, as far as it has come. made: None where an earlier version made it."""

    folder: Path
    config: dict[str, Any]
    made: dict[str, Any] | None
    facts: dict[str, Any] | None
    metrics: dict[str, Any] | None

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Raises InputError when the folder is no run, or a damaged one."""
        from omegaconf import OmegaConf

        if not (folder / "config.yaml").is_file():
            raise InputError(f"{folder} is not a run folder: config.yaml is missing")
        try:
            config: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
            assert isinstance(config, dict)
        except Exception as error:  # YAML's own errors, and OmegaConf's
            raise InputError(
                f"{folder / 'config.yaml'} cannot be read: {str(error).splitlines()[0]}"
            ) from None
        return cls(folder, config, *(read_json(folder / name) for name in (MADE, "run.json", "metrics.json")))

    @property
    def what(self) -> str:
        """The model, or the models, of the run."""
        model, models = self.config.get("model"), self.config.get("models")
        if isinstance(model, dict):
            return str(model.get("label") or model.get("generator"))
        return ", ".join(Path(str(one)).name.removesuffix(".yaml") for one in models or [])

    @property
    def finished(self) -> bool:
        return (
            any(value is not None for value in (self.facts, self.metrics))
            or any(self.folder.glob("*.md"))  # the page, which is written last
        )

    def row(self) -> dict[str, Any]:
        """What the list shows of it."""
        facts = self.facts or {}
        data = (self.config.get("data") or {}).get("path")
        return {
            "run": str(self.folder),
            "models": self.what,
            "data": Path(data).name if data else "",
            "seed": self.config.get("seed", self.config.get("seeds")),
            "began": (self.made or {}).get("began", "")[:16].replace("T", " "),
            "steps": facts.get("steps"),
            "bits": facts.get("best_valid_bits_per_hold"),
            "state": "finished" if self.finished else f"resume={self.folder}",
        }


def found(root: Path) -> list[Run]:
    """Every run below `root`, the newest last. Raises InputError when there is no such folder."""
    if not root.is_dir():
        raise InputError(f"there is no folder {root}: name the one that the runs are in")
    folders = {path.parent for path in root.glob("*/*/config.yaml")} | {
        path.parent for path in root.glob("*/config.yaml")
    }
    return [Run.load(folder) for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime)]


def compared(runs: list[Run]) -> pd.DataFrame:
    """A row for each setting in which the runs differ and each number that they measured; a column a run."""
    settings = [_flat(run.config) for run in runs]
    names = list(dict.fromkeys(name for one in settings for name in one))
    rows: dict[str, list[Any]] = {}
    for name in names:
        values = [one.get(name) for one in settings]
        if any(value != values[0] for value in values):
            rows[name] = values
    for title, key in (
        ("commit", "git"),
        ("torch", "packages"),
        ("processor", "machine"),
        ("dataset", "data"),
    ):
        values = [_made(run, key) for run in runs]
        if any(value != values[0] for value in values):
            rows[title] = values
    for name in ("steps", "train_seconds", "n_parameters", "best_valid_bits_per_hold"):
        values = [(run.facts or {}).get(name) for run in runs]
        if any(value is not None for value in values):
            rows[name] = values
    return pd.DataFrame.from_dict(rows, orient="index", columns=[run.folder.name for run in runs])


def _made(run: Run, key: str) -> Any:
    part = (run.made or {}).get(key) or {}
    if key == "data":
        return ", ".join(value[:12] for value in part.get("sha256", {}).values()) or None
    return part.get({"git": "commit", "packages": "torch", "machine": "processor"}[key])


def _flat(config: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(config, dict):
        return {name: config}
    return {
        k: v
        for key, value in config.items()
        for k, v in _flat(value, f"{name}.{key}" if name else key).items()
    }


def checks(run: Run) -> list[tuple[str, bool, str]]:
    """(what was looked at, whether it holds, what was found) of everything that can be checked of a run."""
    results = [("finished", run.finished, "yes" if run.finished else f"no: go on with resume={run.folder}")]
    if run.made is None:
        return [*results, ("record", False, f"{MADE} is missing: an earlier version made this run")]
    data = run.made["data"]
    results.append(("dataset", *_same_data(Path(data["folder"]), data["sha256"])))
    now = {name: _version(name) for name in run.made["packages"]}
    other = [
        f"{name} {was}, now {now[name]}" for name, was in run.made["packages"].items() if now[name] != was
    ]
    results.append(("packages", not other, "; ".join(other) or "the same versions"))
    git, here = run.made["git"], _revision()
    if git is not None:
        same = (
            here is not None and here["commit"] == git["commit"] and not (git["changed"] or here["changed"])
        )
        changed = ", with changes that no commit has" if git["changed"] else ""
        now_at = (
            "no clone" if here is None else here["commit"][:12] + (" with changes" if here["changed"] else "")
        )
        results.append(("code", same, f"{git['commit'][:12]}{changed}; now {now_at}"))
    if (run.folder / "model").is_dir():
        from setgen.generators.registry import load_generator

        try:
            load_generator(run.folder)
            results.append(("model", True, "whole"))
        except InputError as error:
            results.append(("model", False, str(error)))
    return results


def check_data(folder: Path, data: Path) -> None:
    """Raise InputError when the dataset in the folder `data` is not the one that the run in `folder` began with."""
    made = read_json(folder / MADE)
    if made is None or not data.is_dir():
        return
    try:
        same, found = _same_data(data, made["data"]["sha256"])
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / MADE} is damaged: delete it to go on unchecked") from None
    if not same:
        raise InputError(f"{folder} began with other data ({found}): put it back, or begin a new run")


def _same_data(folder: Path, sums: dict[str, str]) -> tuple[bool, str]:
    if not folder.is_dir():
        return False, f"{folder} is not there any more"
    now = checksums(folder, data_files(folder))
    changed = sorted(name for name in sums.keys() | now.keys() if sums.get(name) != now.get(name))
    return not changed, f"{folder}: " + (
        f"{', '.join(changed)} changed since" if changed else "the same files"
    )

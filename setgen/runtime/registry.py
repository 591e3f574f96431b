"""How an exported folder becomes a generator or a grader. Nothing in `setgen.runtime` imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from setgen.errors import InputError
from setgen.runtime.folder import read_folder
from setgen.runtime.generator import ExportedGenerator
from setgen.runtime.grader import ExportedGrader
from setgen.runtime.networks import Network

RUNNERS: dict[str, type[ExportedGenerator] | type[ExportedGrader]] = {
    "generator": ExportedGenerator,
    "grader": ExportedGrader,
}


def load_exported(folder: Path | str, runtime: str = "onnx", threads: int | None = None) -> ExportedGenerator:
    """The generator that `setgen export` wrote into `folder`.

    runtime: onnx. threads: None for as many as there are cores. Raises InputError when the folder, the runtime or
    the kind of model is another.
    """
    loaded = _load(folder, runtime, threads)
    if not isinstance(loaded, ExportedGenerator):
        raise InputError(f"{folder} is an exported grader, which makes nothing: use it with `setgen grade`")
    return loaded


def load_exported_grader(
    folder: Path | str, runtime: str = "onnx", threads: int | None = None
) -> ExportedGrader:
    """The grader that `setgen export` wrote into `folder`; arguments and errors as `load_exported`."""
    loaded = _load(folder, runtime, threads)
    if not isinstance(loaded, ExportedGrader):
        raise InputError(f"{folder} is an exported model that makes sets, and no grader")
    return loaded


def _load(folder: Path | str, runtime: str, threads: int | None) -> Any:
    check_runtime(runtime)
    found = read_folder(folder)
    name = str(found.settings.get("runner"))
    if name not in RUNNERS:
        raise InputError(f"{folder} needs the runner {name!r}, which this setgen lacks: upgrade setgen")
    networks = {part: Network(path, threads) for part, path in found.networks.items()}
    try:
        return RUNNERS[name](found.space, found.settings, networks)  # type: ignore[arg-type]  # a board
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder} is from another version of setgen ({error}): export it again") from None


def check_runtime(runtime: str) -> None:
    """Raises InputError for a runtime that there is not."""
    if runtime != "onnx":
        raise InputError(f"unknown runtime {runtime!r}: use torch or onnx")

"""Which samplers there are for exported networks, and how an exported folder becomes one.

Nothing in `setgen.runtime` imports torch, except to run TorchScript.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from setgen.errors import InputError
from setgen.runtime.folder import read_folder
from setgen.runtime.grader import ExportedGrader
from setgen.runtime.networks import FILES, load_network
from setgen.runtime.sampler import Sampler

SAMPLERS = {
    "masked_set": "setgen.runtime.masked_set:MaskedSetSampler",
    "sweep_set": "setgen.runtime.sweep_set:SweepSetSampler",
    "gpt": "setgen.runtime.gpt:GPTSampler",
    "grader": "setgen.runtime.grader:ExportedGrader",
}


def load_sampler(folder: Path | str, runtime: str = "onnx", threads: int | None = None) -> Sampler:
    """A sampler of the model that `setgen export` wrote into `folder`.

    runtime: onnx or torchscript, as the folder's format is. threads: None for as many as there are cores.
    Raises InputError when the folder, the runtime or the kind of model is another.
    """
    loaded = _load(folder, runtime, threads)
    if isinstance(loaded, ExportedGrader):
        raise InputError(f"{folder} is an exported grader, which makes no climbs: use it with `setgen grade`")
    return loaded


def load_exported_grader(
    folder: Path | str, runtime: str = "onnx", threads: int | None = None
) -> ExportedGrader:
    """The grader that `setgen export` wrote into `folder`; arguments and errors as `load_sampler`."""
    loaded = _load(folder, runtime, threads)
    if not isinstance(loaded, ExportedGrader):
        raise InputError(f"{folder} is an exported model that makes climbs, and no grader")
    return loaded


def _load(folder: Path | str, runtime: str, threads: int | None) -> Any:
    check_runtime(runtime)
    found = read_folder(folder)
    made_for = found.card["runtime"]
    if made_for != runtime:
        raise InputError(f"{folder} was exported as {made_for}: use --runtime {made_for}")
    name = str(found.settings.get("sampler"))
    if name not in SAMPLERS:
        raise InputError(f"{folder} needs the sampler {name!r}, which this setgen lacks: upgrade setgen")
    module, _, attribute = SAMPLERS[name].partition(":")
    run = load_network(found.network, runtime, threads)
    try:
        return getattr(import_module(module), attribute)(found.board, found.settings, run)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder} is from another version of setgen ({error}): export it again") from None


def check_runtime(runtime: str) -> None:
    """Raises InputError for a runtime that there is not."""
    if runtime not in FILES:
        raise InputError(f"unknown runtime {runtime!r}: use torch, {', '.join(FILES)}")

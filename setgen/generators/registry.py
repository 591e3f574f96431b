"""Which generators there are, and how a saved one is found again. A new one is one line here."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from setgen.errors import InputError
from setgen.generators.base import FORMAT, Generator

GENERATORS = {
    "masked_set": "setgen.generators.masked_set:MaskedSet",
    "hold_canvas": "setgen.generators.hold_canvas:HoldCanvas",
    "sweep_set": "setgen.generators.sweep_set:SweepSet",
    "gpt": "baselines.gpt_generators:ShuffledGPT",
    "sorted_gpt": "baselines.gpt_generators:SortedGPT",
    "hold_frequency": "baselines.hold_frequency:HoldFrequency",
}


def generator_class(name: str) -> type[Generator]:
    """The class registered under `name`. Raises InputError for an unknown name."""
    if name not in GENERATORS:
        raise InputError(f"unknown generator {name!r}: there are {', '.join(GENERATORS)}")
    module, _, attribute = GENERATORS[name].partition(":")
    return getattr(import_module(module), attribute)


def load_generator(path: Path | str) -> Generator:
    """Load a trained generator in eval mode from a run folder or from its `model` folder.

    Raises InputError when the folder is none, incomplete, damaged, or written by a newer setgen.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give a run folder that `experiments.train` made")
    if not (folder / "model.json").is_file() and (folder / "model").is_dir():
        folder = folder / "model"
    missing = [f for f in ("model.json", "board.json", "weights.safetensors") if not (folder / f).is_file()]
    if missing:
        raise InputError(f"{folder} is not a complete model folder: {', '.join(missing)} missing")
    try:
        head = json.loads((folder / "model.json").read_text())
        version, name = head["format"], str(head["generator"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / 'model.json'} is not a model that setgen wrote") from None
    if not isinstance(version, int):
        raise InputError(f"{folder / 'model.json'} is not a model that setgen wrote")
    if version > FORMAT:
        raise InputError(
            f"{folder} has model format {version}, newer than this setgen reads ({FORMAT}): upgrade setgen"
        )
    return generator_class(name).from_folder(folder, head)

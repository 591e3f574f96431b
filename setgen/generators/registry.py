"""Which generators there are by a short name, and how a saved one is found again.

Any other is named by its place, `package.module:Class`, and needs no line here.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from setgen.errors import InputError
from setgen.files import checksum, parse_json
from setgen.generators.base import FORMAT, OLDEST, SUMMED, Generator
from setgen.sets.space import KINDS, space_file

GENERATORS = {
    "masked_set": "setgen.generators.masked_set:MaskedSet",
    "hold_canvas": "setgen.generators.hold_canvas:HoldCanvas",
    "sweep_set": "setgen.generators.sweep_set:SweepSet",
    "gpt": "baselines.gpt:GPTGenerator",
    "hold_frequency": "baselines.frequency:Frequency",
    "dpp": "baselines.dpp:DPP",
}


def generator_class(name: str, foreign: bool = True) -> type[Generator]:
    """The class called `name`, or that stands at `package.module:Class`.

    foreign: whether code from outside the registry may be imported. Raises InputError for an unknown name, a
    place that holds no generator, or foreign code that was not asked for.
    """
    place = GENERATORS.get(name, name)
    module, _, attribute = place.partition(":")
    if not (module and attribute):
        raise InputError(
            f"unknown generator {name!r}: there are {', '.join(GENERATORS)}, and package.module:Class"
        )
    if name not in GENERATORS and not foreign:
        raise InputError(
            f"this model is of {name}, code that does not come with setgen: load it with "
            "load_generator(folder, foreign=True), --foreign-code or foreign_code=true, if you trust it"
        )
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        if name in GENERATORS:
            raise
        raise InputError(f"generator {name} cannot be imported: {error}") from None
    if not (isinstance(found, type) and issubclass(found, Generator)):
        raise InputError(f"{name} is no subclass of setgen.generators.base.Generator")
    return found


def name_of(kind: type[Generator]) -> str:
    """What `generator_class` finds it by: a short name, or its place."""
    place = f"{kind.__module__}:{kind.__qualname__}"
    return next((name for name, known in GENERATORS.items() if known == place), place)


def load_generator(path: Path | str, foreign: bool = False) -> Generator:
    """Load a trained generator in eval mode from a run folder or from its `model` folder.

    foreign: whether a model of code from outside setgen may be loaded, which runs that code. Raises InputError
    when the folder is none, incomplete, damaged, written by another version, or foreign without leave.
    """
    folder = _model_folder(Path(path))
    missing = [name for name in ("model.json", "weights.safetensors") if not (folder / name).is_file()]
    if space_file(folder) is None:
        missing.insert(1, " or ".join(KINDS))
    if missing:
        raise InputError(f"{folder} is not a complete model folder: {', '.join(missing)} missing")
    try:
        head = parse_json((folder / "model.json").read_text(encoding="utf-8"))
        version, name = head["format"], str(head["generator"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / 'model.json'} is not a model that setgen wrote") from None
    if not isinstance(version, int) or (version >= SUMMED and "sha256" not in head):
        raise InputError(f"{folder / 'model.json'} is not a model that setgen wrote")
    if not OLDEST <= version <= FORMAT:
        older = "an earlier setgen: train it again" if version < OLDEST else "a newer setgen: upgrade setgen"
        raise InputError(f"{folder} has model format {version}, of {older}")
    return generator_class(name, foreign).from_folder(folder, head)


def model_checksum(path: Path | str) -> str:
    """What tells a trained model from any other: the checksum of its weights."""
    return checksum(_model_folder(Path(path)) / "weights.safetensors")


def _model_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give a run folder that `experiments.train` made")
    inner = not (folder / "model.json").is_file() and (folder / "model").is_dir()
    return folder / "model" if inner else folder

"""Which families of models can be exported. A new one is one line here and one in `runtime.registry`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from setgen.errors import InputError
from setgen.export.exportable import Exportable

ADAPTERS = {
    "masked_set": "setgen.export.masked_set:masked_set",
    "sweep_set": "setgen.export.sweep_set:sweep_set",
    "gpt": "baselines.gpt_export:gpt",
    "sorted_gpt": "baselines.gpt_export:gpt",
    "grader": "setgen.export.grader:grader",
}


def exportable(folder: Path | str) -> Exportable:
    """What there is to export of the model or the grader in `folder`.

    Raises InputError when the folder holds neither, or a model that has no network.
    """
    folder = Path(folder)
    if (folder / "grader.json").is_file():
        from setgen.climbing.grading.grader import load_grader

        return adapted("grader", load_grader(folder))
    from setgen.generators.registry import load_generator

    generator = load_generator(folder)
    if generator.name not in ADAPTERS:
        raise InputError(
            f"{generator.name} cannot be exported: only {', '.join(ADAPTERS)} can; use it with torch"
        )
    return adapted(generator.name, generator)


def adapted(name: str, model: object) -> Exportable:
    """`model`, of the family `name`, ready for export."""
    module, _, attribute = ADAPTERS[name].partition(":")
    return getattr(import_module(module), attribute)(model)

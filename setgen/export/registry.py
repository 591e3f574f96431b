"""What there is to export in a folder: any generator whose hooks can be traced, or a grader."""

from __future__ import annotations

from pathlib import Path

from setgen.export.exportable import Exportable


def exportable(folder: Path | str) -> Exportable:
    """What there is to export of the model or the grader in `folder`.

    Raises InputError when the folder holds neither, or a model that cannot be exported.
    """
    folder = Path(folder)
    if (folder / "grader.json").is_file():
        from setgen.climbing.grading.grader import load_grader
        from setgen.export.grader import grader

        return grader(load_grader(folder))
    from setgen.export.generator import generator
    from setgen.generators.registry import load_generator

    return generator(load_generator(folder))

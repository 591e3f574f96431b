"""setgen: generate sets. Climbs for LED training boards, by models that cannot see order.

A trained model in five lines:

    import setgen
    generator = setgen.load_generator("runs/masked_set")
    prompts = setgen.make_prompts(generator.space, 8, holds="p1164r12p1185r12", angle=40, grade="7a")
    climbs = generator.sample(prompts, seed=0)
    print(setgen.write_frames(generator.space, climbs))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setgen.boards.board import Board
    from setgen.boards.climbs import Climb, Climbs
    from setgen.boards.constraints import Constraints
    from setgen.boards.frames import read_frames, write_frames
    from setgen.boards.grades import grade_name, parse_grade
    from setgen.boards.prompts import parse_holds
    from setgen.boards.roles import Role
    from setgen.climb_files import read_climbs, write_climbs
    from setgen.dataset.dataset import Dataset
    from setgen.draw import draw_climb, draw_climbs
    from setgen.errors import InputError
    from setgen.figures import save_figure
    from setgen.generators.base import Generator
    from setgen.generators.registry import load_generator
    from setgen.grading.cache import grader_for
    from setgen.grading.grader import Grader, load_grader
    from setgen.heatmaps import draw_heatmaps, draw_usage
    from setgen.metrics.evaluate import evaluate, evaluate_generator
    from setgen.metrics.likelihood import likelihood
    from setgen.prompts import make_prompts

# Looked up when first asked for, so that `import setgen` does not import torch.
_HOME = {
    "Board": "setgen.boards.board",
    "Climb": "setgen.boards.climbs",
    "Climbs": "setgen.boards.climbs",
    "Constraints": "setgen.boards.constraints",
    "Dataset": "setgen.dataset.dataset",
    "Generator": "setgen.generators.base",
    "Grader": "setgen.grading.grader",
    "InputError": "setgen.errors",
    "Role": "setgen.boards.roles",
    "draw_climb": "setgen.draw",
    "draw_climbs": "setgen.draw",
    "draw_heatmaps": "setgen.heatmaps",
    "draw_usage": "setgen.heatmaps",
    "evaluate": "setgen.metrics.evaluate",
    "evaluate_generator": "setgen.metrics.evaluate",
    "grade_name": "setgen.boards.grades",
    "grader_for": "setgen.grading.cache",
    "likelihood": "setgen.metrics.likelihood",
    "load_generator": "setgen.generators.registry",
    "load_grader": "setgen.grading.grader",
    "make_prompts": "setgen.prompts",
    "parse_grade": "setgen.boards.grades",
    "parse_holds": "setgen.boards.prompts",
    "read_climbs": "setgen.climb_files",
    "read_frames": "setgen.boards.frames",
    "save_figure": "setgen.figures",
    "write_climbs": "setgen.climb_files",
    "write_frames": "setgen.boards.frames",
}

__all__ = [  # noqa: RUF022 — the order of _HOME
    "Board",
    "Climb",
    "Climbs",
    "Constraints",
    "Dataset",
    "Generator",
    "Grader",
    "InputError",
    "Role",
    "draw_climb",
    "draw_climbs",
    "draw_heatmaps",
    "draw_usage",
    "evaluate",
    "evaluate_generator",
    "grade_name",
    "grader_for",
    "likelihood",
    "load_generator",
    "load_grader",
    "make_prompts",
    "parse_grade",
    "parse_holds",
    "read_climbs",
    "read_frames",
    "save_figure",
    "write_climbs",
    "write_frames",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("setgen")
        except PackageNotFoundError:  # run from a source tree that was never installed
            return "unknown"
    if name not in _HOME:
        raise AttributeError(f"module 'setgen' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

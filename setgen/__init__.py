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
    from setgen.climbing.board import Board
    from setgen.climbing.climb_files import read_climbs, write_climbs
    from setgen.climbing.climbs import Climb, Climbs
    from setgen.climbing.constraints import Constraints
    from setgen.climbing.dataset import Dataset
    from setgen.climbing.draw import draw_climb, draw_climbs
    from setgen.climbing.frames import read_frames, write_frames
    from setgen.climbing.grades import grade_name, parse_grade
    from setgen.climbing.grading.cache import grader_for
    from setgen.climbing.grading.grader import Grader, load_grader
    from setgen.climbing.heatmaps import draw_heatmaps, draw_usage
    from setgen.climbing.holds import parse_holds
    from setgen.climbing.prompts import make_prompts
    from setgen.climbing.roles import Role
    from setgen.errors import InputError
    from setgen.figures import save_figure
    from setgen.generators.base import Generator
    from setgen.generators.registry import load_generator
    from setgen.metrics.evaluate import evaluate, evaluate_generator
    from setgen.metrics.likelihood import likelihood

# Looked up when first asked for, so that `import setgen` does not import torch.
_HOME = {
    "Board": "setgen.climbing.board",
    "Climb": "setgen.climbing.climbs",
    "Climbs": "setgen.climbing.climbs",
    "Constraints": "setgen.climbing.constraints",
    "Dataset": "setgen.climbing.dataset",
    "Generator": "setgen.generators.base",
    "Grader": "setgen.climbing.grading.grader",
    "InputError": "setgen.errors",
    "Role": "setgen.climbing.roles",
    "draw_climb": "setgen.climbing.draw",
    "draw_climbs": "setgen.climbing.draw",
    "draw_heatmaps": "setgen.climbing.heatmaps",
    "draw_usage": "setgen.climbing.heatmaps",
    "evaluate": "setgen.metrics.evaluate",
    "evaluate_generator": "setgen.metrics.evaluate",
    "grade_name": "setgen.climbing.grades",
    "grader_for": "setgen.climbing.grading.cache",
    "likelihood": "setgen.metrics.likelihood",
    "load_generator": "setgen.generators.registry",
    "load_grader": "setgen.climbing.grading.grader",
    "make_prompts": "setgen.climbing.prompts",
    "parse_grade": "setgen.climbing.grades",
    "parse_holds": "setgen.climbing.holds",
    "read_climbs": "setgen.climbing.climb_files",
    "read_frames": "setgen.climbing.frames",
    "save_figure": "setgen.figures",
    "write_climbs": "setgen.climbing.climb_files",
    "write_frames": "setgen.climbing.frames",
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

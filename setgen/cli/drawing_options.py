"""The options that say how climbs are drawn, shared by `generate` and `complete`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from setgen.climbing.board import Board
    from setgen.climbing.climbs import Climbs
    from setgen.generators.base import Generator
    from setgen.runtime.generator import ExportedGenerator

Calls = Annotated[
    int | None,
    typer.Option(
        "--calls", help="Network calls for a climb at most: fewer is rougher; left out: one a hold."
    ),
]
Guidance = Annotated[
    float,
    typer.Option("--guidance", help="Above 0: truer to angle and grade, less varied; 0.5 is a good start."),
]
TopP = Annotated[
    float, typer.Option("--top-p", help="Draw among the likeliest holds that make up this share; 1: all.")
]

BestOf = Annotated[
    int,
    typer.Option(
        "--best-of",
        min=1,
        max=64,
        help="Draw so many for each climb that is wanted, and keep the best: sensible, near the grade "
        "asked for, unlike one another.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="For --best-of: dataset folder whose climbs say what is sensible and how hard."
    ),
]


@dataclass(frozen=True)
class Choosing:
    """Best of k, of climbs: draws for each that is wanted, and where the judges come from."""

    best_of: int
    data: Path | None

    def check(self, n: int) -> None:
        """Raise InputError for what cannot be chosen among, before any model is loaded."""
        from setgen.climbing.choosing import MOST_DRAWS

        if self.best_of == 1:
            if self.data is not None:
                raise InputError("--data is for --best-of: give a number of draws too, such as --best-of 8")
        elif n * self.best_of > MOST_DRAWS:
            raise InputError(
                f"the best of {self.best_of} for each of {n:,} climbs are {n * self.best_of:,} draws: "
                f"{MOST_DRAWS:,} are compared at most"
            )

    def of(
        self, made: Climbs, board: Board, n: int, model: Path | None
    ) -> tuple[Climbs, dict[str, list[Any]]]:
        """Out of draws, n times `best_of` for each prompt, at most n of each; and what the judges say of them."""
        import numpy as np

        from setgen.cli.progress import grader_training
        from setgen.climbing.choosing import best
        from setgen.climbing.judges import judges_for

        with grader_training() as progress:
            judges = judges_for(board, self.data, model, progress)
        missing = [name for name in ("rules", "grader") if getattr(judges, name) is None]
        if missing:
            words = {"rules": "what is sensible", "grader": "how hard climbs are"}
            said = " and ".join(words[name] for name in missing)
            print(f"--best-of does not know {said} on this board: --data names its climbs", file=sys.stderr)
        sensible, off = judges.sensible(made), judges.off(made)
        draws = n * self.best_of
        rows = np.concatenate(
            [
                first + best(made[part], n, *(None if x is None else x[part] for x in (sensible, off)))
                for first in range(0, len(made), draws)
                for part in [slice(first, first + draws)]
            ]
        )
        extra: dict[str, list[Any]] = {}
        if sensible is not None:
            extra["sensible"] = sensible[rows].tolist()
        if off is not None:
            extra["grade_difference"] = off[rows].round(2).tolist()
        return made[rows], extra


@dataclass(frozen=True)
class Drawing:
    """What the options said, before the model is known."""

    calls: int | None
    guidance: float
    top_p: float

    def of(self, generator: Generator | ExportedGenerator, runtime: str = "torch") -> dict[str, Any]:
        """Arguments of its `sample`. Raises InputError for options that the model does not have."""
        if self == Drawing(None, 0.0, 1.0):
            return {}
        if runtime != "torch":
            raise InputError(f"--runtime {runtime} knows no --calls, --guidance and --top-p: leave them out")
        from setgen.generators.unmasking import Unmasking

        if self.calls is not None and not getattr(generator, "blocks", False):
            name = getattr(generator, "name", "") or "this one"
            raise InputError(f"a model of the kind {name} has no --calls: leave it out")
        how: dict[str, Any] = {"guidance": self.guidance, "top_p": self.top_p}
        return how if self.calls is None else how | {"unmasking": Unmasking(calls=self.calls)}

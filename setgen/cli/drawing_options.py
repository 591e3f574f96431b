"""The options that say how climbs are drawn, shared by `generate` and `complete`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
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

"""The options that say how climbs are drawn, shared by `generate` and `complete`."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from setgen.generators.base import Generator

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

    @property
    def asked(self) -> dict[str, str]:
        """Argument of `sample` → the options that ask for it."""
        sharp = [("--guidance", self.guidance != 0), ("--top-p", self.top_p != 1)]
        named = " and ".join(option for option, on in sharp if on)
        return ({} if self.calls is None else {"unmasking": "--calls"}) | (
            {"sharpening": named} if named else {}
        )

    def of(self, generator: Generator) -> dict[str, Any]:
        """Arguments of its `sample`. Raises InputError for options that the model does not have."""
        known, asked = signature(generator.sample).parameters, self.asked
        for argument, option in asked.items():
            if argument not in known:
                name = getattr(generator, "name", "this one")
                raise InputError(f"a model of the kind {name} has no {option}: leave it out")
        if not asked:
            return {}
        from setgen.generators.sharpening import Sharpening
        from setgen.generators.unmasking import Unmasking

        made: dict[str, Any] = {
            "unmasking": Unmasking(calls=self.calls),
            "sharpening": Sharpening(guidance=self.guidance, top_p=self.top_p),
        }
        return {argument: made[argument] for argument in asked}

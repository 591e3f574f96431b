"""The options that lay down constraints, shared by `generate`, `complete` and `edit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from setgen.climbing.board import Board
    from setgen.climbing.constraints import Constraints

Forbid = Annotated[
    str | None,
    typer.Option(
        "--forbid", help="Holds that must not come: p5,p7 or hole names; G5:start in that role only."
    ),
]
Region = Annotated[
    str | None,
    typer.Option("--region", help="New holds lie in left,bottom,right,top, in inches; edges count."),
]
HoldSets = Annotated[
    str | None, typer.Option("--hold-sets", help="New holds come from these hold sets, separated by commas.")
]
MinHolds = Annotated[int | None, typer.Option("--min-holds", min=1, help="Fewest holds of a climb.")]
MaxHolds = Annotated[int | None, typer.Option("--max-holds", min=1, help="Most holds of a climb.")]
Feet = Annotated[
    str,
    typer.Option(
        "--feet", help="any: as the model likes; marked: one foot hold at least; none: no foot holds."
    ),
]
Reach = Annotated[
    float | None,
    typer.Option(
        "--reach",
        help="New holds lie so many inches from others at most, wherever the other limits leave such a hold.",
    ),
]


@dataclass(frozen=True)
class Laid:
    """What the options said, before the board is known."""

    forbid: str | None
    region: str | None
    hold_sets: str | None
    fewest: int | None
    most: int | None
    feet: str
    reach: float | None

    def on(self, board: Board) -> Constraints | None:
        """None where nothing is laid down. Raises InputError for what is not of this board."""
        from setgen.climbing.constraints import Constraints

        return Constraints.parse(board, **vars(self))

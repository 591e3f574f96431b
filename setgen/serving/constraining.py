"""Constraints of a request: read, and shown to be possible before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.holds import parse_selection
from setgen.climbing.roles import OPEN
from setgen.climbing.rules import size_range
from setgen.generators.prompts import sizes_permitted
from setgen.serving.problems import about
from setgen.serving.requests import ConstrainedRequest

# Field of a request → field of Constraints. The order is that in which they are laid down one after another
# to find which of them is the one too many.
_FIELDS = {
    "min_holds": "fewest",
    "max_holds": "most",
    "feet": "feet",
    "hold_sets": "hold_sets",
    "region": "region",
    "forbid": "forbidden",
    "reach": "reach",
}


def constraints_of(board: Board, request: ConstrainedRequest) -> Constraints:
    """What a request lays down; `Constraints()` where it is nothing. What is not of this board, or
    contradicts itself, is a 422 that names the field."""
    with about("forbid"):
        forbidden = () if request.forbid is None else parse_selection(board, request.forbid)
    laid = Constraints(
        forbidden=forbidden,
        region=None if request.region is None else tuple(request.region),  # type: ignore[arg-type]
        hold_sets=None if request.hold_sets is None else tuple(request.hold_sets),
        fewest=request.min_holds,
        most=request.max_holds,
        feet=request.feet,
        reach=request.reach,
    )
    _one_by_one(laid, lambda some: some.check(board))
    return laid


def sizes_possible(board: Board, prompt: Climb, laid: Constraints) -> list[int]:
    """How many holds a climb around the prompt may have, in order. Where no climb keeps to the constraints,
    a 422 names the field that rules out the last one, and says why."""
    if any(role == OPEN for _, role in prompt.holds):
        with about("holds"):
            possible = sizes_permitted(board, Climbs.from_list([prompt]), Constraints())
    else:
        fewest, most = size_range(board, prompt)
        possible = list(range(fewest, most + 1))
    if laid == Constraints():
        return possible
    return _one_by_one(laid, lambda some: sizes_permitted(board, Climbs.from_list([prompt]), some))


def _one_by_one(laid: Constraints, asked: Callable[[Constraints], Any]) -> Any:
    """asked(laid); an InputError of it is that of the first field which, laid down on those before it,
    raises one."""
    found, so_far = None, Constraints()
    for field, name in _FIELDS.items():
        if getattr(laid, name) != getattr(so_far, name):
            so_far = replace(so_far, **{name: getattr(laid, name)})
            with about(field):
                found = asked(so_far)
    return found

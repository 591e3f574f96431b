"""Climbs as the texts that apps, sites and boards take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.delivery.app import create_climbs
from setgen.climbing.delivery.leds import led_messages
from setgen.climbing.delivery.links import SITES, boardsesh_links, climbdex_searches
from setgen.climbing.delivery.moonboard import full_problems, short_problems
from setgen.climbing.delivery.moonboard_leds import moonboard_messages
from setgen.climbing.frames import write_frames
from setgen.errors import InputError

Form = Literal["app", "frames", "links", "moonboard", "moonboard-short", "leds"]
FORMS = get_args(Form)
_FORMS_OF = {
    "site": ("links",),
    "level": ("leds",),
    "name": ("app", "links", "moonboard"),
    "description": ("app",),
    "setter_id": ("app",),
    "publish": ("app",),
}


@dataclass(frozen=True)
class Writing:
    """What goes with some forms only; None: not said.

    site: of links, boardsesh or climbdex. level: of leds, the board's API level, 3 or 2. name: of the climb, several
    are numbered. description, setter_id, publish: of app.
    """

    site: str | None = None
    level: int | None = None
    name: str | None = None
    description: str | None = None
    setter_id: int | None = None
    publish: bool | None = None

    def misplaced(self, form: str) -> tuple[str, tuple[str, ...]] | None:
        """A field that is given and does not go with `form`, and the forms that it goes with; None: all go."""
        wrong = (n for n, forms in _FORMS_OF.items() if getattr(self, n) is not None and form not in forms)
        return next(((name, _FORMS_OF[name]) for name in wrong), None)

    def names(self, climbs: Climbs) -> list[str]:
        """A name for each climb."""
        name = self.name or "setgen"
        return [name] if len(climbs) == 1 else [f"{name} {i + 1}" for i in range(len(climbs))]


def written(board: Board, climbs: Climbs, form: str, how: Writing = Writing()) -> str:
    """The text of C climbs in one of FORMS: a line for each, but one JSON document for MoonBoards.

    app: the bodies that save climbs in an Aurora app, as JSON lines. links: to boardsesh's editor, or Climbdex's
    search. moonboard: JSON with roles; moonboard-short: without. leds: the bytes that light a climb in hexadecimal
    digits, or a MoonBoard's text. Raises InputError for a form that the board does not have.

    >>> written(board, climbs, "links", Writing(name="Sunday"))  # doctest: +SKIP
    """
    if form == "frames":
        return _lines(write_frames(board, climbs))
    if form == "app":
        bodies = create_climbs(
            board,
            climbs,
            how.names(climbs),
            description=how.description,
            setter_id=how.setter_id,
            draft=not how.publish,
        )
        return _lines([_json(body) for body in bodies])
    if form == "links":
        site = how.site or "boardsesh"
        if site not in SITES:
            raise InputError(f"unknown site {site!r}: use {' or '.join(SITES)}")
        if site == "climbdex":
            return _lines(climbdex_searches(board, climbs))
        return _lines(boardsesh_links(board, climbs, how.names(climbs)))
    if form == "leds":
        return _lines(_leds(board, climbs, how.level))
    if form == "moonboard":
        return _document(full_problems(board, climbs, how.names(climbs)))
    if form == "moonboard-short":
        return _document(short_problems(board, climbs))
    raise InputError(f"unknown form {form!r}: use {', '.join(FORMS)}")


def _leds(board: Board, climbs: Climbs, level: int | None) -> list[str]:
    if board.family == "moonboard":
        if level is not None:
            raise InputError("a MoonBoard's LEDs have no API level: give none")
        return moonboard_messages(board, climbs)
    return [m.hex(" ").upper() for m in led_messages(board, climbs, 3 if level is None else level)]


def _lines(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _document(problems: Sequence[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(map(_json, problems)) + "\n]\n"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)

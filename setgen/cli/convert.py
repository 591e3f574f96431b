"""`setgen convert`: climbs out to the apps and boards that climbers use, and in from them."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    from setgen.climbing.board import Board
    from setgen.climbing.climb_rows import Known
    from setgen.climbing.climbs import Climb, Climbs

FORMS = ("app", "frames", "links", "moonboard", "moonboard-short", "leds", "csv", "jsonl")
# What goes only with some forms.
_FORMS_OF = {
    "--site": ("links",),
    "--level": ("leds",),
    "--name": ("app", "links", "moonboard"),
    "--description": ("app",),
    "--setter-id": ("app",),
    "--publish": ("app",),
}


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(convert)


def convert(
    climbs: Annotated[
        str,
        typer.Option("--climbs", help="File of climbs in any of these forms; - is standard input."),
    ],
    board: Annotated[
        Path,
        typer.Option("--board", help="Where the board is: a dataset folder, or a trained model's folder."),
    ],
    to: Annotated[str, typer.Option("--to", help=f"{', '.join(FORMS)}.")],
    out: Annotated[str, typer.Option("--out", help="File to write; - is standard output.")] = "-",
    angle: Annotated[
        int | None, typer.Option("--angle", help="Angle of climbs that come without one.")
    ] = None,
    grade: Annotated[
        str | None, typer.Option("--grade", help="Grade of climbs that come without one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the climb; several are numbered. Left out: setgen.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="For app: left out, the grade of each.")
    ] = None,
    setter_id: Annotated[
        int | None, typer.Option("--setter-id", help="For app: your user number there, which it asks for.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="For app: for everyone to see, not a draft.")
    ] = False,
    site: Annotated[
        str | None,
        typer.Option(
            "--site",
            help="For links: boardsesh opens its editor on the climb; climbdex, which opens published climbs "
            "only, looks for those with all of its holds. Left out: boardsesh.",
        ),
    ] = None,
    level: Annotated[
        int | None,
        typer.Option("--level", help="For leds: the board's API level, 3 or 2. Left out: 3."),
    ] = None,
    legal: Annotated[
        bool, typer.Option("--legal/--no-legal", help="Refuse climbs that break the board's rules.")
    ] = True,
    routes: Annotated[
        bool,
        typer.Option("--routes", help="Take a route that switches holds off for all holds it ever lights."),
    ] = False,
) -> None:
    """Turn climbs into another form: for an app, a site, a MoonBoard file, or a board's LEDs.

    app: the body that saves a climb in an Aurora app, one a line. links: one a line. moonboard: JSON with
    roles; moonboard-short: without. leds: the bytes that light the climb, as hexadecimal digits, one message
    a line (on a MoonBoard, its text).

    Example: setgen convert --climbs new.jsonl --board data/board --to links --out links.txt
    """
    from setgen.cli.draw import find_board
    from setgen.climbing.climb_files import read_climbs, write_climbs, write_text
    from setgen.climbing.prompts import with_missing

    if to not in FORMS:
        raise InputError(f"unknown form {to!r}: use {', '.join(FORMS)}")
    given = {
        "--site": site,
        "--level": level,
        "--name": name,
        "--description": description,
        "--setter-id": setter_id,
        "--publish": publish or None,
    }
    for option, forms in _FORMS_OF.items():
        if given[option] is not None and to not in forms:
            raise InputError(f"{option} goes with --to {' or '.join(forms)}, not with {to}")
    check_target(out)
    wall = find_board(board)
    read = with_missing(wall, read_climbs(climbs, wall, legal, routes, _published(board)), angle, grade)
    if to in ("frames", "csv", "jsonl"):
        write_climbs(out, wall, read, to)
    elif to == "app":
        write_text(out, _app(wall, read, _names(read, name), description, setter_id, not publish))
    elif to == "links":
        write_text(out, _links(wall, read, _names(read, name), site or "boardsesh"))
    elif to == "leds":
        write_text(out, _leds(wall, read, level))
    else:
        write_text(out, _moonboard(wall, read, _names(read, name), short=to == "moonboard-short"))


def _published(folder: Path) -> Known | None:
    """How to look up the climbs of a dataset folder by their ids; None where `folder` is none."""
    if not (folder / "climbs.parquet").is_file():
        return None

    @cache
    def by_id() -> dict[str, list[Climb]]:
        from setgen.climbing.dataset import Dataset

        dataset = Dataset.load(folder)
        found: dict[str, list[Climb]] = {}
        for name, climb in zip(dataset.ids.tolist(), dataset.climbs, strict=True):
            found.setdefault(str(name).upper(), []).append(climb)
        return found

    return by_id


def _names(climbs: Climbs, name: str | None) -> list[str]:
    name = name or "setgen"
    return [name] if len(climbs) == 1 else [f"{name} {i + 1}" for i in range(len(climbs))]


def _app(
    board: Board,
    climbs: Climbs,
    names: list[str],
    description: str | None,
    setter_id: int | None,
    draft: bool,
) -> str:
    from setgen.climbing.delivery.app import create_climbs

    bodies = create_climbs(board, climbs, names, description=description, setter_id=setter_id, draft=draft)
    if setter_id is None and sys.stderr is not None:
        print("note: setter_id is null; the app asks for yours: give it with --setter-id", file=sys.stderr)
    if board.family == "kilter" and sys.stderr is not None:
        print(
            "note: Kilter left the service that takes these bodies in March 2026: --to links opens a climb "
            "in boardsesh, --to leds lights it",
            file=sys.stderr,
        )
    return "".join(_json(body) + "\n" for body in bodies)


def _links(board: Board, climbs: Climbs, names: list[str], site: str) -> str:
    from setgen.climbing.delivery.links import SITES, boardsesh_links, climbdex_searches

    if site not in SITES:
        raise InputError(f"unknown site {site!r}: use {' or '.join(SITES)}")
    boardsesh = site == "boardsesh"
    links = boardsesh_links(board, climbs, names) if boardsesh else climbdex_searches(board, climbs)
    return "".join(link + "\n" for link in links)


def _leds(board: Board, climbs: Climbs, level: int | None) -> str:
    from setgen.climbing.delivery.leds import led_messages
    from setgen.climbing.delivery.moonboard_leds import moonboard_messages

    if board.family == "moonboard":
        if level is not None:
            raise InputError("a MoonBoard's LEDs have no API level: leave out --level")
        return "".join(message + "\n" for message in moonboard_messages(board, climbs))
    messages = led_messages(board, climbs, 3 if level is None else level)
    return "".join(message.hex(" ").upper() + "\n" for message in messages)


def _moonboard(board: Board, climbs: Climbs, names: list[str], short: bool) -> str:
    from setgen.climbing.delivery.moonboard import full_problems, short_problems

    problems = short_problems(board, climbs) if short else full_problems(board, climbs, names)
    return "[\n" + ",\n".join(map(_json, problems)) + "\n]\n"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)

"""`setgen convert`: climbs out to the apps and boards that climbers use, and in from them."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    from setgen.climbing.climb_rows import Known
    from setgen.climbing.climbs import Climb

_FILES = ("csv", "jsonl")


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
    to: Annotated[
        str, typer.Option("--to", help="app, frames, links, moonboard, moonboard-short, leds, csv, jsonl.")
    ],
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
    from setgen.climbing.board import find_board
    from setgen.climbing.climb_files import read_climbs, write_climbs, write_text
    from setgen.climbing.delivery.forms import FORMS, Writing, written
    from setgen.climbing.prompts import with_missing

    if to not in (*FORMS, *_FILES):
        raise InputError(f"unknown form {to!r}: use {', '.join((*FORMS, *_FILES))}")
    how = Writing(site, level, name, description, setter_id, publish or None)
    misplaced = how.misplaced(to)
    if misplaced is not None:
        option, forms = misplaced
        raise InputError(f"--{option.replace('_', '-')} goes with --to {' or '.join(forms)}, not with {to}")
    check_target(out)
    wall = find_board(board)
    read = with_missing(wall, read_climbs(climbs, wall, legal, routes, _published(board)), angle, grade)
    if to in _FILES:
        return write_climbs(out, wall, read, to)
    text = written(wall, read, to, how)
    if to == "app" and sys.stderr is not None:
        _say_what_the_app_needs(wall.family, setter_id)
    return write_text(out, text)


def _published(folder: Path) -> Known | None:
    """How to look up the climbs of a dataset folder by their ids; None where `folder` is none."""
    if not (folder / "climbs.parquet").is_file():
        return None

    def by_id() -> dict[str, list[Climb]]:
        from setgen.climbing.dataset import Dataset
        from setgen.climbing.similar import KnownClimbs

        dataset = Dataset.load(folder)
        return KnownClimbs(dataset.board, dataset.climbs, dataset.ids).by_id

    return cache(by_id)


def _say_what_the_app_needs(family: str, setter_id: int | None) -> None:
    if setter_id is None:
        print("note: setter_id is null; the app asks for yours: give it with --setter-id", file=sys.stderr)
    if family == "kilter":
        print(
            "note: Kilter left the service that takes these bodies in March 2026: --to links opens a climb "
            "in boardsesh, --to leds lights it",
            file=sys.stderr,
        )

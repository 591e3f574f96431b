"""`setgen draw`: climbs on their board, as PNG or SVG."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from setgen.climbing.board import Board


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(draw)


def draw(
    board: Annotated[
        Path,
        typer.Option("--board", help="Where the board is: a dataset folder, or a trained model's folder."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Picture to write: its name ends with .png or .svg.")],
    climbs: Annotated[
        str | None,
        typer.Option("--climbs", help="File of climbs: frames, JSON lines or CSV; - is standard input."),
    ] = None,
    holds: Annotated[
        str | None,
        typer.Option(
            "--holds", help="One climb: a frames string, or hole names such as J5:start,H10,J18:finish."
        ),
    ] = None,
    angle: Annotated[
        int | None, typer.Option("--angle", help="Angle of climbs that come without one.")
    ] = None,
    grade: Annotated[
        str | None, typer.Option("--grade", help="Grade of climbs that come without one.")
    ] = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Write every hold's number beside it.")] = False,
    first: Annotated[int, typer.Option("--first", min=1, help="Draw at most so many climbs.")] = 24,
    columns: Annotated[int, typer.Option("--columns", min=1, help="Boards beside each other.")] = 4,
) -> None:
    """Draw climbs: one on its own, several as a gallery, none for the bare board.

    Example: setgen draw --board data/kilter --climbs new.jsonl --out new.png

    To see the numbers that name the holds: setgen draw --board data/kilter --numbers --out board.svg
    """
    from setgen.climbing.climb_files import read_climbs
    from setgen.climbing.prompts import make_prompts, with_missing
    from setgen.figures import check_picture, save_figure

    if climbs is not None and holds is not None:
        raise InputError("--climbs and --holds are both given: choose one")
    check_picture(out)
    wall = find_board(board)
    if climbs is not None:
        # A picture is how one sees what is wrong with an illegal climb.
        shown = with_missing(wall, read_climbs(climbs, wall, check=False), angle, grade)
    else:
        shown = make_prompts(wall, holds=holds or "", angle=angle, grade=grade, legal=False)
    if len(shown) > first:
        print(f"drew the first {first} of {len(shown)} climbs; --first draws more", file=sys.stderr)
        shown = shown[:first]

    from setgen.climbing.draw import draw_climb, draw_climbs

    if len(shown) > 1:
        figure = draw_climbs(wall, shown, columns, numbers=numbers)
    else:
        climb = shown.climb(0)
        bare = f"{len(wall)} holds" if not climb.holds else None
        figure = draw_climb(wall, climb, title=bare, numbers=numbers)
    save_figure(figure, out)


def find_board(folder: Path) -> Board:
    """The board of a dataset, model or run folder, or of a board.json itself.

    Raises InputError when there is none.
    """
    from setgen.climbing.board import Board

    for path in (folder, folder / "board.json", folder / "model" / "board.json"):
        if path.is_file():
            return Board.load(path)
    raise InputError(f"there is no board in {folder}: give a dataset folder or a trained model's folder")

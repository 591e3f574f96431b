"""`setgen draw`: climbs on their board, as PNG or SVG."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_REAL, _FIRST = 16, 24


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(draw)


def draw(
    out: Annotated[Path, typer.Option("--out", help="Picture to write: its name ends with .png or .svg.")],
    board: Annotated[
        Path | None,
        typer.Option("--board", help="Where the board is: a dataset folder, or a trained model's folder."),
    ] = None,
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
    data: Annotated[
        Path | None, typer.Option("--data", help="Dataset folder: draw real climbs of its test part.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            help="With --data: a trained model, whose climbs for the same angles and grades stand beside.",
        ),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", min=1, max=200, help="With --data: so many real climbs; left out: 16.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="With --data: which climbs; left out: 0.")
    ] = None,
    angle: Annotated[
        int | None, typer.Option("--angle", help="Angle of climbs that come without one.")
    ] = None,
    grade: Annotated[
        str | None, typer.Option("--grade", help="Grade of climbs that come without one.")
    ] = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Write every hold's number beside it.")] = False,
    first: Annotated[
        int | None, typer.Option("--first", min=1, help="Draw at most so many climbs; left out: 24.")
    ] = None,
    columns: Annotated[int, typer.Option("--columns", min=1, help="Boards beside each other.")] = 4,
) -> None:
    """Draw climbs: one on its own, several as a gallery, none for the bare board.

    Example: setgen draw --board data/kilter --climbs new.jsonl --out new.png

    Real climbs, and a model's beside them: setgen draw --data data/kilter -n 8 --model runs/mine --out both.png

    To see the numbers that name the holds: setgen draw --board data/kilter --numbers --out board.svg
    """
    from setgen.climbing.climb_files import read_climbs
    from setgen.climbing.prompts import make_prompts, with_missing
    from setgen.figures import check_picture, save_figure

    sources = {"--board": board, "--climbs": climbs, "--holds": holds, "--data": data}
    given = [option for option, value in sources.items() if value is not None]
    if data is not None and len(given) > 1:
        raise InputError(f"--data has its own board and climbs: leave out {given[0]}")
    if climbs is not None and holds is not None:
        raise InputError("--climbs and --holds are both given: choose one")
    if model is not None and data is None:
        raise InputError("--model stands beside real climbs: name their dataset with --data")
    others = (
        {"--angle": angle, "--grade": grade, "--first": first}
        if data is not None
        else {"-n": n, "--seed": seed}
    )
    for option, value in others.items():
        if value is not None:
            with_data = "does not go with --data" if data is not None else "goes with --data"
            raise InputError(f"{option} {with_data}: leave it out")
    check_picture(out)
    if data is not None:
        return save_figure(_beside_real(data, model, n or _REAL, seed or 0, columns, numbers), out)
    if board is None:
        raise InputError("--board is missing: name a dataset folder or a trained model's, or use --data")
    from setgen.climbing.board import find_board

    wall = find_board(board)
    if climbs is not None:
        # A picture is how one sees what is wrong with an illegal climb.
        shown = with_missing(wall, read_climbs(climbs, wall, check=False), angle, grade)
    else:
        shown = make_prompts(wall, holds=holds or "", angle=angle, grade=grade, legal=False)
    first = first or _FIRST
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
    return save_figure(figure, out)


def _beside_real(data: Path, model: Path | None, n: int, seed: int, columns: int, numbers: bool) -> Figure:
    """n real climbs; with a model, each with one of the model's behind it, for the same angle and grade."""
    from setgen.climbing.climbs import Climbs
    from setgen.climbing.dataset import Dataset
    from setgen.climbing.draw import climb_title, draw_climbs
    from setgen.climbing.judges import check_same_wall

    dataset = Dataset.load(data)
    real = dataset.part("test").at_most(n, seed)
    if not len(real):
        raise InputError(f"{data} has no test climbs to draw")
    if model is None:
        return draw_climbs(dataset.board, real, columns, numbers=numbers)
    from setgen.climbing.board import board_of
    from setgen.generators.registry import load_generator

    generator = load_generator(model)
    check_same_wall(board_of(generator.space), dataset.board, data)
    made = generator.sample(real.emptied(), seed=seed)
    pairs = [climb for both in zip(real, made, strict=True) for climb in both]
    titles = [
        f"{'made' if i % 2 else 'real'}: {climb_title(c, asked=i % 2 == 1)}" for i, c in enumerate(pairs)
    ]
    return draw_climbs(dataset.board, Climbs.from_list(pairs), columns, titles=titles, numbers=numbers)

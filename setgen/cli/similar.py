"""`setgen similar`: which known climbs are near."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from setgen.climbing.board import Board
    from setgen.climbing.climbs import Climbs
    from setgen.climbing.similar import Similar

_FORMATS = ("table", "jsonl", "csv")


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(similar)


def similar(
    data: Annotated[Path, typer.Option("--data", help="Dataset folder with the known climbs.")],
    climbs: Annotated[
        str | None,
        typer.Option("--climbs", help="File of climbs: frames, JSON lines or CSV; - is standard input."),
    ] = None,
    holds: Annotated[
        str | None,
        typer.Option("--holds", help="One climb: a frames string or hole names (J5:start,H10,J18:finish)."),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=100, help="How many known climbs for each.")] = 5,
    format: Annotated[str, typer.Option("--format", help="table, jsonl or csv.")] = "table",
    out: Annotated[str, typer.Option("--out", help="File to write; - is standard output.")] = "-",
) -> None:
    """Find the known climbs that share most holds and roles with a climb or with its mirror image.

    A similarity of 1 is the same climb. One that is known at several angles comes once, with all of them.

    Example: setgen similar --data data/kilter --climbs new.jsonl
    """
    from setgen.climbing.climb_files import read_climbs, write_text
    from setgen.climbing.climbs import Climb, Climbs
    from setgen.climbing.dataset import Dataset
    from setgen.climbing.holds import parse_holds
    from setgen.climbing.similar import similar as nearest
    from setgen.files import check_target

    if format not in _FORMATS:
        raise InputError(f"unknown format {format!r}: use {', '.join(_FORMATS)}")
    if (climbs is None) == (holds is None):
        raise InputError("give either --climbs, a file, or --holds, one climb")
    check_target(out)
    dataset = Dataset.load(data)
    board = dataset.board
    if holds is not None:
        given = Climbs.from_list([Climb(parse_holds(board, holds))])
    else:
        given = read_climbs(str(climbs), board, check=False)
    if not given.sizes.all():
        raise InputError(f"climb {int(given.sizes.argmin()) + 1} has no holds: there is nothing to compare")
    found = nearest(board, given, dataset.climbs, n)
    write_text(out, _written(board, given, dataset.climbs, found, format))


def _written(board: Board, given: Climbs, known: Climbs, found: list[list[Similar]], format: str) -> str:
    import pandas as pd

    from setgen.climbing.frames import write_frames
    from setgen.climbing.grades import UNKNOWN, grade_name

    def where(row: int) -> str:
        angle, grade = int(known.angle[row]), int(known.grade[row])
        said = ("" if angle == UNKNOWN else f"{angle}°", "" if grade == UNKNOWN else grade_name(grade))
        return " ".join(filter(None, said))

    frames = write_frames(board, given)
    table = pd.DataFrame(
        [
            {
                "climb": i + 1,
                "frames": frames[i],
                "similarity": round(one.similarity, 3),
                "mirrored": one.mirrored,
                "known": write_frames(board, known[[one.rows[0]]])[0],
                "graded": ", ".join(filter(None, map(where, one.rows))),
            }
            for i, near in enumerate(found)
            for one in near
        ],
        columns=["climb", "frames", "similarity", "mirrored", "known", "graded"],
    )
    if format == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    if format == "jsonl":
        return table.to_json(orient="records", lines=True, force_ascii=False)
    shown = table.drop(columns="frames").assign(mirrored=table["mirrored"].map({True: "yes", False: ""}))
    return shown.to_string(index=False) + "\n" if len(table) else "no known climb shares a hold in its role\n"

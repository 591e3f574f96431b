"""`setgen grade` and `setgen grader`: how hard climbs are, at any angle, and how sure that is."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    from setgen.climbing.board import Board
    from setgen.climbing.climbs import Climbs
    from setgen.climbing.grading.grader import Grader
    from setgen.runtime.grader import ExportedGrader

_FORMATS = ("table", "jsonl", "csv")

Data = Annotated[
    Path | None, typer.Option(help="Dataset folder; its grader is trained when first asked for, then kept.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(grade)
    app.command()(grader)


def grade(
    data: Data = None,
    grader: Annotated[Path | None, typer.Option(help="Folder that `setgen grader` wrote, instead.")] = None,
    climbs: Annotated[
        str | None, typer.Option(help="File of climbs: frames, JSON lines or CSV; - is standard input.")
    ] = None,
    holds: Annotated[
        str | None, typer.Option(help="One climb: a frames string or hole names (J5:start,H10,J18:finish).")
    ] = None,
    angles: Annotated[
        str | None,
        typer.Option(
            "--angles", "--angle", help="Angles in degrees, such as 40 or 20,40; left out: its own."
        ),
    ] = None,
    format: Annotated[str, typer.Option(help="table, jsonl or csv.")] = "table",
    out: Annotated[str, typer.Option(help="File to write; - is standard output.")] = "-",
    runtime: Annotated[
        str, typer.Option(help="torch; onnx for a grader that `setgen export` wrote.")
    ] = "torch",
) -> None:
    """Grade climbs at their own angle or at others, with the 80 % interval of each grade.

    Example: setgen grade --data data/board --climbs new.jsonl --angles 30,40,50
    """
    if format not in _FORMATS:
        raise InputError(f"unknown format {format!r}: use {', '.join(_FORMATS)}")
    if (climbs is None) == (holds is None):
        raise InputError("give either --climbs, a file, or --holds, one climb")
    if (data is None) == (grader is None):
        raise InputError(
            "give either --data, a dataset folder, or --grader, a folder that `setgen grader` wrote"
        )
    if runtime != "torch" and grader is None:
        raise InputError(f"--runtime {runtime} needs --grader, a folder that `setgen export` wrote")
    check_target(out)
    wanted = _angles(angles)

    from setgen.climbing.climb_files import write_text

    judge = _trained(data) if data is not None else _loaded(grader, runtime)
    given = _climbs(judge.board, climbs, holds)
    _say_what_is_new(judge, given, wanted)
    write_text(out, _rendered(_rows(judge, given, wanted), format))


def grader(
    data: Annotated[Path, typer.Option(help="Dataset folder; its training climbs teach the grader.")],
    out: Annotated[Path, typer.Option(help="Folder to write; `setgen grade --grader` takes it.")],
) -> None:
    """Save the grader of a dataset, trained now if it has not been before.

    Example: setgen grader --data data/board --out graders/board
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already: choose another folder")
    judge = _trained(data)
    judge.save(out)
    print(f"Grader: {out}", file=sys.stderr)


def _angles(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        wanted = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"angles {text!r} are not whole degrees: write for instance 20,40") from None
    if not all(0 <= angle <= 90 for angle in wanted):
        raise InputError(f"angles {text!r} must lie between 0 and 90 degrees")
    return wanted


def _trained(data: Path) -> Grader:
    from setgen.cli.progress import grader_training
    from setgen.climbing.dataset import Dataset
    from setgen.climbing.grading.cache import grader_for
    from setgen.climbing.grading.fit import why_not

    dataset = Dataset.load(data)
    with grader_training() as progress:
        known = grader_for(dataset, progress=progress)
    if known is None:
        raise InputError(f"{data} has no grader: {why_not(dataset)}")
    return known


def _loaded(folder: Path | None, runtime: str) -> Grader | ExportedGrader:
    assert folder is not None
    if runtime != "torch":
        from setgen.runtime.registry import load_exported_grader

        return load_exported_grader(folder, runtime)
    from setgen.climbing.grading.grader import load_grader
    from setgen.runtime.folder import refuse_exported

    refuse_exported(folder)
    return load_grader(folder)


def _climbs(board: Board, climbs: str | None, holds: str | None) -> Climbs:
    from setgen.climbing.climb_files import read_climbs
    from setgen.climbing.climbs import Climb, Climbs
    from setgen.climbing.geometry import as_sets
    from setgen.climbing.holds import parse_holds

    if climbs is not None:
        given = read_climbs(climbs, board, check=False)
    else:
        given = Climbs.from_list([Climb(parse_holds(board, holds or ""))])
    empty = as_sets(board, given).sizes == 0
    if empty.any():
        raise InputError(f"climb {int(empty.argmax()) + 1} has no holds: there is nothing to grade")
    return given


def _say_what_is_new(judge: Grader | ExportedGrader, given: Climbs, angles: list[int] | None) -> None:
    """A line on standard error where a grade is asked for at an angle that no training climb had."""
    from setgen.climbing.grades import UNKNOWN

    low, high = judge.config.angles
    asked = set(given.angle.tolist() if angles is None else angles) - {UNKNOWN}
    new = ", ".join(f"{angle}°" for angle in sorted(asked) if not low <= angle <= high)
    if not new or sys.stderr is None:
        return
    if low == UNKNOWN:
        print("note: no training climb had an angle: angles change nothing", file=sys.stderr)
    elif low == high:
        print(f"note: all training climbs are at {low}°: {new} is graded as {low}°", file=sys.stderr)
    else:
        print(
            f"note: training climbs are at {low}° to {high}°: {new} is a guess beyond them", file=sys.stderr
        )


def _rows(judge: Grader | ExportedGrader, given: Climbs, angles: list[int] | None) -> list[dict[str, Any]]:
    """A row for each climb and angle, climb by climb."""
    from setgen.climbing.frames import write_frames
    from setgen.climbing.grades import FONT, UNKNOWN, V

    frames = write_frames(judge.board, given)
    asked: list[int | None] = [*angles] if angles else [None]
    gradings = [judge.grade(given, angle) for angle in asked]
    rows = []
    for i, text in enumerate(frames):
        for angle, found in zip(asked, gradings, strict=True):
            own = int(given.angle[i]) if angle is None else angle
            median = int(found.median[i])
            low, high = (int(end[i]) for end in found.interval())
            rows.append(
                {
                    "frames": text,
                    "angle": None if own == UNKNOWN else own,
                    "grade": FONT[median],
                    "v_grade": V[median],
                    "probability": round(float(found.probabilities[i][median - int(found.grades[0])]), 4),
                    "lowest": FONT[low],
                    "highest": FONT[high],
                    "difficulty": round(float(found.mean[i]), 3),
                }
            )
    return rows


def _rendered(rows: list[dict[str, Any]], format: str) -> str:
    if format == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if format == "csv":
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, caption="80 %: the grade lies in this range four times out of five")
    shown.add_column("climb", overflow="ellipsis", no_wrap=True, max_width=50)
    for column in ("angle", "grade", "80 %", "probability"):
        shown.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(
            row["frames"],
            "any" if row["angle"] is None else f"{row['angle']}°",
            f"{row['grade']}/{row['v_grade']}",
            f"{row['lowest']} – {row['highest']}",
            f"{row['probability']:.0%}",
        )
    buffer = io.StringIO()
    Console(file=buffer, width=110, color_system=None).print(shown)
    return buffer.getvalue()

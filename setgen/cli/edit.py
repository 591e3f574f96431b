"""`setgen edit`: keep what is liked of a climb, redraw the rest; or more like several climbs."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.cli.constraint_options import Feet, Forbid, HoldSets, Laid, MaxHolds, MinHolds, Reach, Region
from setgen.cli.drawing_options import BestOf, Choosing
from setgen.cli.generate import Angle, Grade, Model, Out, Seed, Size, Temperature
from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    from setgen.climbing.board import Board
    from setgen.climbing.climbs import Climb, Climbs
    from setgen.climbing.grading.grader import Grader, Grading

_FORMATS = ("table", "frames", "jsonl", "csv")
_SHARE = 0.5


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(edit)


def edit(
    climb: Annotated[
        str | None, typer.Option("--climb", help="The climb: a frames string or hole names (J5:start,H10).")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="Holds that stay: p5,p7, hole names, or a frames string.")
    ] = None,
    redraw: Annotated[
        int | None, typer.Option("--redraw", min=1, help="So many holds are drawn anew, at random.")
    ] = None,
    redraw_share: Annotated[
        float | None,
        typer.Option(
            "--redraw-share", min=0.0, max=1.0, help="This share of the holds instead; left out: half."
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", help="File of climbs: new ones like these, instead of one climb.")
    ] = None,
    climb_angle: Annotated[
        int | None, typer.Option("--climb-angle", help="Angle of the climb as it is; left out: --angle.")
    ] = None,
    climb_grade: Annotated[
        str | None, typer.Option("--climb-grade", help="Grade of the climb as it is; left out: as graded.")
    ] = None,
    harder: Annotated[
        int, typer.Option("--harder", min=0, help="Ask for so many V grades more than the climb has.")
    ] = 0,
    easier: Annotated[int, typer.Option("--easier", min=0, help="Ask for so many V grades less.")] = 0,
    model: Model = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Dataset folder whose grader grades; left out: the model's.")
    ] = None,
    angle: Angle = None,
    grade: Grade = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many proposals.")] = 8,
    size: Size = None,
    seed: Seed = 0,
    temperature: Temperature = 1.0,
    format: Annotated[str, typer.Option("--format", help="table, frames, jsonl or csv.")] = "table",
    out: Out = "-",
    forbid: Forbid = None,
    region: Region = None,
    hold_sets: HoldSets = None,
    min_holds: MinHolds = None,
    max_holds: MaxHolds = None,
    feet: Feet = "any",
    reach: Reach = None,
    best_of: BestOf = 1,
) -> None:
    """Change a climb: keep some holds and draw the rest anew, for another grade or angle too.

    Example: setgen edit --model runs/mine --climb p5r1p27r2p49r2p104r3 --keep p5,p104 --angle 50 --harder 1
    """
    if format not in _FORMATS:
        raise InputError(f"unknown format {format!r}: use {', '.join(_FORMATS)}")
    if (climb is None) == (like is None):
        raise InputError("give either --climb, one climb to change, or --like, a file of climbs to resemble")
    if sum(x is not None for x in (keep, redraw, redraw_share)) > 1:
        raise InputError("give one of --keep, --redraw and --redraw-share")
    if (harder and easier) or ((harder or easier) and (grade is not None or like is not None)):
        raise InputError("give one of --grade, --harder and --easier; with --like, --grade alone")
    if best_of > 1 and like is not None:
        raise InputError("--like chooses among draws already: leave --best-of out")
    Choosing(best_of, data if best_of > 1 else None).check(n)
    check_target(out)

    import numpy as np

    from setgen.climbing.choosing import best
    from setgen.climbing.climb_files import read_climbs
    from setgen.climbing.climbs import Climb
    from setgen.climbing.editing import edit as redrawn
    from setgen.climbing.editing import grade_steps, more_like
    from setgen.climbing.grades import UNKNOWN
    from setgen.climbing.holds import parse_holds
    from setgen.climbing.judges import Judges
    from setgen.climbing.prompts import make_prompts
    from setgen.climbing.rules import check_prompt
    from setgen.serving.model import load_model

    if model is None and sys.stderr is not None:
        print("the built-in model of the synthetic board; --model names another", file=sys.stderr)
    served = load_model(model, data)
    board, generator, judge = served.board, served.generator, served.grader
    laid = Laid(forbid, region, hold_sets, min_holds, max_holds, feet, reach).on(board)
    asked = make_prompts(board, angle=angle, grade=grade).climb(0)
    if like is not None:
        others = (redraw, redraw_share, size, climb_angle, climb_grade)
        if any(other is not None for other in others):
            raise InputError(
                "--like takes --keep, but no --redraw, --redraw-share, --size or --climb-… option"
            )
        kept = () if keep is None else parse_holds(board, keep)
        check_prompt(board, Climb(kept))
        made = more_like(
            generator,
            read_climbs(like, board),
            keep=kept,
            angle=None if angle is None else asked.angle,
            grade=None if grade is None else asked.grade,
            n=n,
            seed=seed,
            temperature=temperature,
            constraints=laid,
        )
        _write(out, format, board, None, made, judge)
        return
    was_at = angle if climb_angle is None else climb_angle
    was = make_prompts(board, holds=climb or "", angle=was_at, grade=climb_grade, legal=False).climb(0)
    parse_holds(board, climb or "")  # a climb to edit has no open roles
    steps, target = harder - easier, was.grade if grade is None else asked.grade
    if steps:
        own = _graded(judge, was) if was.grade == UNKNOWN else was.grade
        target = grade_steps(board, own, steps)
    made = redrawn(
        generator,
        was,
        keep=_placements(board, keep),
        redraw=_how_many(was, redraw, redraw_share) if keep is None else None,
        angle=was.angle if angle is None else asked.angle,
        grade=target,
        size=size,
        n=n * best_of,
        seed=seed,
        temperature=temperature,
        constraints=laid,
    )
    if best_of > 1:
        judges = Judges(served.rules, judge)
        made = made[best(made, n, judges.sensible(made), judges.off(made))]
    elif judge is not None and target != UNKNOWN:
        made = made[np.argsort(np.abs(judge.grade(made).mean - target), kind="stable")]
    _write(out, format, board, was, made, judge)


def _placements(board: Board, keep: str | None) -> list[int] | None:
    from setgen.climbing.holds import parse_selection

    return None if keep is None else [placement for placement, _ in parse_selection(board, keep)]


def _how_many(was: Climb, redraw: int | None, share: float | None) -> int:
    if redraw is not None:
        return redraw
    return max(1, round((_SHARE if share is None else share) * len(was.holds)))


def _graded(judge: Grader | None, climb: Climb) -> int:
    from setgen.climbing.climbs import Climbs

    if judge is None:
        raise InputError("nothing is known of the climb's grade: give --climb-grade, or --data with a grader")
    if not climb.holds:
        raise InputError("the climb to edit has no holds")
    return int(judge.grade(Climbs.from_list([climb])).median[0])


def _write(
    out: str, format: str, board: Board, was: Climb | None, made: Climbs, judge: Grader | None
) -> None:
    """The proposals with what a grader says of them, and what changed; the table has the climb first."""
    from setgen.climbing.climb_files import write_climbs, write_text
    from setgen.climbing.climbs import Climbs
    from setgen.climbing.editing import changes
    from setgen.climbing.grades import grade_name

    if format == "table":
        shown = made if was is None else Climbs.concatenate([Climbs.from_list([was]), made])
        grading = None if judge is None else judge.grade(shown)
        write_text(out, _table(board, was, shown, grading))
        return
    extra: dict[str, list[object]] = {}
    if judge is not None:
        grading = judge.grade(made)
        extra["predicted"] = [grade_name(g) for g in grading.median.tolist()]
        extra["difficulty"] = [round(d, 3) for d in grading.mean.tolist()]
    if was is not None:
        extra["changes"] = [changes(board, was, climb) for climb in made]
    write_climbs(out, board, made, format, extra)


def _table(board: Board, was: Climb | None, shown: Climbs, grading: Grading | None) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from setgen.climbing.editing import changes
    from setgen.climbing.frames import write_frames
    from setgen.climbing.grades import UNKNOWN, grade_name

    table = Table(box=box.SIMPLE_HEAD)
    angle, grade = int(shown.angle[-1]), int(shown.grade[-1])
    if grade != UNKNOWN:
        table.title = f"asked for {grade_name(grade)}{'' if angle == UNKNOWN else f' at {angle}°'}"
        table.title += "" if grading is None or was is None else "; graded nearest to it first"
    for name in ("", "graded", "changes" if was is not None else "", "frames"):
        table.add_column(name, overflow="fold")
    for i, (climb, frames) in enumerate(zip(shown, write_frames(board, shown), strict=True)):
        first = was is not None and i == 0
        table.add_row(
            "now" if first else str(i + (was is None)),
            "" if grading is None else grade_name(int(grading.median[i])),
            "" if was is None else changes(board, was, climb),
            frames,
        )
    buffer = io.StringIO()
    Console(file=buffer, width=110, color_system=None).print(table)
    return buffer.getvalue()

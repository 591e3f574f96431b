"""`setgen generate`, `complete` and `score`: a trained model at work. Torch is imported in commands only."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.cli.constraint_options import Feet, Forbid, HoldSets, Laid, MaxHolds, MinHolds, Reach, Region
from setgen.cli.drawing_options import Calls, Drawing, Guidance, TopP
from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    import numpy as np

    from setgen.boards.board import Board
    from setgen.boards.climbs import Climbs

Model = Annotated[
    Path | None,
    typer.Option(
        "--model", help="Folder of a trained model (a run folder of `train`); left out: the built-in one."
    ),
]
Angle = Annotated[int | None, typer.Option("--angle", help="Wall angle in degrees; left out: any.")]
Grade = Annotated[
    str | None, typer.Option("--grade", help="Font or V grade, such as 7a or V6; left out: any.")
]
Size = Annotated[int | None, typer.Option("--size", help="Number of holds of every climb; left out: any.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same climbs.")]
Temperature = Annotated[
    float, typer.Option("--temperature", min=0.0, help="Below 1: safer and more alike; above 1: wilder.")
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="frames, jsonl or csv; left out: by the ending of --out, else frames."),
]
Out = Annotated[str, typer.Option("--out", help="File to write; - is standard output.")]
Legal = Annotated[
    bool,
    typer.Option(
        "--legal/--no-legal",
        help="Keep to the board's rules (starts, finishes, holds); on unless switched off.",
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="torch, for a trained model; onnx, for a folder that `setgen export` wrote.",
    ),
]


_MOST_CLIMBS = 1_000_000  # of one call: they are all held in memory, and written when all are made


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(generate)
    app.command()(complete)
    app.command()(score)


def generate(
    model: Model = None,
    angle: Angle = None,
    grade: Grade = None,
    n: Annotated[int, typer.Option("-n", min=1, max=_MOST_CLIMBS, help="How many climbs.")] = 10,
    size: Size = None,
    seed: Seed = 0,
    temperature: Temperature = 1.0,
    format: Format = None,
    out: Out = "-",
    legal: Legal = True,
    runtime: Runtime = "torch",
    forbid: Forbid = None,
    region: Region = None,
    hold_sets: HoldSets = None,
    min_holds: MinHolds = None,
    max_holds: MaxHolds = None,
    feet: Feet = "any",
    reach: Reach = None,
    calls: Calls = None,
    guidance: Guidance = 0.0,
    top_p: TopP = 1.0,
) -> None:
    """Make new climbs for an angle and a grade.

    Example: setgen generate --model runs/gpt --angle 40 --grade 7a -n 100 --out new.jsonl
    """
    laid = Laid(forbid, region, hold_sets, min_holds, max_holds, feet, reach)
    drawing = Drawing(calls, guidance, top_p)
    _sample(model, [""], angle, grade, n, size, seed, temperature, format, out, legal, laid, drawing, runtime)


def complete(
    holds: Annotated[
        str,
        typer.Option(
            "--holds",
            help="The holds you want: a frames string (p1164r12p1185r12) or hole names (J5:start,H10); "
            "the model chooses the role of J5:? and p1164r?; - reads one such prompt a line from standard "
            "input.",
        ),
    ],
    model: Model = None,
    angle: Angle = None,
    grade: Grade = None,
    n: Annotated[
        int, typer.Option("-n", min=1, max=_MOST_CLIMBS, help="How many climbs for each prompt.")
    ] = 8,
    size: Size = None,
    seed: Seed = 0,
    temperature: Temperature = 1.0,
    format: Format = None,
    out: Out = "-",
    legal: Legal = True,
    runtime: Runtime = "torch",
    forbid: Forbid = None,
    region: Region = None,
    hold_sets: HoldSets = None,
    min_holds: MinHolds = None,
    max_holds: MaxHolds = None,
    feet: Feet = "any",
    reach: Reach = None,
    calls: Calls = None,
    guidance: Guidance = 0.0,
    top_p: TopP = 1.0,
) -> None:
    """Finish climbs from holds you have chosen; those stay as they are.

    Example: setgen complete --model runs/gpt --holds p1164r12p1185r12 --angle 40 --grade V6 -n 8
    """
    from setgen.climb_files import read_text

    texts = read_text("-").splitlines() if holds.strip() == "-" else [holds]
    if not any(text.strip() for text in texts):
        raise InputError("no holds are given: name some with --holds, or use `setgen generate` for none")
    laid = Laid(forbid, region, hold_sets, min_holds, max_holds, feet, reach)
    drawing = Drawing(calls, guidance, top_p)
    _sample(
        model, texts, angle, grade, n, size, seed, temperature, format, out, legal, laid, drawing, runtime
    )


def score(
    model: Model = None,
    climbs: Annotated[
        str, typer.Option("--climbs", help="File of climbs: frames, JSON lines or CSV; - is standard input.")
    ] = "-",
    angle: Annotated[
        int | None, typer.Option("--angle", help="Angle of climbs that come without one.")
    ] = None,
    grade: Annotated[
        str | None, typer.Option("--grade", help="Grade of climbs that come without one.")
    ] = None,
    orders: Annotated[
        int,
        typer.Option("--orders", min=1, help="Random orders of the holds to average over; more is finer."),
    ] = 8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the orders.")] = 0,
    format: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    out: Out = "-",
    legal: Legal = True,
) -> None:
    """Say how likely the model finds each climb: fewer bits per hold, more likely.

    log2_likelihood is a lower bound on log2 p(climb | angle, grade), bits_per_hold is minus that per hold.
    The mean over climbs goes to standard error.

    Example: setgen score --model runs/gpt --climbs mine.csv
    """
    from setgen.climb_files import read_climbs, write_climbs
    from setgen.prompts import with_missing

    if format not in ("jsonl", "csv"):
        raise InputError(f"unknown format {format!r}: scores are written as jsonl or csv")
    check_target(out)
    generator = _load(model)
    given = read_climbs(climbs, generator.space, check=legal)
    if not given.sizes.all():
        raise InputError(f"climb {int(given.sizes.argmin()) + 1} has no holds: there is nothing to score")
    given = with_missing(generator.space, given, angle, grade)

    from setgen.evaluation.likelihood import bits_per_hold, likelihood

    result = likelihood(generator, given, orders=orders, seed=seed, legal=legal)
    bits = result.bound
    write_climbs(
        out, generator.space, given, format, {"log2_likelihood": -bits * given.sizes, "bits_per_hold": bits}
    )
    mean = bits_per_hold(bits)
    error = "" if mean.standard_error is None or len(bits) < 2 else f" ± {mean.standard_error:.3f}"
    note = f"; {mean.note}" if mean.note else ""
    over = f"{_count(len(bits), 'climb')}, {_count(orders, 'order')}"
    print(
        f"{mean.value:.3f}{error} bits per hold over {over}{note}",
        file=sys.stderr,
    )


def _sample(
    model: Path | None,
    texts: list[str],
    angle: int | None,
    grade: str | None,
    n: int,
    size: int | None,
    seed: int,
    temperature: float,
    format: str | None,
    out: str,
    legal: bool,
    laid: Laid,
    drawing: Drawing,
    runtime: str,
) -> None:
    """Sample n climbs for each prompt and write them; every check that needs no model comes first."""
    from setgen.climb_files import format_for, write_climbs

    if not math.isfinite(temperature):
        raise InputError(f"temperature {temperature} is no number to divide by: give one such as 0.8")
    if n * len(texts) > _MOST_CLIMBS:
        raise InputError(f"{n * len(texts):,} climbs are too many at once: ask for {_MOST_CLIMBS:,} at most")
    form = format_for(out, format)
    check_target(out)
    generator = _load(model, runtime)
    constraints = laid.on(generator.space)
    prompts = _prompts(generator.space, texts, n, angle, grade, legal)
    sizes = None if size is None else _sizes(generator.space, prompts, size, legal)
    how = drawing.of(generator, runtime)
    if constraints is not None:
        how["constraints"] = constraints
    made = generator.sample(prompts, sizes=sizes, legal=legal, temperature=temperature, seed=seed, **how)
    write_climbs(out, generator.space, made, form)


def _prompts(
    board: Board, texts: list[str], n: int, angle: int | None, grade: str | None, legal: bool
) -> Climbs:
    """n equal prompts for each text, in order; blank lines among several are skipped."""
    from setgen.boards.climbs import Climbs
    from setgen.prompts import make_prompts

    parts = []
    for i, text in enumerate(texts, 1):
        if len(texts) > 1 and not text.strip():
            continue
        try:
            parts.append(make_prompts(board, n, holds=text, angle=angle, grade=grade, legal=legal))
        except InputError as error:
            raise InputError(f"line {i}: {error}" if len(texts) > 1 else str(error)) from None
    return Climbs.concatenate(parts)


def _sizes(board: Board, prompts: Climbs, size: int, legal: bool) -> np.ndarray:
    from setgen.prompts import fixed_sizes

    return fixed_sizes(board, prompts, size, legal)


def _load(model: Path | None, runtime: str = "torch"):  # type: ignore[no-untyped-def]  # its class imports torch
    if runtime != "torch":
        from setgen.runtime.registry import load_exported

        if model is None:
            raise InputError(f"--runtime {runtime} needs --model, a folder that `setgen export` wrote")
        return load_exported(model, runtime)
    from setgen.generators.builtin import BUILTIN
    from setgen.generators.registry import load_generator
    from setgen.runtime.folder import refuse_exported

    if model is None:
        if sys.stderr is not None:
            print("the built-in model of the synthetic board; --model names another", file=sys.stderr)
        return load_generator(BUILTIN)
    refuse_exported(model)
    return load_generator(model)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"

"""`setgen generate`, `complete` and `score`: a trained model at work. Torch is imported in commands only."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setgen.cli.constraint_options import Feet, Forbid, HoldSets, Laid, MaxHolds, MinHolds, Reach, Region
from setgen.cli.drawing_options import BestOf, Calls, Choosing, Data, Drawing, Guidance, TopP
from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    import numpy as np

    from setgen.climbing.board import Board
    from setgen.climbing.climbs import Climbs
    from setgen.generators.base import Generator

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
Condition = Annotated[
    list[str] | None,
    typer.Option("--condition", help="Of other sets than climbs: name=value; may be given several times."),
]
Foreign = Annotated[
    bool,
    typer.Option("--foreign-code", help="The model's own code may run, which does not come with setgen."),
]
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


Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        help="With --format parquet: local, all cores of this machine; auto, or an address: a Ray cluster.",
    ),
]

_SHARD = 10_000
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
    n: Annotated[int, typer.Option("-n", min=1, help="How many climbs.")] = 10,
    size: Size = None,
    seed: Seed = 0,
    temperature: Temperature = 1.0,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="frames, jsonl, csv, or parquet: shards in the folder --out, for millions; left out: by the "
            "ending of --out, else frames.",
        ),
    ] = None,
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
    best_of: BestOf = 1,
    data: Data = None,
    condition: Condition = None,
    foreign_code: Foreign = False,
    shard: Annotated[
        int | None,
        typer.Option("--shard", min=1, help="Climbs in each shard; left out: 10000.", show_default=False),
    ] = None,
    ray: Ray = None,
) -> None:
    """Make new climbs for an angle and a grade.

    Example: setgen generate --model runs/gpt --angle 40 --grade 7a -n 100 --out new.jsonl

    A million, in shards: setgen generate --model runs/gpt -n 1000000 --format parquet --out made --ray local
    """
    laid = Laid(forbid, region, hold_sets, min_holds, max_holds, feet, reach)
    drawing = Drawing(calls, guidance, top_p)
    asked = Asked(angle, grade, tuple(condition or ()))
    if format == "parquet":
        for option, given in (
            ("--runtime", runtime != "torch"),
            ("--best-of", best_of > 1),
            ("--data", data is not None),
        ):
            if given:
                raise InputError(f"{option} does not go with --format parquet: leave it out")
        model = model and model.absolute()
        load = partial(_load, model, "torch", foreign_code)
        _shards(load, model, asked, n, shard, size, seed, temperature, out, legal, laid, drawing, ray)
        return
    for option, value in (("--shard", shard), ("--ray", ray)):
        if value is not None:
            raise InputError(f"{option} goes with --format parquet: leave it out")
    _sample(
        model,
        [""],
        asked,
        n,
        size,
        seed,
        temperature,
        format,
        out,
        legal,
        laid,
        drawing,
        Choosing(best_of, data),
        runtime,
        foreign_code,
    )


def complete(
    holds: Annotated[
        str,
        typer.Option(
            "--holds",
            "--items",
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
    best_of: BestOf = 1,
    data: Data = None,
    condition: Condition = None,
    foreign_code: Foreign = False,
) -> None:
    """Finish climbs from holds you have chosen; those stay as they are.

    Example: setgen complete --model runs/gpt --holds p1164r12p1185r12 --angle 40 --grade V6 -n 8
    """
    from setgen.climbing.climb_files import read_text

    texts = read_text("-").splitlines() if holds.strip() == "-" else [holds]
    if not any(text.strip() for text in texts):
        raise InputError("no holds are given: name some with --holds, or use `setgen generate` for none")
    laid = Laid(forbid, region, hold_sets, min_holds, max_holds, feet, reach)
    drawing = Drawing(calls, guidance, top_p)
    asked = Asked(angle, grade, tuple(condition or ()))
    _sample(
        model,
        texts,
        asked,
        n,
        size,
        seed,
        temperature,
        format,
        out,
        legal,
        laid,
        drawing,
        Choosing(best_of, data),
        runtime,
        foreign_code,
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
    condition: Condition = None,
    foreign_code: Foreign = False,
) -> None:
    """Say how likely the model finds each climb: fewer bits per hold, more likely.

    log2_likelihood is a lower bound on log2 p(climb | angle, grade), bits_per_hold is minus that per hold.
    All bits over all holds go to standard error.

    Example: setgen score --model runs/gpt --climbs mine.csv
    """
    from setgen.climbing.climb_files import read_climbs, write_climbs
    from setgen.climbing.prompts import with_missing

    if format not in ("jsonl", "csv"):
        raise InputError(f"unknown format {format!r}: scores are written as jsonl or csv")
    check_target(out)
    generator = _load(model, foreign=foreign_code)
    if not _is_board(generator.space):
        from setgen.cli.other_sets import score_sets
        from setgen.climbing.climb_files import read_text

        _only_for_climbs(angle=angle, grade=grade)
        text = read_text(climbs)
        print(score_sets(generator, text, list(condition or ()), orders, seed, format, out), file=sys.stderr)
        return
    _only_for_sets(condition)
    given = read_climbs(climbs, generator.space, check=legal)
    if not given.sizes.all():
        raise InputError(f"climb {int(given.sizes.argmin()) + 1} has no holds: there is nothing to score")
    given = with_missing(generator.space, given, angle, grade)

    from setgen.metrics.likelihood import bits_of_all, likelihood

    result = likelihood(generator, given, orders=orders, seed=seed, legal=legal)
    bits = result.bits
    write_climbs(
        out, generator.space, given, format, {"log2_likelihood": -bits * given.sizes, "bits_per_hold": bits}
    )
    mean = bits_of_all(result.nats, result.items, sets="climbs")
    note = f"; {mean.note}" if mean.note else ""
    over = f"{_count(len(bits), 'climb')}, {_count(orders, 'order')}"
    print(f"{mean.shown} bits per hold over {over}{note}", file=sys.stderr)


@dataclass(frozen=True)
class Asked:
    """What sets are asked to be: a climb's angle and grade, or `name=value` of other sets."""

    angle: int | None
    grade: str | None
    conditions: tuple[str, ...]


def _sample(
    model: Path | None,
    texts: list[str],
    asked: Asked,
    n: int,
    size: int | None,
    seed: int,
    temperature: float,
    format: str | None,
    out: str,
    legal: bool,
    laid: Laid,
    drawing: Drawing,
    choosing: Choosing,
    runtime: str,
    foreign: bool,
) -> None:
    """Sample n climbs for each prompt and write them; every check that needs no model comes first."""
    from setgen.climbing.climb_files import format_for, write_climbs

    _check_temperature(temperature)
    if n * len(texts) > _MOST_CLIMBS:
        raise InputError(
            f"-n {n} makes {n * len(texts):,} climbs, too many at once: ask for {_MOST_CLIMBS:,} at most, or make "
            "shards with `setgen generate --format parquet`"
        )
    choosing.check(n)
    check_target(out)
    generator = _load(model, runtime, foreign)
    if not _is_board(generator.space):
        if choosing.best_of > 1:
            raise InputError("--best-of is of climbs, and this model makes other sets: leave it out")
        _sample_sets(generator, texts, asked, n, size, seed, temperature, format, out, legal, laid, drawing)
        return
    _only_for_sets(list(asked.conditions))
    form = format_for(out, format)
    constraints = laid.on(generator.space)
    draws = n * choosing.best_of
    prompts = _prompts(generator.space, texts, draws, asked.angle, asked.grade, legal)
    sizes = None if size is None else _sizes(generator.space, prompts, size, legal)
    how = drawing.of(generator, runtime)
    if constraints is not None:
        how["constraints"] = constraints
    made = generator.sample(prompts, sizes=sizes, legal=legal, temperature=temperature, seed=seed, **how)
    extra: dict[str, list[Any]] = {}
    if choosing.best_of > 1:
        made, extra = choosing.of(made, generator.space, n, model)
    write_climbs(out, generator.space, made, form, extra)


def _check_temperature(temperature: float) -> None:
    if not math.isfinite(temperature):
        raise InputError(f"temperature {temperature} is no number to divide by: give one such as 0.8")


def _shards(
    load: Callable[[], Generator],
    model: Path | None,
    asked: Asked,
    n: int,
    shard: int | None,
    size: int | None,
    seed: int,
    temperature: float,
    out: str,
    legal: bool,
    laid: Laid,
    drawing: Drawing,
    ray: str | None,
) -> None:
    """Fill a folder of Parquet shards; where there are some already, with those that are missing."""
    from setgen.builtin_model import BUILTIN
    from setgen.cli.progress import counted
    from setgen.generators.making import Maker, make
    from setgen.generators.registry import model_checksum
    from setgen.generators.sampling import Sampling
    from setgen.sets.shards import Shards

    if out == "-":
        raise InputError("--format parquet needs --out, a folder for the shards")
    _check_temperature(temperature)
    generator: Any = load()
    how: dict[str, Any] = {"legal": legal, "temperature": temperature, **drawing.of(generator)}
    if _is_board(generator.space):
        _only_for_sets(list(asked.conditions))
        limits: Any = laid.on(generator.space)
        prompt: Any = _prompts(generator.space, [""], 1, asked.angle, asked.grade, legal)
    else:
        prompt, limits = _prompt_of_sets(generator, [""], asked, 1, laid)
    if limits is not None:
        how["constraints"] = limits
    if size is not None and _is_board(generator.space):
        _sizes(generator.space, prompt, size, legal)
    generator.check_sampling(Sampling(**how))
    said = {**vars(asked), "size": size, "seed": seed, "temperature": temperature, "legal": legal}
    said |= {"model": model_checksum(model or BUILTIN), "limits": str(laid), "drawing": str(drawing)}
    shards = Shards.begin(Path(out), generator.space, n, shard or _SHARD, said)
    maker = Maker(shards, load, prompt, size, seed, how)
    maker.generator = generator
    missing = sum(len(shards.rows(one)) for one in shards.missing())
    sets = f"{generator.space.set_word}s"
    if missing < n:
        print(f"{n - missing:,} of {n:,} {sets} are there already", file=sys.stderr)
    for _ in counted(make(maker, ray), missing, f"making {sets}"):
        pass
    print(f"{n:,} {sets} in {len(shards):,} shards: {shards.folder / 'sets'}", file=sys.stderr)


def _prompt_of_sets(generator: Any, texts: list[str], asked: Asked, n: int, laid: Laid) -> tuple[Any, Any]:
    """n prompts for each text and what is laid down, of sets that are no climbs."""
    from setgen.cli.other_sets import limits_of, prompts_of

    _only_for_climbs(
        angle=asked.angle,
        grade=asked.grade,
        region=laid.region,
        reach=laid.reach,
        feet=None if laid.feet == "any" else laid.feet,
    )
    prompts = prompts_of(generator.space, texts, list(asked.conditions), n)
    return prompts, limits_of(generator.space, laid.forbid, laid.hold_sets, laid.fewest, laid.most)


def _sample_sets(
    generator: Any,
    texts: list[str],
    asked: Asked,
    n: int,
    size: int | None,
    seed: int,
    temperature: float,
    format: str | None,
    out: str,
    legal: bool,
    laid: Laid,
    drawing: Drawing,
) -> None:
    """The same of sets that are no climbs."""
    import numpy as np

    from setgen.cli.other_sets import write
    from setgen.sets.text import format_for, written

    form, space = format_for(out, format), generator.space
    prompts, limits = _prompt_of_sets(generator, texts, asked, n, laid)
    made = generator.sample(
        prompts,
        sizes=None if size is None else np.full(len(prompts), size),
        legal=legal,
        temperature=temperature,
        seed=seed,
        **drawing.of(generator),
        **({} if limits is None else {"constraints": limits}),
    )
    write(out, written(space, made, form))


def _is_board(space: Any) -> bool:
    from setgen.climbing.board import Board

    return isinstance(space, Board)


def _only_for_climbs(**options: object) -> None:
    """Raise InputError for an option that says nothing of sets that are no climbs."""
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name} is of climbs, and this model makes other sets: leave it out")


def _only_for_sets(condition: list[str] | None) -> None:
    if condition:
        raise InputError("--condition is of other sets than climbs: use --angle and --grade")


def _prompts(
    board: Board, texts: list[str], n: int, angle: int | None, grade: str | None, legal: bool
) -> Climbs:
    """n equal prompts for each text, in order; blank lines among several are skipped."""
    from setgen.climbing.climbs import Climbs
    from setgen.climbing.prompts import make_prompts

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
    from setgen.climbing.prompts import fixed_sizes

    return fixed_sizes(board, prompts, size, legal)


def _load(
    model: Path | None, runtime: str = "torch", foreign: bool = False
) -> Any:  # its class imports torch
    if runtime != "torch":
        from setgen.runtime.registry import load_exported

        if model is None:
            raise InputError(f"--runtime {runtime} needs --model, a folder that `setgen export` wrote")
        return load_exported(model, runtime)
    from setgen.builtin_model import BUILTIN
    from setgen.generators.registry import load_generator
    from setgen.runtime.folder import refuse_exported

    if model is None:
        if sys.stderr is not None:
            print("the built-in model of the synthetic board; --model names another", file=sys.stderr)
        return load_generator(BUILTIN)
    refuse_exported(model)
    return load_generator(model, foreign)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"

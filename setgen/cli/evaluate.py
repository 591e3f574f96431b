"""`setgen evaluate`: judge a file of climbs by the metric table, beside real climbs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.files import check_target

if TYPE_CHECKING:
    from rich.table import Table

    from setgen.evaluation.evaluate import Evaluation
    from setgen.evaluation.metric import MetricValue


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="Dataset folder; its test and training climbs are the measure.")],
    climbs: Annotated[
        str, typer.Option(help="File of climbs: frames, JSON lines or CSV; - is standard input.")
    ],
    json_file: Annotated[
        str | None,
        typer.Option("--json", help="Write all values as JSON to this file; - is standard output."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of subsamples and bootstraps.")] = 0,
) -> None:
    """Judge climbs by every metric, each beside its floor: the same metric on real climbs."""
    from rich.console import Console
    from rich.progress import Progress

    from setgen.climb_files import read_climbs, write_text
    from setgen.dataset.dataset import Dataset
    from setgen.evaluation.evaluate import evaluate as run

    if json_file is not None:
        check_target(json_file)
    dataset = Dataset.load(data)
    samples = read_climbs(climbs, dataset.board, check=False)
    shown = Console(stderr=True)
    with Progress(console=shown, transient=True, disable=not shown.is_terminal) as bar:
        result = run(samples, dataset, seed=seed, progress=lambda m: bar.track(m, description="metrics"))
    if json_file is not None:
        write_text(json_file, json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n")
    if json_file != "-":
        # In a pipe there is no terminal whose width to keep to.
        Console(width=None if sys.stdout.isatty() else 120).print(table(result))


def table(result: Evaluation) -> Table:
    """The evaluation as a table for the terminal, a heading for each family."""
    from rich import box
    from rich.table import Table

    silent = [name for name, v in result.values.items() if v.value == 0 and v.floor == 0]
    said = [
        "floor: the same on real climbs; ! where the 95 % intervals of value and floor do not meet",
        "= means as near the floor as can be",
    ]
    if silent:
        said.append(f"0 here and on real climbs: {', '.join(silent)}")
    notes: dict[str, str] = {}
    shown = Table(
        box=box.SIMPLE_HEAD,
        title=f"{result.n} climbs, seed {result.seed}",
        caption_justify="left",
    )
    shown.add_column("metric", no_wrap=True)
    for column in ("value", "95 %", "floor", ""):
        shown.add_column(column, justify="right", no_wrap=True)
    for column in ("better", "unit", "note"):
        shown.add_column(column)
    family = None
    for name, value in result.values.items():
        metric = result.metrics[name]
        if name in silent:
            continue
        if metric.family != family:
            family = metric.family
            shown.add_row(f"[bold]{family}[/]")
        shown.add_row(
            f"  {name}",
            _number(value.value),
            _interval(value.low, value.high),
            _number(value.floor),
            "!" if apart(value) else "",
            metric.direction if metric.direction != "none" else "",
            metric.unit,
            notes.setdefault(value.note, chr(ord("a") + len(notes))) if value.note else "",
        )
    shown.caption = "\n".join([*said, *(f"{letter}: {note}" for note, letter in notes.items())])
    return shown


def apart(value: MetricValue) -> bool:
    """Whether the 95 % intervals of value and floor have no point in common."""
    bounds = (value.low, value.high, value.floor_low, value.floor_high)
    if any(bound is None for bound in bounds):
        return False
    low, high, floor_low, floor_high = (float(b) for b in bounds if b is not None)
    return low > floor_high or high < floor_low


def _number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.4f}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else rf"\[{low:.4f}, {high:.4f}]"

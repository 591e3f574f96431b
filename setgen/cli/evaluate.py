"""`setgen evaluate`: judge a file of climbs, or a model, by the metric table, beside real climbs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from setgen.errors import InputError
from setgen.files import check_target

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from setgen.metrics.evaluate import Evaluation
    from setgen.metrics.metric import Metric
    from setgen.sets.dataset import SetDataset

_SAMPLES, _TESTS = 1000, 500


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(evaluate)


def evaluate(
    data: Annotated[Path, typer.Option(help="Dataset folder; its test and training climbs are the measure.")],
    climbs: Annotated[
        str | None,
        typer.Option(
            help="File of climbs: frames, JSON lines or CSV; - is standard input; or a folder of shards."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Trained model to judge instead: by its climbs, by likelihood and by completion."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Climbs to draw from the model.", show_default=f"{_SAMPLES}")
    ] = None,
    test_climbs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Test climbs that the model is asked about (likelihood, completion, order), at most.",
            show_default=f"{_TESTS}",
        ),
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option("--json", help="Write all values as JSON to this file; - is standard output."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of climbs, subsamples and bootstraps.")] = 0,
    ray: Annotated[
        str | None,
        typer.Option(
            help="For shards: local, all cores of this machine; auto, or an address: a Ray cluster.",
        ),
    ] = None,
) -> None:
    """Judge climbs, or a model, by every metric, each beside its floor: the same metric on real climbs. It ends with
    what that comes to, in a few sentences.

    Give --climbs or --model.
    """
    if (climbs is None) == (model is None):
        raise InputError("give either --climbs, a file, or --model, a trained model")
    if model is None and (samples is not None or test_climbs is not None):
        raise InputError("--samples and --test-climbs are of a --model: a file is judged as it is")
    sharded = climbs is not None and Path(climbs).is_dir()
    if ray is not None and not sharded:
        raise InputError("--ray is for a folder of shards: leave it out")
    if json_file is not None:
        check_target(json_file)

    from rich.console import Console

    from setgen.cli.verdict import verdict
    from setgen.climbing.climb_files import write_text
    from setgen.sets.dataset import load_dataset

    if sharded:
        result = _of_shards(Path(str(climbs)), data, seed, ray)
    elif model is not None:
        dataset = load_dataset(data)
        result = _of_model(model, dataset, samples or _SAMPLES, test_climbs or _TESTS, seed)
    else:
        result = _of_file(str(climbs), load_dataset(data), seed)
    if json_file is not None:
        write_text(json_file, json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n")
    if json_file != "-":
        # In a pipe there is no terminal whose width to keep to.
        console = Console(width=None if sys.stdout.isatty() else 120)
        console.print(table(result))
        for line in verdict(result.table(), f"{result.space.set_word}s"):
            console.print(line, markup=False, highlight=False)


def _of_file(climbs: str, dataset: SetDataset, seed: int) -> Evaluation:
    from setgen.climbing.climb_files import read_climbs, read_text
    from setgen.climbing.dataset import Dataset
    from setgen.metrics.evaluate import evaluate as judge
    from setgen.sets.sets import Sets
    from setgen.sets.space import Items
    from setgen.sets.text import read_sets

    read: Sets
    if isinstance(dataset, Dataset):
        read = read_climbs(climbs, dataset.board, check=False)
    else:
        assert isinstance(dataset.space, Items)
        read = read_sets(dataset.space, read_text(climbs), check=False)
    with _progress() as bar:
        return judge(read, dataset, seed=seed, progress=lambda m: bar.track(m, description="metrics"))


def _of_shards(folder: Path, data: Path, seed: int, ray: str | None) -> Evaluation:
    from setgen.cli.progress import counted
    from setgen.metrics.evaluate import evaluate_shards
    from setgen.sets.shards import Shards

    shards = Shards.open(folder)

    def shown(metrics: Sequence[Metric]) -> Iterator[Metric]:
        with _progress() as bar:
            yield from bar.track(metrics, description="metrics")

    looked = f"looking at {shards.space.set_word}s"
    return evaluate_shards(
        shards, data, seed=seed, ray=ray, watch=lambda n: counted(n, shards.n, looked), progress=shown
    )


def _of_model(model: Path, dataset: SetDataset, n: int, test_climbs: int, seed: int) -> Evaluation:
    from setgen.generators.registry import load_generator
    from setgen.metrics.evaluate import evaluate_generator

    generator = load_generator(model)
    with _progress() as bar:
        return evaluate_generator(
            generator,
            dataset,
            n=n,
            seed=seed,
            test_sets=test_climbs,
            progress=lambda m: bar.track(m, description=f"{m[0].family} to {m[-1].family}"),
        )


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    shown = Console(stderr=True)
    return Progress(console=shown, transient=True, disable=not shown.is_terminal)


def table(result: Evaluation) -> Table:
    """The evaluation as a table for the terminal, a heading for each family."""
    from rich import box
    from rich.table import Table

    sets, rows = f"{result.space.set_word}s", result.table()
    maker = f" of {result.details['generator']}" if "generator" in result.details else ""
    silent = (rows.value == 0) & (rows.floor == 0)
    said = [
        f"floor: the same on real {sets}; ! where the 95 % intervals of value and floor do not meet",
        "= means as near the floor as can be",
    ]
    if silent.any():
        said.append(f"0 here and on real {sets}: {', '.join(rows.index[silent])}")
    for why in dict.fromkeys(result.left_out.values()):
        names = ", ".join(name for name, reason in result.left_out.items() if reason == why)
        said.append(f"left out, for {why}: {names}")
    rows = rows[~silent]
    notes = {note: chr(ord("a") + i) for i, note in enumerate(filter(None, rows.note.unique()))}
    shown = Table(
        box=box.SIMPLE_HEAD,
        title=f"{result.n} {sets}{maker} beside {result.space.name}'s, seed {result.seed}",
        caption="\n".join([*said, *(f"{letter}: {note}" for note, letter in notes.items())]),
        caption_justify="left",
    )
    shown.add_column("metric", no_wrap=True)
    for column in ("value", "95 %", "floor", ""):
        shown.add_column(column, justify="right", no_wrap=True)
    for column in ("better", "unit", "note"):
        shown.add_column(column)
    for family, part in rows.groupby("family", sort=False):
        shown.add_row(f"[bold]{family}[/]")
        for name, row in part.iterrows():
            numbers = (_number(row.value), _interval(row.low, row.high), _number(row.floor))
            mark = "!" if row.apart else ""
            shown.add_row(f"  {name}", *numbers, mark, row.direction, row.unit, notes.get(row.note, ""))
    return shown


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.4f}"


def _interval(low: float, high: float) -> str:
    return "" if low != low or high != high else rf"\[{low:.4f}, {high:.4f}]"

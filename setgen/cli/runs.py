"""`setgen runs`: list, compare and verify what the experiments left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="List, compare and verify runs of the experiments.", no_args_is_help=True, rich_markup_mode=None
)

Folders = Annotated[list[Path], typer.Argument(help="Run folders.")]


@app.command("list")
def list_runs(
    root: Annotated[Path, typer.Argument(help="The folder that the runs are in.")] = Path("runs"),
) -> None:
    """List the runs, the newest last; of an unfinished one, how to go on with it."""
    from experiments.runs import found

    runs = found(root)
    if not runs:
        print(f"there are no runs in {root}", file=sys.stderr)
        return
    _print([run.row() for run in runs])


@app.command()
def compare(folders: Folders) -> None:
    """Show the settings in which runs differ, and what they measured, a column a run."""
    from experiments.runs import Run, compared

    table = compared([Run.load(folder) for folder in folders])
    _print([{"": name, **row} for name, row in zip(table.index, table.to_dict("records"), strict=True)])


@app.command()
def verify(folders: Folders) -> None:
    """Check that runs are whole, and could be made again: dataset, packages, code and model as they were.

    Exit code 1 where something differs; the command that makes the run again comes last.
    """
    from experiments.runs import Run, checks

    differs = False
    for folder in folders:
        run = Run.load(folder)
        print(folder)
        for what, holds, said in checks(run):
            differs |= not holds
            print(f"  {'ok     ' if holds else 'differs'} {what}: {said}")
        if run.made is not None:
            print(f"  again: {run.made['command']}")
    if differs:
        raise typer.Exit(1)


def _print(rows: list[dict]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD)
    for name in rows[0]:
        shown.add_column(str(name), overflow="fold")
    for row in rows:
        shown.add_row(*("" if value is None or value != value else _text(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(shown)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("[", "\\[")

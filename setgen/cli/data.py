"""`setgen data …`: make, fetch and look at datasets."""

from __future__ import annotations

import typer

app = typer.Typer(help="Import, make, fetch and show datasets.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Import, make, fetch and show datasets."""

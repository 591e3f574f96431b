"""`setgen metrics`: the table of metrics, what each one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from setgen.errors import InputError

if TYPE_CHECKING:
    from setgen.metrics.metric import Metric


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(metrics)


def metrics(
    name: Annotated[
        str, typer.Argument(help="Only the metrics whose name or family has this in it.", show_default=False)
    ] = "",
) -> None:
    """Explain the metrics: direction, unit, formula, source, floor, and how many climbs each wants."""
    from rich.console import Console

    from setgen.climbing.sources.synthetic import synthetic_board
    from setgen.metrics.metric import metrics_of

    known = metrics_of(synthetic_board()).values()
    chosen = [m for m in known if name.casefold() in f"{m.name}\n{m.family}".casefold()]
    if not chosen:
        families = ", ".join(dict.fromkeys(m.family for m in known))
        raise InputError(f"no metric has {name!r} in its name; the families are {families}")
    out = Console(highlight=False)
    for family in dict.fromkeys(m.family for m in chosen):
        out.print(f"[bold]{family}[/]")
        for metric in chosen:
            if metric.family == family:
                out.print(explained(metric), markup=False)


def explained(metric: Metric) -> str:
    """A few lines that say all that the table knows about a metric."""
    better = {"↑": "more is better", "↓": "less is better", "=": "the nearer the floor the better"}
    floor = {
        "test": "the test climbs in their place",
        "train": "as many training climbs in their place",
        "none": "none, real climbs cannot take a model's place",
    }
    lines = [
        f"  {metric.name} ({metric.unit}; {better.get(metric.direction, 'neither more nor less is better')})",
        f"    {metric.formula}",
        f"    source: {metric.source}",
        f"    floor: {floor[metric.floor]}; wants {metric.wants}",
    ]
    if metric.sees:
        lines.append(f"    sees: {', '.join(metric.sees)}")
    return "\n".join(lines)

"""A dataset on the terminal and as a figure: its card, hold usage on the board, histograms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from setgen.climbing.board import Board
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.files import write_whole, writing
from setgen.sets.dataset import SetDataset

_MAP_WIDTH = 66
_CELL_ASPECT = 2.0  # a character cell is about twice as high as wide
_SHADES = "·░▒▓█"
_BAR = 40
_SHOWN = 20  # items named in a list


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that is being handled; `setgen.cli.main` ends quietly on it


def hold_usage(dataset: Dataset) -> np.ndarray:
    """(V,) int64: in how many rows each placement is."""
    return np.bincount(dataset.climbs.placement, minlength=len(dataset.board))


def print_summary(dataset: SetDataset, folder: Path) -> None:
    """What an import has done: rows read and kept, every reason with its count, warnings."""
    console, space = _Console(), dataset.space
    console.print(_rows(dataset.card))
    console.print(_warnings(dataset.card))
    things = "placements" if isinstance(dataset, Dataset) else "items"
    console.print(f"{space.name}: {len(dataset.sets):,} rows, {len(space)} {things} → {folder}", markup=False)


def print_sets(dataset: SetDataset) -> None:
    """The card of sets that are no climbs, the items most often in one, and the sizes."""
    console, card, space = _Console(), dataset.card, dataset.space
    source, of_space = card.get("source", {}), card.get("space", {})
    lines: dict[str, Any] = {
        "source": ", ".join(str(source[k]) for k in ("kind", "file") if k in source),
        "sha256": source.get("sha256"),
        "items": f"{len(space):,}, in sets of {space.sizes[0]} to {space.sizes[1]}",
        "labels": ", ".join(of_space.get("labels", [])),
        "conditions": _pairs(of_space.get("conditions", {})),
        "coordinates": of_space.get("coordinates"),
        "groups": ", ".join(of_space.get("groups", [])),
        **{name: f"{part['rows']:,} rows" for name, part in card.get("splits", {}).items()},
    }
    table = Table(title=card.get("title", space.name), show_header=False)
    for name, value in lines.items():
        if value:
            table.add_row(name, Text(str(value)))
    console.print(table)
    console.print(_rows(card))
    console.print(_warnings(card))
    usage = np.bincount(dataset.sets.item, minlength=len(space))
    often = np.argsort(-usage, kind="stable")[:_SHOWN]
    console.print(_bars("item", [space.item_name(int(i)) for i in often], usage[often]))
    sizes, counts = np.unique(dataset.sets.sizes, return_counts=True)
    console.print(_bars("size", [str(n) for n in sizes], counts))


def print_dataset(dataset: Dataset) -> None:
    """The whole card and the drawings."""
    console, card, climbs = _Console(), dataset.card, dataset.climbs
    console.print(_head(dataset))
    console.print(_rows(card))
    console.print(_warnings(card))
    console.print(Panel(usage_map(dataset.board, hold_usage(dataset)), title=_label("hold usage", dataset)))
    console.print(_histogram("holds", climbs.sizes, str))
    console.print(_histogram("grade", climbs.grade, grade_name))
    console.print(_histogram("angle", climbs.angle, lambda a: "?" if a == UNKNOWN else f"{a}°"))


def usage_map(board: Board, usage: np.ndarray) -> Text:
    """The board as characters: a dot for a hold never used, darker blocks for holds used more often."""
    left, right, bottom, top = board.extent
    height = max(1, round(_MAP_WIDTH / _CELL_ASPECT * (top - bottom) / (right - left)))
    column = ((board.xy[:, 0] - left) / (right - left) * (_MAP_WIDTH - 1)).round().astype(int)
    row = ((top - board.xy[:, 1]) / (top - bottom) * (height - 1)).round().astype(int)
    # Blocks stand for quarters of the holds in use, by rank: usage itself is far too skewed to shade.
    used = np.sort(usage[usage > 0])
    rank = np.searchsorted(used, usage, side="right") / max(1, len(used))
    shade = np.where(usage > 0, np.ceil(rank * (len(_SHADES) - 1)).clip(1), 0).astype(int)
    cells = np.full((height, _MAP_WIDTH), -1)
    np.maximum.at(cells, (row.clip(0, height - 1), column.clip(0, _MAP_WIDTH - 1)), shade)
    lines = ["".join(" " if c < 0 else _SHADES[c] for c in line).rstrip() for line in cells]
    legend = f"{_SHADES[0]} never used   {_SHADES[1]} to {_SHADES[-1]} rarely to often (quarters)"
    return Text("\n".join([*lines, "", legend]))


def write_figure(dataset: Dataset, path: Path) -> None:
    """A PNG of hold usage on the board beside the histograms of sizes and grades."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from setgen.figures import figure_to_png

    board, climbs, usage = dataset.board, dataset.climbs, hold_usage(dataset)
    figure = Figure(figsize=(13, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1))
    wall = figure.add_subplot(grid[:, 0])
    x, y = board.xy.T
    dots = wall.scatter(x, y, c=np.log10(1 + usage), s=60, cmap="viridis", edgecolors="0.5", linewidths=0.4)
    left, right, bottom, top = board.extent
    wall.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xlabel="inches", ylabel="inches")
    wall.set_title(_label(f"{board.name}: hold usage", dataset))
    figure.colorbar(dots, ax=wall, label="log₁₀(1 + rows with this hold)", shrink=0.8)
    sizes, counts = np.unique(climbs.sizes, return_counts=True)
    axes = figure.add_subplot(grid[0, 1])
    axes.bar(sizes, counts)
    axes.set(xlabel="holds", ylabel="rows", title=f"{len(climbs):,} rows")
    grades, counts = np.unique(climbs.grade, return_counts=True)
    axes = figure.add_subplot(grid[1, 1])
    axes.bar(np.arange(len(grades)), counts)
    axes.set_xticks(np.arange(len(grades)), [grade_name(int(g)) for g in grades], rotation=90)
    axes.set(xlabel="grade", ylabel="rows")
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, figure_to_png(figure, 110))


def _label(text: str, dataset: Dataset) -> str:
    synthetic = dataset.card.get("source", {}).get("synthetic") and "synthetic" not in text
    return f"{text} (synthetic)" if synthetic else text


def _head(dataset: Dataset) -> Table:
    card, board = dataset.card, dataset.board
    source = card.get("source", {})
    options = {k: v for k, v in card.get("options", {}).items() if v not in (None, False, 0, 0.0, [], "auto")}
    lines: dict[str, Any] = {
        "board": f"{board.name} ({board.family})",
        "source": ", ".join(str(source[k]) for k in ("kind", "file") if k in source),
        "sha256": source.get("sha256"),
        "placements": f"{len(board)}: {_pairs(card.get('board', {}).get('hold_sets', {}))}",
        "roles": card.get("roles"),
        "angles": ", ".join(f"{a}°" for a in board.angles),
        "mirrors": "yes" if board.mirror is not None else "no",
        "climbs": _pairs(card.get("climbs", {})),
        "hold sets": f"{card.get('hold_sets', 0):,}",
        "options": _pairs(options),
    }
    for name, part in card.get("splits", {}).items():
        lines[name] = f"{part['rows']:,} rows, {part['hold_sets']:,} hold sets"
    table = Table(title=card.get("title", board.name), show_header=False)
    for name, value in lines.items():
        if value:
            table.add_row(name, Text(str(value)))
    return table


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in values.items())


def _rows(card: dict[str, Any]) -> Table:
    rows = card.get("rows", {})
    table = Table("rows", "count")
    table.columns[1].justify = "right"
    table.add_row("read", f"{rows.get('read', 0):,}")
    for reason, n in rows.get("reasons", {}).items():
        table.add_row(Text(f"− {reason}"), f"{n:,}")
    table.add_row("kept", f"{rows.get('kept', 0):,}")
    return table


def _warnings(card: dict[str, Any]) -> Group:
    return Group(*(Text(f"note: {warning}") for warning in card.get("warnings", [])))


def _histogram(title: str, values: np.ndarray, name: Any) -> Table:
    found, counts = np.unique(values, return_counts=True)
    return _bars(title, [name(value) for value in found.tolist()], counts)


def _bars(title: str, names: list[str], counts: np.ndarray) -> Table:
    table = Table(title, "rows", "", box=None, padding=(0, 1))
    table.columns[1].justify = "right"
    for name, n in zip(names, counts.tolist(), strict=True):
        table.add_row(Text(name), f"{n:,}", "█" * max(1, round(_BAR * n / counts.max())))
    return table

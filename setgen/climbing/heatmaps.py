"""Heat maps on the wall: a number for each placement, such as how often it is used or may come next."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb
from setgen.climbing.draw import (
    HOLD_EDGE,
    INK,
    board_figure,
    board_title,
    draw_frame,
    draw_holds,
    draw_legend,
    hold_style,
    ring_size,
)
from setgen.errors import InputError


def draw_usage(
    board: Board,
    weights: np.ndarray,
    *,
    title: str = "hold usage",
    label: str = "share of climbs",
    width: float = 6.0,
) -> Figure:
    """Heat map of a number a placement. weights: (V,), not negative; larger is darker."""
    weights = np.asarray(weights, dtype=float)
    figure = board_figure(board, 1, 1, width)
    figure.set_figwidth(figure.get_figwidth() + 1.0)
    axes = figure.subplots()
    draw_frame(axes, board)
    dots = _paint(axes, board, weights, (0.0, float(weights.max(initial=0)) or 1.0), "viridis_r")
    figure.colorbar(dots, ax=axes, label=label, shrink=0.6, pad=0.02)
    axes.set_title(f"{board_title(board)}\n{title}", fontsize=12)
    return figure


def draw_heatmaps(
    board: Board,
    maps: Mapping[str, np.ndarray],
    *,
    climbs: Sequence[Climb | None] = (),
    marked: Sequence[int | None] = (),
    label: str = "share of climbs",
    signed: bool = False,
    columns: int = 4,
    width: float = 3.0,
) -> Figure:
    """Small multiples of one board that share one colour scale. maps: title → (V,) number a placement.

    climbs: one a map, drawn over it as rings (None: no rings). marked: one placement a map to point at, with
    a cross. signed: numbers of both signs, white at 0; without it numbers below 0 raise InputError.
    """
    weights = {title: np.asarray(values, dtype=float) for title, values in maps.items()}
    if any(values.shape != (len(board),) for values in weights.values()):
        raise InputError(f"a heat map takes one number for each of the board's {len(board)} placements")
    if not signed and any((values < 0).any() for values in weights.values()):
        raise InputError("a heat map has numbers below 0: ask for signed=True")
    top = max((float(np.abs(values).max(initial=0)) for values in weights.values()), default=0.0) or 1.0
    columns = max(1, min(columns, len(weights)))
    rows = max(1, -(-len(weights) // columns))
    figure = board_figure(board, rows, columns, width)
    ringed = any(climb is not None for climb in climbs)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width + 1.0, height if ringed else height - 0.6)  # no legend, no room for it
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(weights) :]:
        axes.set_axis_off()
    dots = None
    for i, (axes, (title, values)) in enumerate(zip(panels, weights.items(), strict=False)):
        draw_frame(axes, board, ticks=False)
        dots = _paint(
            axes, board, values, (-top, top) if signed else (0.0, top), "PuOr" if signed else "magma_r"
        )
        if i < len(climbs) and (climb := climbs[i]) is not None:
            draw_holds(axes, board, climb)
        if i < len(marked) and (placement := marked[i]) is not None:
            _point_at(axes, board, placement)
        axes.set_title(title, fontsize=9)
    figure.suptitle(textwrap.fill(board_title(board), int(12 * figure.get_figwidth())), fontsize=11)
    if dots is not None:
        figure.colorbar(dots, ax=panels.tolist(), label=label, shrink=0.6, pad=0.01, fraction=0.03)
    if ringed:
        draw_legend(figure, panels[0], board, figure.get_figwidth())
    return figure


def _paint(
    axes: Axes, board: Board, weights: np.ndarray, limits: tuple[float, float], cmap: str
) -> ScalarMappable:
    """Every placement in the shape of its hold set, its colour from `weights`; returns what a bar needs."""
    ring, norm = ring_size(axes, board), Normalize(*limits)
    for i in range(len(board.hold_set_names)):
        here = board.hold_set == i
        style = hold_style(i, ring)
        axes.scatter(
            board.xy[here, 0],
            board.xy[here, 1],
            c=weights[here],
            marker=style["marker"],
            s=(1.3 * style["markersize"]) ** 2,
            cmap=cmap,
            norm=norm,
            linewidths=0.4,
            edgecolors=HOLD_EDGE,
        )
    return ScalarMappable(norm, cmap)


def _point_at(axes: Axes, board: Board, placement: int) -> None:
    """A cross around one placement, which leaves the hold itself to be seen."""
    ring = ring_size(axes, board)
    x, y = board.xy[placement]
    axes.plot(x, y, "+", color=INK, markersize=2 * ring, markeredgewidth=1.1, zorder=6, clip_on=False)

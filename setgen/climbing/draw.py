"""Pictures of climbs on their board, to scale, for the screen, a report page or a black-and-white print."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.climbing.roles import Role
from setgen.figures import STYLE, figure_to_png, figure_to_svg, save_figure

__all__ = ["draw_climb", "draw_climbs", "figure_to_png", "figure_to_svg", "save_figure"]

_HOLD_MARKERS = "oD^shpvd"  # one shape a hold set
_RING_MARKERS = {Role.START: "s", Role.MIDDLE: "o", Role.FINISH: "D", Role.FOOT: "^"}
_LETTERS = {Role.START: r"$\mathbf{S}$", Role.MIDDLE: r"$\mathbf{M}$", Role.FINISH: r"$\mathbf{F}$"}
_FALLBACK_COLORS = {
    Role.START: "#00DD00",
    Role.MIDDLE: "#00CCFF",
    Role.FINISH: "#FF00FF",
    Role.FOOT: "#FFA500",
}
_HOLD_FILL, HOLD_EDGE, INK = "#d9d9d9", "#9a9a9a", "#1a1a1a"
_POINTS = 72
_SMALLEST_LETTER = 5.5  # points; below that only the ring's shape tells the role


def climb_title(climb: Climb, asked: bool = False) -> str:
    """`40° · 7a/V6 · 12 holds`. asked: the grade was asked for, which says nothing of how hard the climb is."""
    parts = [f"{climb.angle}°"] if climb.angle != UNKNOWN else []
    parts += [f"{'asked ' if asked else ''}{grade_name(climb.grade)}"] if climb.grade != UNKNOWN else []
    return " · ".join([*parts, "1 hold" if len(climb.holds) == 1 else f"{len(climb.holds)} holds"])


def board_title(board: Board) -> str:
    """The board's name, which says `synthetic` when the board is."""
    synthetic = board.family == "synthetic" and "synthetic" not in board.name.lower()
    return f"{board.name} (synthetic)" if synthetic else board.name


def draw_climb(
    board: Board, climb: Climb, *, title: str | None = None, numbers: bool = False, width: float = 7.0
) -> Figure:
    """One climb on its board. title: replaces angle, grade and size. numbers: write every placement's id.

    width: of the board, in inches of paper. The climb's holds must be on the board.
    """
    figure = board_figure(board, 1, 1, width * 1.6 if numbers else width)
    axes = figure.subplots()
    _draw_board(axes, board)
    draw_holds(axes, board, climb)
    if numbers:
        _draw_numbers(axes, board, climb)
    title = climb_title(climb) if title is None else title
    axes.set_title(f"{board_title(board)}\n{title}", fontsize=12)
    draw_legend(figure, axes, board, width)
    return figure


def draw_climbs(
    board: Board,
    climbs: Climbs,
    columns: int = 4,
    titles: Sequence[str] | None = None,
    *,
    numbers: bool = False,
    width: float = 3.4,
) -> Figure:
    """A gallery, row by row. titles: one a climb, instead of angle, grade and size. width: of one board."""
    columns = max(1, min(columns, len(climbs)))
    rows = max(1, -(-len(climbs) // columns))
    figure = board_figure(board, rows, columns, width * 2 if numbers else width)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, axes in enumerate(panels):
        if i >= len(climbs):
            axes.set_axis_off()
            continue
        climb = climbs.climb(i)
        _draw_board(axes, board, ticks=False)
        draw_holds(axes, board, climb)
        if numbers:
            _draw_numbers(axes, board, climb)
        axes.set_title(climb_title(climb) if titles is None else titles[i], fontsize=9)
    figure.suptitle(textwrap.fill(board_title(board), int(12 * figure.get_figwidth())), fontsize=11)
    draw_legend(figure, panels[0], board, figure.get_figwidth())
    return figure


def board_figure(board: Board, rows: int, columns: int, width: float) -> Figure:
    """Room for rows × columns boards, each `width` inches wide, with their titles and one legend."""
    left, right, bottom, top = board.extent
    height = width * (top - bottom) / (right - left)
    with matplotlib.rc_context(STYLE):
        return Figure(figsize=(columns * width + 0.6, rows * (height + 0.35) + 1.1), layout="constrained")


def _spacing(board: Board) -> float:
    """Inches between neighbouring placements: the lower decile of nearest-neighbour distances."""
    if len(board) < 2:
        return 8.0
    from scipy.spatial import KDTree  # a slow import that only pictures need

    nearest = KDTree(board.xy).query(board.xy, k=2)[0][:, 1]
    return max(float(np.quantile(nearest, 0.1)), 1.0)


def _scale(axes: Axes, board: Board) -> float:
    """Points of paper per inch of board, nearly: before the layout has taken its share for labels."""
    left, right, _, _ = board.extent
    figure, spec = axes.get_figure(root=True), axes.get_subplotspec()
    assert figure is not None
    assert spec is not None
    return (figure.get_figwidth() - 0.6) / spec.get_gridspec().ncols * _POINTS / (right - left) * 0.93


def ring_size(axes: Axes, board: Board) -> float:
    """Diameter of a ring in points, so that rings of neighbours hardly touch."""
    return float(np.clip(0.95 * _spacing(board) * _scale(axes, board), 5.5, 22))


def _draw_board(axes: Axes, board: Board, ticks: bool = True) -> None:
    """The wall and every placement, each hold set with its own shape and size."""
    draw_frame(axes, board, ticks)
    ring = ring_size(axes, board)
    for i, name in enumerate(board.hold_set_names):
        axes.plot(*board.xy[board.hold_set == i].T, label=name, zorder=1, **hold_style(i, ring))


def draw_frame(axes: Axes, board: Board, ticks: bool = True) -> None:
    """The wall's outline, to scale."""
    left, right, bottom, top = board.extent
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8, length=2, colors="#666666")
    for spine in axes.spines.values():
        spine.set_color("#bbbbbb")
    if not ticks:
        axes.set_xticks([])
        axes.set_yticks([])
    elif not _grid_ticks(axes, board):
        axes.set_xlabel("inches", fontsize=8, color="#666666")


def _grid_ticks(axes: Axes, board: Board) -> bool:
    """Name columns and rows where holes are named by them, like `J3`; False, and nothing done, elsewhere."""
    columns: dict[str, float] = {}
    rows: dict[str, float] = {}
    for name, (x, y) in zip(board.hole_names, board.xy.tolist(), strict=True):
        cell = re.fullmatch(r"([A-Za-z])(\d+)", name)
        if not cell or columns.setdefault(cell[1], x) != x or rows.setdefault(cell[2], y) != y:
            return False
    axes.set_xticks(list(columns.values()), list(columns))
    axes.set_yticks(list(rows.values()), list(rows))
    return True


def hold_style(hold_set: int, ring: float) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": _HOLD_MARKERS[hold_set % len(_HOLD_MARKERS)],
        "markersize": ring * (0.62, 0.36, 0.48, 0.42)[hold_set % 4],
        "markerfacecolor": _HOLD_FILL,
        "markeredgecolor": HOLD_EDGE,
        "markeredgewidth": 0.4,
    }


def _ring_styles(board: Board, role: Role, ring: float) -> list[dict[str, Any]]:
    """The two strokes of a ring: a dark outline, so that pale colours show, and the role's own colour."""
    color = board.role_colors.get(role, _FALLBACK_COLORS[role])
    common = {
        "linestyle": "none",
        "marker": _RING_MARKERS[role],
        "markersize": ring * {Role.START: 0.9, Role.FINISH: 0.78}.get(role, 1.0),
    }
    line = float(np.clip(ring / 9, 0.9, 2.2))
    return [
        {
            **common,
            "markerfacecolor": (1, 1, 1, 0.55),
            "markeredgecolor": INK,
            "markeredgewidth": line * 1.9,
        },
        {**common, "markerfacecolor": "none", "markeredgecolor": color, "markeredgewidth": line},
    ]


def _letter_style(role: Role, ring: float) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": _LETTERS[role],
        "markersize": ring * 0.4,
        "color": INK,
        "markeredgewidth": 0,
    }


def draw_holds(axes: Axes, board: Board, climb: Climb) -> None:
    ring = ring_size(axes, board)
    for role in Role:
        chosen = [p for p, r in climb.holds if r == role]
        if not chosen:
            continue
        x, y = board.xy[chosen].T
        for i, style in enumerate(_ring_styles(board, role, ring)):
            axes.plot(x, y, zorder=3 + i, clip_on=False, **style)
        if role in _LETTERS and ring * 0.5 >= _SMALLEST_LETTER:
            axes.plot(x, y, zorder=5, clip_on=False, **_letter_style(role, ring))


def _draw_numbers(axes: Axes, board: Board, climb: Climb) -> None:
    """Every placement's id, just under its hold or ring."""
    ring = ring_size(axes, board)
    below = np.full(len(board), 0.42)
    below[[p for p, _ in climb.holds]] = 0.66
    text: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": float(np.clip(ring * 0.3, 2.5, 7))}
    for number, xy, away in zip(board.ids, board.xy, below, strict=True):
        axes.annotate(str(number), xy, (0, -away * ring), textcoords="offset points", zorder=7, **text)


def draw_legend(figure: Figure, axes: Axes, board: Board, width: float) -> None:
    """One legend under the picture: the roles as they are drawn, then the hold sets."""
    ring = 13.0
    handles: list[Any] = []
    labels: list[str] = []
    for role in Role:
        if role in board.role_ids:
            strokes = [Line2D([], [], **style) for style in _ring_styles(board, role, ring)]
            if role in _LETTERS:
                strokes.append(Line2D([], [], **_letter_style(role, ring)))
            handles.append(tuple(strokes))
            labels.append(role.label)
    for i, name in enumerate(board.hold_set_names):
        handles.append(Line2D([], [], **hold_style(i, ring)))
        labels.append(name)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=max(2, min(len(labels), int(width / 1.1))),
        frameon=False,
        labelspacing=0.9,
        fontsize=9,
        handler_map={tuple: HandlerTuple(ndivide=1)},
    )

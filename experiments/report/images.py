"""The report's pictures as PNG files by name, for a tracker that shows pictures and no page."""

from __future__ import annotations

import numpy as np

from experiments.report.climb_map import climb_map, static_map
from experiments.report.content import Report
from experiments.report.gallery import condition_title
from experiments.report.grades import grade_plots
from experiments.report.hold_usage import hold_usage
from experiments.report.near_far import NearFar, near_far
from experiments.report.parallel import parallel
from experiments.report.picture import FAINT, SERIES, Picture, new_figure
from experiments.report.plots import curves, histograms
from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.draw import draw_climbs, figure_to_png

_DPI = 100
_DRAWN = 8


def images(report: Report) -> dict[str, bytes]:
    """Name, such as `usage/gpt`, → PNG. The same pictures as in the page, drawn climb by climb."""
    found = climb_map(report)
    plots: dict[str, Picture | None] = {
        "leaderboard/parallel": parallel(report),
        "training/bits per hold": curves(report),
        "map/climbs": static_map(found) if found else None,
        **{f"grades/{label}": picture for label, picture in grade_plots(report)},
        **{f"{name}/{label}": p for name, panels in histograms(report).items() for label, p in panels},
        **_usage(report),
    }
    return {**{name: p.png for name, p in plots.items() if p is not None}, **_climbs(report)}


def _usage(report: Report) -> dict[str, Picture]:
    """Heat maps of real climbs and each model, and of each model minus real, on one scale."""
    usage = hold_usage(report)
    if usage is None:
        return {}
    shares = {f"usage/{u.label}": u.shares for u in usage.sources}
    differences = {
        f"usage minus real/{u.label}": u.difference for u in usage.sources if u.difference is not None
    }
    return {name: _heat(report.board, w, usage.full, name) for name, w in {**shares, **differences}.items()}


def _heat(board: Board, weights: np.ndarray, full: float, title: str) -> Picture:
    """As `Wall.heat`: the larger |weight| the larger the disc, hollow below zero."""
    left, right, bottom, top = board.extent
    figure, axes = new_figure(4.0, 4.0 * (top - bottom) / (right - left) + 0.4)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT)
    axes.set_title(f"{title.replace('$', chr(92) + '$')}, full size at {full:.1%}", fontsize=9)
    spacing = 4.0 * 72 / np.sqrt(len(board) * (top - bottom) / (right - left))  # points between placements
    area = (1.04 * spacing) ** 2 * np.minimum(np.abs(weights) / full, 1.0)
    for sign, color in ((1, SERIES[0]), (-1, SERIES[1])):
        here = weights * sign > 0
        face = color if sign > 0 else "none"
        x, y = board.xy[here].T
        axes.scatter(x, y, s=area[here], facecolors=face, edgecolors=color, linewidths=0.8)
    return Picture(figure, title)


def _climbs(report: Report) -> dict[str, bytes]:
    """Galleries: climbs of each source, those nearest and farthest with possible copies, completions."""
    drawn = [("real", report.real), *((m.label, m.samples) for m in report.models if m.samples is not None)]
    pictures = {f"climbs/{label}": _gallery(report.board, list(c[:_DRAWN])) for label, c in drawn}
    pictures |= {
        f"nearest and farthest/{one.label}": _near_far(report.board, one) for one in near_far(report)
    }
    for i, (given, original) in enumerate(report.prompts):
        done = [(m.label, m.completions[i].climb(0)) for m in report.models if m.completions]
        at = condition_title(original.angle, original.grade)
        titled = [(f"real, {at}", original), ("the prompt", given), *done]
        pictures[f"completions/prompt {i + 1}"] = _gallery(
            report.board, [climb for _, climb in titled], [title for title, _ in titled]
        )
    return pictures


def _near_far(board: Board, one: NearFar) -> bytes:
    titled = [(f"nearest to test, {f.distance:.2f}", f.climb) for f in one.near]
    titled += [(f"farthest from test, {f.distance:.2f}", f.climb) for f in one.far]
    for f in one.copies:
        titled += [("generated", f.climb), (f"training climb, {f.distance:.2f}", f.neighbour)]
    return _gallery(board, [climb for _, climb in titled], [title for title, _ in titled], columns=6)


def _gallery(board: Board, climbs: list[Climb], titles: list[str] | None = None, columns: int = 4) -> bytes:
    """Holds that are not on the board, or play no role of it, are left out."""
    known = [
        Climb(
            tuple((p, r) for p, r in c.holds if 0 <= p < len(board) and r in board.role_ids), c.angle, c.grade
        )
        for c in climbs
    ]
    titles = titles and [title.replace("$", r"\$") for title in titles]
    figure = draw_climbs(board, Climbs.from_list(known), columns, titles, width=2.4)
    return figure_to_png(figure, _DPI)

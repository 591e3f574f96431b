"""Parallel coordinates of the headline metrics: an axis a metric, the floor at the left, a line a model."""

from __future__ import annotations

import numpy as np

from experiments.report.content import Report
from experiments.report.leaderboard import Line, leaderboard
from experiments.report.picture import (
    DASHES,
    FAINT,
    INK,
    MARKERS,
    SERIES,
    Picture,
    literal,
    new_figure,
)


def losses(lines: list[Line]) -> np.ndarray:
    """(A, M) share of the widest gap to the floor (or to the best model) on each axis; NaN where unknown.

    0 is the floor or better, 1 the model farthest from it.
    """
    gaps = np.full((len(lines), len(lines[0].places) if lines else 0), np.nan)
    for i, line in enumerate(lines):
        best = next((c.mean for c in line.row.cells if c.mark == "best"), None)
        target = best if line.to_best else line.row.floor
        for j, place in enumerate(line.places):
            if place.cell.mean is not None and target is not None and place.distance is not None:
                gaps[i, j] = 0.0 if place.distance == 0 else abs(place.cell.mean - target)
    widest = np.nanmax(gaps, axis=1, initial=0.0)
    return gaps / np.where(widest > 0, widest, 1.0)[:, None]


def parallel(report: Report) -> Picture | None:
    """The picture, or None with fewer than three axes or no model on them.

    Axes lie one under the other, so that the names of metrics are read without turning the head.
    """
    lines = leaderboard(report)
    share = losses(lines)
    known = ~np.isnan(share).all(1) if share.size else np.zeros(0, bool)
    if known.sum() < 3:
        return None
    share, lines = share[known], [line for line, k in zip(lines, known, strict=True) if k]
    figure, axes = new_figure(7.6, 1.5 + 0.3 * len(lines))
    at = np.arange(len(lines))
    axes.hlines(at, 0, 1, color=FAINT, linewidth=0.8, zorder=0)
    for j, model in enumerate(report.models):
        axes.plot(
            share[:, j],
            at,
            color=SERIES[j % 8],
            linestyle=DASHES[j % 8],
            marker=MARKERS[j % 8],
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=1.4,
            linewidth=1.3,
            label=literal(model.label),
            clip_on=False,
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xticks([0, 1], ["floor (or best*)", "farthest from it"])
    axes.xaxis.tick_top()
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(at, [literal(line.row.metric.name) + "*" * line.to_best for line in lines])
    figure.legend(
        loc="outside upper left", ncols=3, frameon=False, fontsize=9, handlelength=4.5, labelcolor=INK
    )
    return Picture(figure, "Parallel coordinates of the headline metrics; the leaderboard has the numbers.")

"""Parallel coordinates of the headline metrics: an axis a metric, the floor at the top, a line a model."""

from __future__ import annotations

import textwrap

import numpy as np
from markupsafe import Markup

from experiments.report.content import Report
from experiments.report.leaderboard import Line, leaderboard
from experiments.report.plots import DASHES, FAINT, INK, MARKERS, SERIES, literal, new_figure, to_markup


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


def parallel(report: Report) -> Markup | None:
    """The picture, or None with fewer than three axes or no model on them."""
    lines = leaderboard(report)
    share = losses(lines)
    known = ~np.isnan(share).all(1) if share.size else np.zeros(0, bool)
    if known.sum() < 3:
        return None
    share, lines = share[known], [line for line, k in zip(lines, known, strict=True) if k]
    figure, axes = new_figure(10.0, 4.6)
    at = np.arange(len(lines))
    for x in at:
        axes.axvline(float(x), color=FAINT, linewidth=0.8)
    for j, model in enumerate(report.models):
        axes.plot(
            at,
            share[:, j],
            color=SERIES[j % 8],
            linestyle=DASHES[j % 8],
            marker=MARKERS[j % 8],
            markersize=5,
            linewidth=1.6,
            label=literal(model.label),
        )
    axes.set_ylim(1.05, -0.05)
    axes.set_yticks([0, 1], ["floor or best", "farthest"])
    names = [textwrap.fill(literal(line.row.metric.name), 13) for line in lines]
    axes.set_xticks(at, names, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    figure.legend(
        loc="outside upper left", ncols=3, frameon=False, fontsize=9, handlelength=4.5, labelcolor=INK
    )
    return to_markup(figure, "Parallel coordinates of the headline metrics; the leaderboard has the numbers.")

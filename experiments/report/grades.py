"""Grade asked for against the grade that the grader gives, for real climbs and each model."""

from __future__ import annotations

import numpy as np

from experiments.report.content import Report
from experiments.report.picture import FAINT, INK, SERIES, Picture, new_figure
from experiments.report.sources import sources
from setgen.boards.grades import UNKNOWN, grade_name
from setgen.boards.metrics.grader import grader_of, grading
from setgen.metrics.context import Context

_FEWEST = 3  # climbs at a grade, below which a band says nothing


def bands(sample: Context) -> np.ndarray:
    """(G, 4): grade asked for; the 10 %, 50 % and 90 % quantiles of the grades predicted for its climbs."""
    if grader_of(sample) is None:
        return np.empty((0, 4))
    asked, given = sample.raw.conditions["grade"], grading(sample).median
    grades = [g for g in np.unique(asked[asked != UNKNOWN]) if (asked == g).sum() >= _FEWEST]
    rows = [[g, *np.quantile(given[asked == g], [0.1, 0.5, 0.9])] for g in grades]
    return np.array(rows).reshape(-1, 4)


def grade_plots(report: Report) -> list[tuple[str, Picture]]:
    """(source, picture), on the same axes; empty without a grader or without grades."""
    found = [(i, label, bands(sample)) for i, (label, sample) in enumerate(sources(report))]
    found = [(i, label, rows) for i, label, rows in found if len(rows)]
    if not found:
        return []
    every = np.concatenate([rows for *_, rows in found])
    low, high = every.min() - 0.5, every.max() + 0.5
    ticks = np.arange(np.ceil(low), high)[:: max(1, int((high - low) // 6))]
    pictures = []
    for i, label, rows in found:
        color = INK if i == 0 else SERIES[(i - 1) % 8]
        figure, axes = new_figure(3.4, 3.0)
        axes.plot([low, high], [low, high], color=FAINT, linewidth=1.2, linestyle="--")
        axes.errorbar(
            rows[:, 0],
            rows[:, 2],
            yerr=[rows[:, 2] - rows[:, 1], rows[:, 3] - rows[:, 2]],
            fmt="o",
            color=color,
            markersize=5,
            linewidth=1.4,
            capsize=3,
        )
        axes.set(xlim=(low, high), ylim=(low, high), xlabel="grade asked for", ylabel="grade predicted")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [grade_name(int(t)).split("/")[-1] for t in ticks], fontsize=8)
        pictures.append((label, Picture(figure, f"Grade asked for against grade predicted: {label}.")))
    return pictures

"""Charts for a notebook: matplotlib figures that stand alone, in colour or in black and white."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import PIL.Image
from IPython.display import Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.notebook.training import Trained
from experiments.report.grades import bands
from setgen.boards.climbs import Climbs
from setgen.boards.grades import grade_name
from setgen.figures import figure_to_png
from setgen.grading.grader import Grader
from setgen.metrics.context import Context

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe & Ito 2008
MARKERS = "os^Dv*"
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
GREY = "#999999"


def show(figure: Figure, dpi: int = 80) -> Image:
    """The figure as the output of a notebook cell: a PNG of few colours, for notebooks are kept in git."""
    buffer = io.BytesIO()
    picture = PIL.Image.open(io.BytesIO(figure_to_png(figure, dpi))).convert("RGB")
    # Maximum coverage keeps rare colours true; the default would let the many greys swallow them.
    few = picture.quantize(256, PIL.Image.Quantize.MAXCOVERAGE, dither=PIL.Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return Image(buffer.getvalue())


def draw_counts(panels: Mapping[str, Mapping[str, int]], columns: int = 3) -> Figure:
    """Bar charts side by side. panels: what is counted → label → count."""
    figure, axes_of = _panels(len(panels), columns, 3.8, 2.7)
    for axes, (title, counts) in zip(axes_of, panels.items(), strict=True):
        axes.bar(np.arange(len(counts)), list(counts.values()), color=COLORS[0])
        letters = sum(map(len, counts))
        axes.set_xticks(np.arange(len(counts)), list(counts), rotation=90 if letters > 40 else 0, fontsize=8)
        axes.set(xlabel=title, ylabel="rows")
    return figure


def draw_thresholds(panels: Mapping[str, tuple[np.ndarray, float]], columns: int = 3) -> Figure:
    """Histograms with a line at a threshold. panels: what is measured → ((C,) values, threshold)."""
    figure, axes_of = _panels(len(panels), columns, 3.8, 2.5)
    for axes, (title, (values, threshold)) in zip(axes_of, panels.items(), strict=True):
        axes.hist(values[np.isfinite(values)], 30, color=GREY)
        axes.axvline(threshold, color=COLORS[1], linewidth=2)
        axes.set(xlabel=title, ylabel="climbs")
    return figure


def draw_curves(trained: Mapping[str, Trained]) -> Figure:
    """Validation bits per hold against seconds of training; models without training are left out."""
    figure, (axes,) = _panels(1, 1, 8.5, 3.6)
    shown = {label: one.facts.curve for label, one in trained.items() if one.facts.curve}
    for (label, curve), color, marker, dash in zip(
        shown.items(), cycle(COLORS), cycle(MARKERS), cycle(DASHES), strict=False
    ):
        axes.plot(
            curve["seconds"],
            curve["valid_bits_per_hold"],
            label=label,
            color=color,
            marker=marker,
            linestyle=dash,
            markersize=4,
        )
    axes.set(xlabel="seconds of training", ylabel="validation bits per hold")
    axes.set_xlim(left=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_grades(samples: Mapping[str, Context], columns: int = 3) -> Figure:
    """Grade asked for against grade read: median and the middle 80 % of the climbs at each grade.

    samples: label → the climbs looked at. Those without a grader, and those that have too few climbs at every
    grade, are left out.
    """
    found = {label: bands(sample) for label, sample in samples.items()}
    found = {label: rows for label, rows in found.items() if len(rows)}
    if not found:
        return _without(
            "no grader: the training climbs have too few grades, or too few climbs were asked for"
        )
    every = np.concatenate(list(found.values()))
    low, high = every.min() - 0.5, every.max() + 0.5
    ticks = np.arange(np.ceil(low), high)[:: max(1, int((high - low) // 6))]
    figure, axes_of = _panels(len(found), columns, 3.2, 2.9)
    for axes, (label, rows) in zip(axes_of, found.items(), strict=True):
        axes.plot([low, high], [low, high], color=GREY, linestyle="--", linewidth=1)
        spread = [rows[:, 2] - rows[:, 1], rows[:, 3] - rows[:, 2]]
        axes.errorbar(rows[:, 0], rows[:, 2], yerr=spread, fmt="o", color=COLORS[0], markersize=4, capsize=2)
        axes.set(xlim=(low, high), ylim=(low, high), xlabel="grade asked for", ylabel="grade read")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [_v(t) for t in ticks], fontsize=8)
        axes.set_title(label, fontsize=10)
    return figure


def draw_grades_by_angle(
    grader: Grader, climbs: Climbs, labels: Sequence[str], angles: Sequence[int]
) -> Figure:
    """The grade that the grader reads at each angle: expected grade, and the range of its middle 80 %."""
    figure, (axes,) = _panels(1, 1, 6.4, 3.4)
    gradings = [grader.grade(climbs, angle) for angle in angles]
    for i, label in enumerate(labels):
        mean, low, high = (
            np.array([float(part[i]) for part in parts])
            for parts in zip(*((g.mean, g.quantile(0.1), g.quantile(0.9)) for g in gradings), strict=True)
        )
        at = np.array(angles) + 0.8 * (i - (len(labels) - 1) / 2)
        axes.errorbar(
            at,
            mean,
            yerr=[np.maximum(mean - low, 0), np.maximum(high - mean, 0)],
            label=label,
            color=COLORS[i % len(COLORS)],
            marker=MARKERS[i % len(MARKERS)],
            capsize=3,
            linewidth=1.2,
        )
    ticks = grader.grades[:: max(1, len(grader.grades) // 10)]
    axes.set_yticks(ticks, [grade_name(int(t)) for t in ticks], fontsize=8)
    axes.set_xticks(list(angles), [f"{angle}°" for angle in angles])
    axes.set(xlabel="angle of the wall", ylabel="grade read")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _without(reason: str) -> Figure:
    figure = Figure(figsize=(7.0, 0.6))
    figure.text(0.02, 0.4, reason)
    return figure


def _v(grade: float) -> str:
    return grade_name(int(grade)).split("/")[-1]


def _panels(n: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """n charts in rows of at most `columns`, each width × height inches."""
    columns = max(1, min(n, columns))
    rows = max(1, -(-n // columns))
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in grid:
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    for axes in grid[n:]:
        axes.set_axis_off()
    return figure, grid[:n]

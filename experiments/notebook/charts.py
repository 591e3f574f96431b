"""Charts for a notebook: matplotlib figures that stand alone, in colour or in black and white."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
import PIL.Image
from IPython.display import Image, Markdown
from matplotlib.figure import Figure

from experiments import charts
from experiments.charts import COLORS, GREY, MARKERS
from setgen.climbing.climbs import Climbs
from setgen.climbing.grades import grade_name
from setgen.climbing.grading.grader import Grader
from setgen.figures import figure_to_png


def show(figure: Figure | None, dpi: int = 80) -> Image | Markdown:
    """The figure as the output of a notebook cell: a PNG of few colours, for notebooks are kept in git.

    None: a chart that these data have nothing for; it says so.
    """
    if figure is None:
        return Markdown("*Nothing to draw: these data have nothing of the kind.*")
    buffer = io.BytesIO()
    picture = PIL.Image.open(io.BytesIO(figure_to_png(figure, dpi))).convert("RGB")
    # Maximum coverage keeps rare colours true; the default would let the many greys swallow them.
    few = picture.quantize(256, PIL.Image.Quantize.MAXCOVERAGE, dither=PIL.Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return Image(buffer.getvalue())


def draw_counts(panels: Mapping[str, Mapping[str, int]], columns: int = 3) -> Figure:
    """Bar charts side by side. panels: what is counted → label → count."""
    figure, axes_of = charts.panels(len(panels), columns, 3.8, 2.7)
    for axes, (title, counts) in zip(axes_of, panels.items(), strict=True):
        axes.bar(np.arange(len(counts)), list(counts.values()), color=COLORS[0])
        letters = sum(map(len, counts))
        axes.set_xticks(np.arange(len(counts)), list(counts), rotation=90 if letters > 40 else 0, fontsize=8)
        axes.set(xlabel=title, ylabel="rows")
    return figure


def draw_thresholds(panels: Mapping[str, tuple[np.ndarray, float]], columns: int = 3) -> Figure:
    """Histograms with a line at a threshold. panels: what is measured → ((C,) values, threshold)."""
    figure, axes_of = charts.panels(len(panels), columns, 3.8, 2.5)
    for axes, (title, (values, threshold)) in zip(axes_of, panels.items(), strict=True):
        axes.hist(values[np.isfinite(values)], 30, color=GREY)
        axes.axvline(threshold, color=COLORS[1], linewidth=2)
        axes.set(xlabel=title, ylabel="climbs")
    return figure


def draw_grades_by_angle(
    grader: Grader, climbs: Climbs, labels: Sequence[str], angles: Sequence[int]
) -> Figure:
    """The grade that the grader reads at each angle: expected grade, and the range of its middle 80 %."""
    figure, (axes,) = charts.panels(1, 1, 6.4, 3.4)
    gradings = [grader.grade(climbs, angle) for angle in angles]
    for i, label in enumerate(labels):
        mean, low, high = (
            np.array([float(part[i]) for part in parts])
            for parts in zip(*((g.mean, *g.interval()) for g in gradings), strict=True)
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

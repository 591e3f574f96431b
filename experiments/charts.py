"""Charts that pages and notebooks share: matplotlib figures that read in colour and in black and white."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.climbing.metrics.grader import grader_of, grading
from setgen.metrics.context import Context

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe & Ito 2008
MARKERS = "os^Dv*PX<>hp"
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
GREY, INK = "#999999", "#1a1a1a"
_FEWEST = 3  # climbs at a grade, below which a band says nothing


def style(i: int) -> dict[str, Any]:
    """Colour and dashes of line number i."""
    return {"color": COLORS[i % len(COLORS)], "linestyle": DASHES[i % len(DASHES)]}


def literal(label: str) -> str:
    """Without matplotlib's own markup: `$` starts mathematics, a leading `_` hides a legend entry."""
    label = label.replace("$", r"\$")
    return f"\u200b{label}" if label.startswith("_") else label


def panels(n: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
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


def draw_curves(curves: Mapping[str, Sequence[Mapping[str, Sequence[Any]]]], item: str = "hold") -> Figure:
    """Validation bits per item against seconds of training. curves: label → one a seed (`RunFacts.curve`)."""
    figure, (axes,) = panels(1, 1, 8.5, 3.6)
    for i, (label, lines) in enumerate(curves.items()):
        for j, curve in enumerate(lines):
            axes.plot(
                curve["seconds"],
                curve["valid_bits_per_hold"],
                label=None if j else literal(label),
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                **style(i),
            )
    axes.set(xlabel="seconds of training", ylabel=f"validation bits per {item}")
    axes.set_xlim(left=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    if curves:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_histograms(values: Mapping[str, np.ndarray], title: str, columns: int = 4) -> Figure:
    """The first of `values` as a grey area, each other one as a line over it: shares, in the same bins."""
    real, *others = values.items()
    every = np.concatenate([v for v in values.values() if len(v)])
    low, high = np.quantile(every, [0.001, 0.999])
    whole = bool(np.all(every == np.rint(every))) and high - low < 45
    bins = np.arange(np.floor(low), np.ceil(high) + 2) - 0.5 if whole else np.linspace(low, high + 1e-6, 21)
    figure, axes_of = panels(len(others), columns, 2.6, 2.0)
    for i, (axes, (label, own)) in enumerate(zip(axes_of, others, strict=True)):
        axes.stairs(_shares(real[1], bins), bins, fill=True, color="#d9d9d9")
        axes.stairs(_shares(own, bins), bins, color=COLORS[i % len(COLORS)], linewidth=1.7)
        axes.set_title(literal(label), fontsize=9)
        axes.set_xlabel(title, fontsize=8)
        axes.tick_params(labelsize=8)
    return figure


def _shares(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Share of all values in each bin; the outermost bins take in what lies beyond them."""
    inside = np.clip(values, bins[0], np.nextafter(bins[-1], -np.inf))
    return np.histogram(inside, bins)[0] / max(1, len(values))


def bands(sample: Context) -> np.ndarray:
    """(G, 4): grade asked for; the 10 %, 50 % and 90 % quantiles of the grades predicted for its climbs."""
    if grader_of(sample) is None:
        return np.empty((0, 4))
    asked, given = sample.raw.conditions["grade"], grading(sample).median
    grades = [g for g in np.unique(asked[asked != UNKNOWN]) if (asked == g).sum() >= _FEWEST]
    rows = [[g, *np.quantile(given[asked == g], [0.1, 0.5, 0.9])] for g in grades]
    return np.array(rows).reshape(-1, 4)


def draw_grades(samples: Mapping[str, Context], columns: int = 4) -> Figure | None:
    """Grade asked for against grade read: median and the middle 80 % of the climbs at each grade.

    samples: label → the climbs looked at. Those without a grader, and those that have too few climbs at every
    grade, are left out; None where nothing is left.
    """
    found = {label: rows for label, sample in samples.items() if len(rows := bands(sample))}
    if not found:
        return None
    every = np.concatenate(list(found.values()))
    low, high = every.min() - 0.5, every.max() + 0.5
    ticks = np.arange(np.ceil(low), high)[:: max(1, int((high - low) // 6))]
    figure, axes_of = panels(len(found), columns, 2.6, 2.5)
    for axes, (label, rows) in zip(axes_of, found.items(), strict=True):
        axes.plot([low, high], [low, high], color=GREY, linestyle="--", linewidth=1)
        spread = [rows[:, 2] - rows[:, 1], rows[:, 3] - rows[:, 2]]
        axes.errorbar(rows[:, 0], rows[:, 2], yerr=spread, fmt="o", color=COLORS[0], markersize=4, capsize=2)
        axes.set(xlim=(low, high), ylim=(low, high), xlabel="grade asked for", ylabel="grade read")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [grade_name(int(t)).split("/")[-1] for t in ticks], fontsize=8)
        axes.set_title(literal(label), fontsize=10)
    return figure

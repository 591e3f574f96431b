"""Plots that are drawn once: inline SVG in the page's own colours (light, dark, print), PNG for a tracker."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from setgen.figures import figure_to_png, figure_to_svg

# As in report.css, light; in the page each becomes the variable of its name there.
INK, FAINT = "#1b1f24", "#c9ced5"
SERIES = ["#0065a8", "#c64a00", "#00805c", "#a2437c", "#8a6100", "#4b4fc4", "#6b6b6b", "#b3261e"]
DASHES: list[tuple[int, tuple[float, ...] | None]] = [
    (0, None),
    (0, (5, 2)),
    (0, (1, 1.4)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 3)),
    (0, (1, 3)),
    (0, (4, 1, 4, 3)),
]
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_VARIABLES = {INK: "ink", FAINT: "faint", **{color: f"s{i}" for i, color in enumerate(SERIES)}}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure in the colours above, and the words that stand for it where it cannot be seen."""

    figure: Figure
    description: str

    @property
    def markup(self) -> Markup:
        """An `<svg>` as wide as its place, whose colours are the page's variables."""
        svg = figure_to_svg(self.figure)
        for color, name in _VARIABLES.items():
            svg = svg.replace(color, f"var(--{name})")
        svg = re.sub(r'(<svg [^>]*?)width="[^"]*pt" height="[^"]*pt"', r"\1", svg, count=1)
        # The label goes on the root: figure_to_svg already gives it role="img".
        return Markup(svg.replace("<svg ", f'<svg aria-label="{escape(self.description)}" ', 1))

    @property
    def png(self) -> bytes:
        """On white."""
        self.figure.patch.set(visible=True, facecolor="white")
        try:
            return figure_to_png(self.figure, dpi=100)
        finally:
            self.figure.patch.set_visible(False)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Inches of paper; the size of the letters in the page follows from the width."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    return figure, axes


def literal(label: str) -> str:
    """Without matplotlib's own markup: `$` starts mathematics, a leading `_` hides a legend entry."""
    label = label.replace("$", r"\$")
    return f"\u200b{label}" if label.startswith("_") else label

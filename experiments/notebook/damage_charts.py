"""What the metrics see of a damage, as charts: values over degrees, and the matrix of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from experiments.charts import COLORS, GREY
from setgen.metrics.damage import Damage
from setgen.metrics.proof import Series

_DEGREES = {"holds": "holds moved", "share": "share of climbs", "variants": "variants of each idea"}
_SHADES = ("#f2f2f2", "#c6dbef", "#85bbdb", "#4292c6", "#2171b5", "#084594")


def draw_series(found: Sequence[Series], damages: Mapping[str, Damage], metrics: Sequence[str]) -> Figure:
    """A row a metric, a column a damage: the metric over the degrees, its floor and the floor's interval.

    Degree 0 is the undamaged climbs. A filled marker lies outside the floor's interval on the bad side.
    """
    cells = {(s.metric, s.damage): s for s in found}
    figure = Figure(figsize=(2.9 * len(damages), 1.9 * len(metrics)), layout="constrained")
    panels = figure.subplots(len(metrics), len(damages), squeeze=False, sharey="row")
    for row, metric in zip(panels, metrics, strict=True):
        for axes, (name, damage) in zip(row, damages.items(), strict=True):
            series = cells[metric, name]
            at = np.arange(len(series.values))
            axes.fill_between(at, series.lows, series.highs, facecolor="#dddddd", edgecolor="#aaaaaa")
            axes.plot(at, series.floors, color=GREY, linestyle="--", linewidth=1)
            axes.plot(at, series.values, color=COLORS[0], linewidth=1.4)
            for outside, fill in ((True, COLORS[0]), (False, "white")):
                here = series.outside == outside
                axes.plot(
                    at[here],
                    np.array(series.values)[here],
                    "o",
                    color=COLORS[0],
                    markerfacecolor=fill,
                    markersize=5,
                )
            axes.set_xticks(at, ["0", *map(damage.label, damage.degrees)], fontsize=8)
            axes.tick_params(axis="y", labelsize=8)
            axes.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"{metric} {cells[metric, next(iter(damages))].direction}", fontsize=8, wrap=True)
    for top, bottom, (name, damage) in zip(panels[0], panels[-1], damages.items(), strict=True):
        top.set_title(name, fontsize=10)
        bottom.set_xlabel(_DEGREES[damage.unit], fontsize=8)
    return figure


def draw_matrix(found: Sequence[Series], damages: Mapping[str, Damage]) -> Figure:
    """Metric by damage: the least degree from which the damage is seen, darker the smaller it is.

    A grey cell: not seen at any degree.
    """
    cells = {(s.metric, s.damage): s for s in found}
    metrics = list(dict.fromkeys(s.metric for s in found))
    shade = np.zeros((len(metrics), len(damages)))
    figure = Figure(
        figsize=(3.2 + 0.95 * len(damages), 1.6 + 0.3 * len(metrics)),
        layout=ConstrainedLayoutEngine(w_pad=0.25, h_pad=0.1),
    )
    axes = figure.subplots()
    for i, metric in enumerate(metrics):
        for j, (name, damage) in enumerate(damages.items()):
            series = cells.get((metric, name))
            if series is None or series.seen_from is None:
                continue
            sharpness = 1 - (series.seen_from - 1) / max(1, len(damage.degrees) - 1)
            shade[i, j] = 1 + round(sharpness * (len(_SHADES) - 2))
            label = damage.label(damage.degrees[series.seen_from - 1])
            color = "white" if shade[i, j] >= 4 else "black"
            axes.text(j, i, label, ha="center", va="center", color=color, fontsize=8)
    axes.imshow(shade, cmap=ListedColormap(_SHADES), vmin=0, vmax=len(_SHADES) - 1, aspect="auto")
    directions = {s.metric: s.direction for s in found}
    axes.set_yticks(range(len(metrics)), [f"{m} {directions[m]}" for m in metrics], fontsize=8)
    axes.set_xticks(range(len(damages)), [name.replace(" ", "\n") for name in damages], fontsize=8)
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(1, len(damages)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(metrics)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure

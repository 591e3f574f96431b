"""The figure of a scale experiment: points and laws on a logarithmic axis, and the bet at the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.scaling.law import Fit

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe & Ito 2008
MARKERS = "os^Dv*"


def draw_scale(
    curves: Mapping[tuple[str, str], Mapping[int, Sequence[float]]],
    fits: Mapping[tuple[str, str], Fit | None],
    target: int,
    truth: float | None,
    title: str,
) -> Figure:
    """A panel a network, a colour a model. Each law goes on, dashed, to `target`, with its 95 % interval."""
    networks = list(dict.fromkeys(network for _, network in curves))
    models = list(dict.fromkeys(model for model, _ in curves))
    figure = Figure(figsize=(4.6 * len(networks) + 1.4, 4.2), layout="constrained")
    panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for axes, network in zip(panels, networks, strict=True):
        for i, model in enumerate(models):
            curve = curves.get((model, network))
            if not curve:
                continue
            color, marker = COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]
            points = [(n, bits) for n, seeds in curve.items() for bits in seeds]
            axes.plot(*zip(*points, strict=True), marker, color=color, label=model, markersize=5)
            fitted = fits.get((model, network))
            if fitted is None:
                continue
            reach = np.geomspace(min(curve), max(max(curve), target), 200)
            inside = reach <= max(curve)
            axes.plot(reach[inside], fitted.law.at(reach[inside]), color=color, linewidth=1.2)
            axes.plot(reach[~inside], fitted.law.at(reach[~inside]), "--", color=color, linewidth=1.2)
            low, high = fitted.interval(target)
            beside = target * 1.04 ** (i - (len(models) - 1) / 2)  # intervals of one place side by side
            axes.plot([beside, beside], [low, high], color=color, linewidth=2.5, solid_capstyle="butt")
        if truth is not None:
            axes.axhline(truth, color="#555555", linewidth=1, linestyle=":", label="the truth")
        axes.set(xscale="log", xlabel="training climbs", title=network)
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("bits per hold on test climbs")
    panels[-1].legend(loc="upper right", fontsize=8)
    figure.suptitle(title, fontsize=11)
    return figure

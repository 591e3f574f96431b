"""Training curves, and histograms of what climbs are like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from experiments.report.content import Curve, Report
from experiments.report.picture import DASHES, FAINT, INK, SERIES, Picture, literal, new_figure
from experiments.report.table import cell_of
from setgen.boards.climbs import Climbs
from setgen.boards.geometry import geometry


def curves(report: Report) -> Picture | None:
    """Validation bits per hold against training seconds: a line style a model, a thin line a seed.

    A model without a curve is a level line at its test value. None when no model has a curve.
    """
    figure, axes = new_figure(7.6, 4.0)
    tops, bottoms = [], []
    for i, model in enumerate(report.models):
        style: dict[str, Any] = {"color": SERIES[i % 8], "linestyle": DASHES[i % 8], "linewidth": 1.7}
        lines = [p for run in model.runs if run.curve is not None and len(p := _points(run.curve))]
        for j, points in enumerate(lines):
            axes.plot(*points.T, **style, label=literal(model.label) if j == 0 else None)
            # The first points are far above the rest and would flatten it.
            tops.append(points[min(len(points) - 1, len(points) // 5), 1])
            bottoms.append(points[:, 1].min())
        level = cell_of(model, report.primary).mean
        if not lines and level is not None:
            axes.axhline(
                level, **{**style, "linewidth": 1.0}, label=f"{literal(model.label)} (test, no training)"
            )
            tops.append(level)
            bottoms.append(level)
    if not axes.get_lines() or not any(run.curve for m in report.models for run in m.runs):
        return None
    low, high = min(bottoms), max(tops)
    margin = 0.06 * (high - low) or 0.1
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds of training")
    axes.set_ylabel("validation bits per hold")
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    figure.legend(
        loc="outside upper left", ncols=2, frameon=False, fontsize=9, handlelength=4.5, labelcolor=INK
    )
    return Picture(figure, "Training curves: validation bits per hold against seconds of training, by model.")


def features(report: Report, climbs: Climbs) -> dict[str, np.ndarray]:
    """Histogrammed feature, with its unit → value of each climb for which it is defined."""
    found = {
        "holds": climbs.sizes.astype(np.float64),
        "largest hop in inches": geometry(report.board, climbs).largest_hop,
    }
    return {name: values[np.isfinite(values)] for name, values in found.items()}


def histograms(report: Report) -> dict[str, list[tuple[str, Picture]]]:
    """Feature → (model, picture) list: the model's samples as a line over the real climbs as a grey area.

    Both are shares of climbs, in the same bins and on the same axes for every model.
    """
    real = features(report, report.real)
    drawn = [
        (i, m.label, features(report, m.samples))
        for i, m in enumerate(report.models)
        if m.samples is not None
    ]
    pictures: dict[str, list[tuple[str, Picture]]] = {}
    for name, reference in real.items():
        shown = [(i, label, f[name]) for i, label, f in drawn if len(f[name])]
        if not len(reference) or not shown:
            continue
        bins = _bins([reference, *(values for _, _, values in shown)])
        top = max(_shares(v, bins).max() for v in [reference, *(values for _, _, values in shown)])
        pictures[name] = [
            (label, _histogram(name, label, i, v, reference, bins, top)) for i, label, v in shown
        ]
    return pictures


def _histogram(
    name: str, label: str, i: int, values: np.ndarray, real: np.ndarray, bins: np.ndarray, top: float
) -> Picture:
    figure, axes = new_figure(3.4, 2.1)
    axes.stairs(_shares(real, bins), bins, fill=True, color=FAINT)
    axes.stairs(_shares(values, bins), bins, color=SERIES[i % 8], linewidth=1.7)
    axes.set_ylim(0, top * 1.05)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.set_xlabel(name)
    return Picture(
        figure,
        f"Histogram of {name}: {label}, median {np.median(values):.4g}, against real climbs, "
        f"median {np.median(real):.4g}.",
    )


def _bins(columns: Sequence[np.ndarray]) -> np.ndarray:
    """About twenty bins over all but the outermost thousandth; one a value where values are few integers."""
    values = np.concatenate(columns)
    low, high = np.quantile(values, [0.001, 0.999])
    if np.all(values == np.rint(values)) and high - low < 45:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    return np.linspace(low, max(high, low + 1e-6), 21)


def _shares(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Share of all values in each bin; values beyond the last edges count in the outermost bins."""
    inside = np.clip(values, bins[0], np.nextafter(bins[-1], -np.inf))
    return np.histogram(inside, bins)[0] / max(1, len(values))


def _points(curve: Curve) -> np.ndarray:
    """(P, 2) seconds and validation bits per hold, where both are numbers."""
    n = min(len(curve.seconds), len(curve.valid_bits_per_hold))
    points = np.array([curve.seconds[:n], curve.valid_bits_per_hold[:n]], dtype=np.float64).T
    return points[np.isfinite(points).all(1)]

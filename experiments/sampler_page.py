"""The page of `experiments.samplers`: a table of every way, and two pictures of quality against calls."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.charts import COLORS, DASHES, INK, literal
from setgen.climbing.dataset import Dataset
from setgen.metrics.estimate import mean

_MARKERS = "os^DvPX*<>hp"
_DIGITS = {"calls": 1, "climbs per second": 0, "Vendi score": 0}
_SHOWN = (("two-sample AUC (trees)", "two-sample AUC (trees), ↓"), ("bits per hold", "bits per hold, ↓"))


def markdown(
    points: list[dict[str, Any]], floors: dict[str, float | None], dataset: Dataset, command: str
) -> str:
    """A table a model, means over seeds ± standard error."""
    seeds = sorted({p["seed"] for p in points})
    lines = [
        f"# Quality against network calls: {dataset.card['title']}",
        "",
        "Calls: network calls a climb, each of guidance counting twice. Means over the seeds "
        f"{', '.join(map(str, seeds))} of the draws ± their standard error. Bits per hold are those of the",
        "process itself, where its likelihood is known. Floor: real climbs in the place of generated ones.",
        "",
        "```bash",
        command,
        "```",
    ]
    columns = [k for k in points[0] if k not in ("model", "label", "way", "seed")]
    for model, ways in _by_way(points).items():
        lines += ["", f"## {model}", "", "| way | " + " | ".join(columns) + " |"]
        lines.append("| --- |" + " ---: |" * len(columns))
        for way, cells in ways.items():
            row = [_cell([c[k] for c in cells], _DIGITS.get(k, 3)) for k in columns]
            lines.append(f"| {way} | " + " | ".join(row) + " |")
        floor = [_cell([floors.get(k)], _DIGITS.get(k, 3)) for k in columns]
        lines.append("| *floor* | " + " | ".join(floor) + " |")
    return "\n".join(lines) + "\n"


def picture(points: list[dict[str, Any]], floors: dict[str, float | None]) -> Figure:
    """Two-sample AUC and bits per hold against calls: a colour a model, a marker a family of ways."""
    models = _by_way(points)
    families = list(dict.fromkeys(_family(way) for ways in models.values() for way in ways))
    figure = Figure(figsize=(9.6, 8.0), layout="constrained")
    for ax, (metric, label) in zip(figure.subplots(len(_SHOWN)), _SHOWN, strict=True):
        for i, ways in enumerate(models.values()):
            lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for way, cells in ways.items():
                values = [c[metric] for c in cells if c[metric] is not None]
                if values:
                    at = float(np.mean([c["calls"] for c in cells]))
                    lines[_family(way)].append((at, float(np.mean(values))))
            for family, where in lines.items():
                style = {
                    "color": COLORS[i % len(COLORS)],
                    "marker": _MARKERS[families.index(family) % len(_MARKERS)],
                }
                ax.plot(*np.array(sorted(where)).T, linestyle=DASHES[i % len(DASHES)], linewidth=1.0, **style)
        if floors.get(metric) is not None:
            ax.axhline(floors[metric], color=INK, linewidth=0.8, linestyle=":")
        ax.set_xscale("log", base=2)
        ax.set_xlabel("network calls a climb")
        ax.set_ylabel(label)
        ax.grid(color="#dddddd", linewidth=0.5)
    keys: list[Line2D] = []
    for i, model in enumerate(models):
        line: dict[str, Any] = {"color": COLORS[i % len(COLORS)], "linestyle": DASHES[i % len(DASHES)]}
        keys.append(Line2D([], [], label=literal(model), **line))
    for i, family in enumerate(families):
        mark = _MARKERS[i % len(_MARKERS)]
        keys.append(Line2D([], [], color=INK, linestyle="", marker=mark, label=literal(family)))
    keys.append(Line2D([], [], color=INK, linewidth=0.8, linestyle=":", label="real against real"))
    figure.legend(handles=keys, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _family(way: str) -> str:
    """`even` of `even, 4`, `guidance` of `guidance 0.5`."""
    return str(way).split(",")[0].rstrip("0123456789. ")


def _by_way(points: list[dict[str, Any]]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for p in points:
        found.setdefault(p["label"], {}).setdefault(p["way"], []).append(p)
    return found


def _cell(values: list[float | None], digits: int) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return ""
    estimate = mean(np.array(known))
    if estimate.standard_error is None or len(known) < 2:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ± {estimate.standard_error:.{digits}f}"

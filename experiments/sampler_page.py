"""The page of `experiments.samplers`: a table of every way, and two pictures of quality against calls."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.report.picture import DASHES, FAINT, SERIES, literal
from setgen.dataset.dataset import Dataset
from setgen.evaluation.estimate import mean

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
    """Two-sample AUC and bits per hold against calls, a line a family of ways."""
    models = _by_way(points)
    figure = Figure(figsize=(9.6, 3.6 * len(_SHOWN)), layout="constrained")
    for ax, (metric, label) in zip(figure.subplots(len(_SHOWN)), _SHOWN, strict=True):
        lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for model, ways in models.items():
            for way, cells in ways.items():
                values = [c[metric] for c in cells if c[metric] is not None]
                if values:
                    at = float(np.mean([c["calls"] for c in cells]))
                    family = str(way).split(",")[0] if "," in str(way) else str(way)
                    lines[f"{model}: {family}"].append((at, float(np.mean(values))))
        for i, (name, where) in enumerate(lines.items()):
            x, y = np.array(sorted(where)).T
            style: dict[str, Any] = {"color": SERIES[i % len(SERIES)], "linestyle": DASHES[i % len(DASHES)]}
            ax.plot(x, y, marker="os^vDPX"[i % 7], markersize=4, linewidth=1.2, label=literal(name), **style)
        floor = floors.get(metric)
        if floor is not None:
            ax.axhline(floor, color="black", linewidth=0.8, linestyle=":", label="real against real")
        ax.set_xscale("log", base=2)
        ax.set_xlabel("network calls a climb")
        ax.set_ylabel(label)
        ax.grid(color=FAINT, linewidth=0.5)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=7)
    return figure


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

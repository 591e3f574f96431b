"""metrics.json: the report as one strict JSON document, complete but for the pictures."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from experiments.report.content import Report, usage
from experiments.report.gallery import Shelf, shelves
from experiments.report.leaderboard import leaderboard
from experiments.report.paired import all_differences
from experiments.report.plots import features
from experiments.report.summary import summary
from experiments.report.table import Family, families
from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import Role

FORMAT = 1


def document(report: Report) -> dict[str, Any]:
    """Plain values only; what is missing, NaN or infinite is None.

    `models` holds each run's own numbers, `table` those over seeds that report.md and report.html show.
    """
    raw = {
        "format": FORMAT,
        "title": report.title,
        "date": report.date,
        "summary": summary(report),
        "primary": report.primary,
        "dataset": {**asdict(report.dataset), "board": report.board.name, "placements": len(report.board)},
        "settings": asdict(report.settings),
        "versions": dict(report.versions),
        "metrics": [asdict(metric) for metric in report.metrics],
        "leaderboard": [
            {
                "metric": line.row.metric.name,
                "distance_to": "best" if line.to_best else "floor",
                "cells": {
                    model.label: {"distance": place.distance, "class": place.kind}
                    for model, place in zip(report.models, line.places, strict=True)
                },
            }
            for line in leaderboard(report)
        ],
        "table": [_family(report, family) for family in families(report)],
        "differences": [asdict(d) for d in all_differences(report)],
        "comparisons": [asdict(c) for c in report.comparisons],
        "models": [
            {
                "label": model.label,
                "generator": model.generator,
                "kind": model.kind,
                "n_parameters": model.n_parameters,
                "note": model.note,
                "runs": [asdict(run) for run in model.runs],
                "samples": _climbs(report, model.samples),
            }
            for model in report.models
        ],
        "real": _climbs(report, report.real),
        "gallery": [_shelf(report.board, shelf) for shelf in shelves(report)],
    }
    return _plain(raw)


def to_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _family(report: Report, family: Family) -> dict[str, Any]:
    labels = [model.label for model in report.models]
    return {
        "family": family.name,
        "rows": [
            {
                "metric": row.metric.name,
                "unit": row.metric.unit,
                "direction": row.metric.direction,
                "floor": row.floor,
                "floor_standard_error": row.floor_error,
                "cells": {label: asdict(cell) for label, cell in zip(labels, row.cells, strict=True)},
            }
            for row in family.rows
        ],
    }


def _climbs(report: Report, climbs: Climbs | None) -> dict[str, Any] | None:
    """How many, the share that uses each placement, and the counts of the histogrammed features."""
    if climbs is None:
        return None
    return {
        "climbs": len(climbs),
        "usage": dict(zip(report.board.ids.tolist(), usage(report.board, climbs).round(6), strict=True)),
        "features": {
            name: {"climbs": len(values), "deciles": np.quantile(values, np.arange(11) / 10).round(3)}
            for name, values in features(report, climbs).items()
            if len(values)
        },
    }


def _shelf(board: Board, shelf: Shelf) -> dict[str, Any]:
    return {
        "angle": shelf.angle,
        "grade": shelf.grade,
        "climbs": [{"of": label, "holds": _holds(board, climb)} for label, climb in shelf.climbs],
    }


def _holds(board: Board, climb: Climb | None) -> list[dict[str, Any]] | None:
    if climb is None:
        return None
    on_board = [(p, r) for p, r in climb.holds if 0 <= p < len(board) and r in set(Role)]
    return [{"placement": int(board.ids[p]), "role": Role(r).label} for p, r in on_board]


def _plain(value: Any) -> Any:
    """The same as JSON types: arrays as lists, NaN and infinities as None, keys as text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) or value is None else str(value)

"""The table: each metric of each model over its seeds, beside the real-versus-real floor, the best marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.stats import t as student_t

from experiments.report.content import Direction, MetricInfo, Model, Report, Run, finite
from experiments.report.paired import pooled_difference

FAMILIES = {
    "likelihood": "Likelihood",
    "validity": "Validity",
    "novelty": "Novelty",
    "diversity": "Diversity",
    "fidelity": "Fidelity",
    "two-sample": "Two-sample tests",
    "conditioning": "Conditioning",
    "completion": "Completion",
    "cost": "Cost",
}
"""Family → heading, in the order of the table; any other family follows under its own name."""

_COST = (
    MetricInfo("parameters", "", "none", "number of learned numbers", "", "cost"),
    MetricInfo("training time", "s", "none", "wall-clock seconds, validation included", "", "cost"),
    MetricInfo("steps", "", "none", "optimiser steps", "", "cost"),
    MetricInfo("epochs", "", "none", "passes over the training climbs", "", "cost"),
    MetricInfo("climbs seen", "", "none", "training climbs seen, repeats counted", "", "cost"),
    MetricInfo("sampling speed", "climbs/s", "up", "climbs drawn per second of wall-clock time", "", "cost"),
)

_SET_BY_HAND = {metric.name for metric in _COST if metric.name != "sampling speed"}

CLOSE = 2.0
"""A model is marked `close` when it is within this many standard errors of the best."""


@dataclass(frozen=True)
class Cell:
    """One model's value. error_over: what `standard_error` is taken over, `seeds` or `climbs`.

    infinite: some seed's value is infinite, and so is the mean, though `mean` is None.
    low, high: the 95 % interval: of one seed the metric's own over climbs, of several Student's t over seeds.
    own_error: with several seeds, what the metric's own error over climbs leaves of the mean. gap: mean minus
    floor. mark: `best`, `close` (not told apart from the best) or empty. note: of the first run that has one.
    """

    mean: float | None
    standard_error: float | None = None
    error_over: Literal["seeds", "climbs"] | None = None
    seeds: int = 0
    gap: float | None = None
    mark: Literal["best", "close", ""] = ""
    infinite: bool = False
    low: float | None = None
    high: float | None = None
    note: str = ""
    own_error: float | None = None


@dataclass(frozen=True)
class Row:
    """One metric: its floor with the floor's standard error, and a cell a model."""

    metric: MetricInfo
    floor: float | None
    floor_error: float | None
    cells: Sequence[Cell]

    @property
    def note(self) -> str:
        """What the evaluator says of every model alike."""
        said = {cell.note for cell in self.cells if cell.mean is not None}
        return said.pop() if len(said) == 1 else ""

    @property
    def silent(self) -> bool:
        """Every number of the row is 0, so a line of text says as much as the row."""
        return not self.floor and not any(cell.mean or cell.infinite for cell in self.cells)


@dataclass(frozen=True)
class Family:
    name: str
    heading: str
    rows: Sequence[Row]


def families(report: Report) -> list[Family]:
    """The whole table, cost last but for families it does not know; rows without any value are left out."""
    table = []
    for name, infos in by_family(report.metrics).items():
        rows = [_row(report, m) for m in infos]
        rows = [row for row in rows if any(c.mean is not None or c.infinite for c in row.cells)]
        if rows:
            table.append(Family(name, heading(name), rows))
    return table


def by_family(metrics: Sequence[MetricInfo]) -> dict[str, list[MetricInfo]]:
    """The metrics and those of cost by family, in the order of FAMILIES, families it does not know last."""
    infos = [*metrics, *_COST]
    names = dict.fromkeys([*FAMILIES, *(m.family for m in infos)])
    found = {name: [m for m in infos if m.family == name] for name in names}
    return {name: infos for name, infos in found.items() if infos}


def heading(family: str) -> str:
    return FAMILIES.get(family, family.capitalize())


def cell_of(model: Model, metric: str) -> Cell:
    """Mean over seeds with its standard error over seeds; with one seed, the metric's own over climbs."""
    note = next((run.notes[metric] for run in model.runs if run.notes.get(metric)), "")
    raw = [_value(run, model, metric) for run in model.runs]
    if any(v is not None and math.isinf(v) for v in raw):
        return Cell(None, seeds=len(raw), infinite=True, note=note)
    values = [v for value in raw if (v := finite(value)) is not None]
    if not values:
        return Cell(None, note=note)
    mean = float(np.mean(values))
    if metric in _SET_BY_HAND:
        return Cell(mean, seeds=len(values))
    if len(values) > 1:
        spread = float(np.std(values, ddof=1) / math.sqrt(len(values)))
        own = _mean_of(run.standard_errors.get(metric) for run in model.runs)
        left = None if own is None else own / math.sqrt(len(values))
        half = float(student_t.ppf(0.975, len(values) - 1)) * spread
        return Cell(
            mean,
            spread,
            "seeds",
            len(values),
            low=mean - half,
            high=mean + half,
            note=note,
            own_error=left,
        )
    error = next(
        (e for run in model.runs if (e := finite(run.standard_errors.get(metric))) is not None), None
    )
    low, high = next((run.intervals[metric] for run in model.runs if metric in run.intervals), (None, None))
    over: Literal["climbs"] | None = None if error is None else "climbs"
    return Cell(mean, error, over, 1, low=finite(low), high=finite(high), note=note)


def _value(run: Run, model: Model, metric: str) -> float | None:
    cost = {
        "parameters": None if model.kind == "file" else model.n_parameters,
        "training time": run.train_seconds,
        "steps": run.steps,
        "epochs": run.epochs,
        "climbs seen": run.climbs_seen,
        "sampling speed": run.samples_per_second,
    }
    return run.values[metric] if metric in run.values else cost.get(metric)


def _row(report: Report, metric: MetricInfo) -> Row:
    runs = [run for model in report.models for run in model.runs]
    floor = _mean_of(run.floors.get(metric.name) for run in runs)
    floor_error = _mean_of(run.floor_errors.get(metric.name) for run in runs)
    cells = [cell_of(model, metric.name) for model in report.models]
    gaps = [None if c.mean is None or floor is None else c.mean - floor for c in cells]
    marks = _marks(report, metric, cells, floor)
    marked = [replace(c, gap=g, mark=m) for c, g, m in zip(cells, gaps, marks, strict=True)]
    return Row(metric, floor, floor_error, marked)


def _mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of those that are numbers. Runs share one floor, up to the climbs drawn for it."""
    known = [v for value in values if (v := finite(value)) is not None]
    return float(np.mean(known)) if known else None


def _loss(mean: float, direction: Direction, floor: float | None) -> float | None:
    """The value turned so that smaller is better; None where nothing is better."""
    if direction == "floor":
        return None if floor is None else abs(mean - floor)
    return {"up": -mean, "down": mean}.get(direction)


def _marks(
    report: Report, metric: MetricInfo, cells: Sequence[Cell], floor: float | None
) -> list[Literal["best", "close", ""]]:
    losses = [None if c.mean is None else _loss(c.mean, metric.direction, floor) for c in cells]
    known = [x for x in losses if x is not None]
    marks: list[Literal["best", "close", ""]] = ["" for _ in cells]
    if len(known) < 2 or _same(max(known), min(known)):  # nothing to choose between
        return marks
    best = losses.index(min(known))
    for i, loss in enumerate(losses):
        if loss is None:
            continue
        if _same(loss, min(known)):
            marks[i] = "best"
        elif loss - min(known) < CLOSE * difference_error(report, metric.name, cells, i, best):
            marks[i] = "close"
    return marks


def _same(a: float, b: float) -> bool:
    """Equal but for rounding: a set model's order sensitivity is 1e-7 in float32, and means 0."""
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)


def difference_error(report: Report, metric: str, cells: Sequence[Cell], i: int, j: int) -> float:
    """Standard error of the difference of two cells: paired where we have it, else as if independent."""
    if metric == report.primary:
        paired = pooled_difference(report, report.models[i].label, report.models[j].label)
        if paired is not None:
            return paired.standard_error
    return math.hypot(cells[i].standard_error or 0.0, cells[j].standard_error or 0.0)

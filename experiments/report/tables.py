"""The report's tables, as pandas frames: metrics, headlines, paired differences of bits, what training cost."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from experiments.report.content import Report
from setgen.metrics.estimate import undefined
from setgen.metrics.likelihood import bits_of_all
from setgen.metrics.metric import metrics_of

HEADLINES = (
    *("legal without masks", "sensible", "novel", "nearest training ", "internal diversity", "transport"),
    *("MMD (Jaccard)", "Fréchet distance", "two-sample AUC", "grade error ratio"),
    *("recall@10 (50 % hidden)", "bits per hidden "),
)
"""What the names of headline metrics begin with, besides the likelihood and usage."""

_WIDTH = 2 * 1.96  # standard errors in a 95 % interval
NEAR = 2.0  # standard errors within which a value cannot be told from its floor
_SMALL, _THIRD = 0.1, 1 / 3  # of the gap that plain counts leave
CLASSES = {
    "at": (
        "●●●",
        f"at the floor: within {NEAR:.0f} standard errors of it, or at most {_SMALL:.0%} as far from it as counting",
    ),
    "near": ("●●○", "near: at most a third as far from the floor as counting how often each item comes"),
    "off": ("●○○", "off: nearer the floor than counting"),
    "far": ("○○○", "far: as far as counting, or further"),
}
"""Class → its mark, which reads without colour, and its meaning. Where no model of the table only counts, the
furthest one stands for it, or the floor's own size."""


def cells(report: Report) -> pd.DataFrame:
    """A row a (metric, model), families together: value, low, high, floor, floor_low, floor_high, direction, unit,
    family, note, seeds; distance and kind, a key of CLASSES; best.

    The value is the mean over seeds. low, high: its 95 % interval, of one seed the metric's own, of several
    Student's t over seeds, where that is wider: few seeds may agree by luck, and all meet the same test sets.
    distance: to the floor, or where there is none to the best model, in standard errors; 0 where the value is on its
    good side. size: the same as a share of the distance that counting leaves.
    """
    tables = {
        (label, i): one.evaluation.table()
        for label, runs in report.runs.items()
        for i, one in enumerate(runs)
    }
    every = pd.concat(tables, names=["model", "run", "metric"]).reset_index()
    every["half"] = (every.high - every.low) / 2
    grouped = every.groupby(["metric", "model"], sort=False)
    found = grouped.first()[["family", "direction", "unit", "note"]]
    numbers = grouped[["value", "low", "high", "floor", "floor_low", "floor_high", "half"]]
    found = found.join(numbers.agg(_mean))
    found["seeds"] = grouped.size()
    known = metrics_of(report.reference.space)
    found = found.loc[[at for m in known for label in report.runs if (at := (m, label)) in found.index]]
    several = found.seeds > 1
    if several.any():
        spread = grouped.value.std() / np.sqrt(found.seeds)
        over_seeds = spread * student_t.ppf(0.975, (found.seeds - 1).clip(lower=1))
        found.loc[several, "half"] = np.fmax(over_seeds, found.half)
        found.loc[several, "low"] = found.value - found.half
        found.loc[several, "high"] = found.value + found.half
    return _with_marks(report, found.drop(columns="half"), found.half)


def _mean(column: pd.Series) -> float:
    """Over the runs that have the number; infinite where one's is."""
    return float(column.mean(skipna=not np.isinf(column).any()))


def _with_marks(report: Report, found: pd.DataFrame, half: pd.Series) -> pd.DataFrame:
    """half: of each cell's interval."""
    turned = found.direction.map({"↑": -1.0, "↓": 1.0})
    loss = (found.value * turned).where(found.direction != "=", (found.value - found.floor).abs())
    losses = loss.groupby("metric", sort=False)
    least, worst = losses.transform("min"), losses.transform("max")
    best = np.isclose(loss, least, rtol=1e-6, atol=1e-6) & ~np.isclose(least, worst, rtol=1e-6, atol=1e-6)
    to_best = found.floor.isna()
    target = found.floor.where(~to_best, least * turned)
    gap = found.value - target
    floor_half = ((found.floor_high - found.floor_low) / 2).fillna(0.0)
    error = np.hypot(half.fillna(0.0), floor_half) * 2 / _WIDTH
    paired = {frozenset((d.first, d.second)): d.standard_error for d in differences(report).itertuples()}
    leaders = {model for metric, model in found.index[best] if metric == report.primary}
    for metric, model in found.index[to_best]:
        for leader in leaders if metric == report.primary else ():
            error[metric, model] = paired.get(frozenset((model, leader)), error[metric, model])
    good = (
        ((found.direction == "↑") & (gap >= 0)) | ((found.direction == "↓") & (gap <= 0)) | (gap.abs() < 1e-6)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (gap.abs() / error).where(~good, 0.0)
    distance = distance.where((found.direction != "") & target.notna())
    scale = _counted(report, gap.abs().where(~good & (distance > NEAR)), gap.abs(), found.floor.abs())
    size = (gap.abs() / scale).where(np.isfinite(gap), math.inf).fillna(0.0)
    size = size.where(~good, 0.0).where(distance.notna())
    kind = [_class(d, s) for d, s in zip(distance, size, strict=True)]
    marks = {"best": best, "distance": distance, "size": size, "kind": kind}
    return found.assign(**marks, to_best=to_best & distance.notna())


def _counted(report: Report, off: pd.Series, gap: pd.Series, floor: pd.Series) -> pd.Series:
    """The gap of the model that only counts, in each row; where there is none, or it is at the floor itself, the
    largest of the row, or the floor's own size. off: gaps of models that are off the floor, NaN for the others."""
    counts = [
        label
        for label, runs in report.runs.items()
        if runs[0].facts.kind != "file" and not runs[0].facts.n_parameters
    ]

    def largest(gaps: pd.Series) -> pd.Series:
        return gaps.where(np.isfinite(gaps)).groupby("metric", sort=False).transform("max")

    own = largest(off.where(off.index.get_level_values("model").isin(counts)))
    return own.where(own > 0, np.fmax(largest(gap), floor)).replace(0.0, math.nan)


def _class(distance: float, size: float) -> str:
    """distance: in standard errors; size: as a share of what counting leaves. Empty where there is none."""
    if math.isnan(distance):
        return ""
    if distance <= NEAR or size <= _SMALL:
        return "at"
    return "near" if size <= _THIRD else "off" if size < 1 else "far"


def headlines(report: Report, found: pd.DataFrame) -> pd.DataFrame:
    """The rows of `cells` that say most: the likelihood, usage, and what HEADLINES names."""
    items = report.reference.words["item"]
    names = (report.primary, f"{items} usage", *HEADLINES)
    chosen = [m for m in found.index.unique("metric") if m.startswith(names)]
    return found.loc[found.index.isin(chosen, level="metric")]


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """`cells` for reading: a row a metric, a column a model, `value [95 % interval] mark`; beside it the floor."""
    text = found.apply(_text, axis=1)
    wide = text.unstack("model", fill_value="")
    wide = wide.loc[found.index.unique("metric"), found.index.unique("model")]
    first = found.groupby("metric", sort=False).first()
    wide.insert(0, "floor", [_interval(*row) for row in first[["floor", "floor_low", "floor_high"]].values])
    wide.insert(0, "unit", first.unit)
    wide.insert(0, "", first.direction)
    return wide


def _text(row: pd.Series) -> str:
    mark = CLASSES[row.kind][0] + ("*" if row.to_best else "") if row.kind else ""
    return f"{_interval(row.value, row.low, row.high)} {mark}{' ★' if row.best else ''}".strip()


def _interval(value: float, low: float, high: float) -> str:
    known = math.isfinite(low) and math.isfinite(high) and high - low > 1e-6
    return f"{number(value)} [{number(low)}, {number(high)}]" if known else number(value)


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits, which is more than most intervals support; a dash where there is no number."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or abs(value) < 1e-6:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def differences(report: Report) -> pd.DataFrame:
    """Bits per item of `first` minus `second`, the sum over the same test sets over all their items: bits,
    standard_error, in_errors, seeds, sets.

    Every seed is scored on the same sets, so more seeds do not make the sets' share of the error smaller:
    error² = mean over seeds of the sets' error² + variance over seeds / seeds. A set that one model alone
    finds impossible makes the mean infinite: leaving it out would favour that model.
    """
    rows: list[dict[str, Any]] = []
    for a, b in combinations(report.runs, 2):
        both = [
            (x.evaluation.likelihood, y.evaluation.likelihood)
            for x, y in zip(report.runs[a], report.runs[b], strict=False)
            if x.evaluation.likelihood is not None and y.evaluation.likelihood is not None
        ]
        means, squares, n = [], [], 0
        for x, y in both:
            with np.errstate(invalid="ignore"):  # ∞ − ∞: impossible for both
                gap = x.nats - y.nats
            possible = ~np.isnan(gap)
            n = int(possible.sum())
            found = bits_of_all(gap[possible], x.items[possible]) if n else undefined("")
            means.append(found.value)
            squares.append(math.nan if found.standard_error is None else found.standard_error**2)
        if not both or not np.isfinite(squares).all():
            continue
        between = np.var(means, ddof=1) / len(means) if len(means) > 1 else 0.0
        mean, error = float(np.mean(means)), math.sqrt(float(np.mean(squares)) + between)
        rows.append(
            {
                "first": a,
                "second": b,
                "bits": mean,
                "standard_error": error,
                "in_errors": mean / error if error else math.nan,
                "seeds": len(means),
                "sets": n,
            }
        )
    columns = ["first", "second", "bits", "standard_error", "in_errors", "seeds", "sets"]
    return pd.DataFrame(rows, columns=columns)


def models(report: Report) -> pd.DataFrame:
    """A row a model: what it is and what its training cost, means over seeds."""
    rows = []
    for label, runs in report.runs.items():
        facts = [one.facts for one in runs]
        speeds = [one.sets_per_second or math.nan for one in runs]
        rows.append(
            {
                "model": label,
                "kind": facts[0].kind,
                "generator": runs[0].generator,
                "parameters": facts[0].n_parameters,
                "seconds": float(np.mean([f.train_seconds for f in facts])),
                "steps": float(np.mean([f.steps for f in facts])),
                "passes": float(np.mean([f.epochs for f in facts])),
                "speed": float(np.mean(speeds)),
                "runs": ", ".join(one.folder.name for one in runs),
                "note": facts[0].note,
            }
        )
    return pd.DataFrame(rows).set_index("model")

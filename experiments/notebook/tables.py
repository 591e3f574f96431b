"""Tables for a notebook, as pandas frames that read without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from pandas.io.formats.style_render import CSSDict

from experiments.notebook.training import Trained
from experiments.report import Report
from experiments.report.tables import cells, headlines, number, shown
from setgen.climbing.climbs import Climbs
from setgen.climbing.grades import grade_name
from setgen.climbing.grading.grader import Grader
from setgen.climbing.sensible import SensibleRules
from setgen.metrics.context import Context
from setgen.metrics.damage import Damage
from setgen.metrics.evaluate import estimate
from setgen.metrics.metric import Metric, Unavailable


def card_table(card: Mapping[str, Any]) -> pd.DataFrame:
    """What became of every row of the source, from a dataset's card."""
    rows = [("rows read", card["rows"]["read"])]
    rows += [(f"left out: {reason}", n) for reason, n in card["rows"]["reasons"].items()]
    rows += [("rows kept", card["rows"]["kept"]), ("distinct hold sets", card["hold_sets"])]
    for name, part in card["splits"].items():
        rows.append((f"{name}: rows", part["rows"]))
        rows.append((f"{name}: distinct hold sets", part["hold_sets"]))
    return pd.DataFrame(rows, columns=["", "count"]).set_index("")


def rules_table(rules: SensibleRules, train: Climbs, test: Climbs) -> pd.DataFrame:
    """Each soft rule: its threshold, the percentile that set it, and how many real climbs break it."""
    broken = {name: rules.broken(climbs) for name, climbs in (("train", train), ("test", test))}
    rows = [
        {
            "rule": rule.name,
            "broken when": f"{'above' if rule.tail == 'high' else 'below'} {rule.threshold:.1f} {rule.unit}",
            "percentile of training climbs": f"{rule.percentile:g}",
            **{f"broken by {part} climbs": f"{hit[rule.name].mean():.1%}" for part, hit in broken.items()},
        }
        for rule in rules.rules
    ]
    return pd.DataFrame(rows).set_index("rule")


def training_table(trained: Mapping[str, Trained]) -> pd.DataFrame:
    """What each training cost, and what it reached on the validation climbs."""
    rows = [
        {
            "model": label,
            "parameters": f"{one.facts.n_parameters:,}",
            "seconds": f"{one.facts.train_seconds:.1f}",
            "steps": f"{one.facts.steps:,}",
            "passes over the data": f"{one.facts.epochs:.2f}",
            "validation bits per hold": number(one.facts.best_valid_bits_per_hold, 4),
        }
        for label, one in trained.items()
    ]
    return pd.DataFrame(rows).set_index("model")


def leaderboard_table(report: Report) -> pd.DataFrame:
    """The report's headline metrics: value [95 % interval] and a mark for its distance to the floor."""
    return shown(headlines(report, cells(report)))


def grading_table(
    grader: Grader, climbs: Climbs, labels: Sequence[str], angles: Sequence[int]
) -> pd.DataFrame:
    """Climbs by angles: the grader's median grade, and the range it is in four times out of five."""
    columns = {}
    for angle in angles:
        found = grader.grade(climbs, angle)
        low, high = found.interval()
        columns[f"{angle}°"] = [
            f"{_v(m)} ({_v(a)} to {_v(b)})" for m, a, b in zip(found.median, low, high, strict=True)
        ]
    return pd.DataFrame(columns, index=pd.Index(labels, name="climb"))


def metrics_table(comparisons: Mapping[str, Context], metrics: Sequence[Metric]) -> pd.DataFrame:
    """Metrics by samples: value [95 % interval]. † where a metric wants more climbs than there are."""
    columns = {}
    for label, comparison in comparisons.items():
        cells = []
        for metric in metrics:
            try:
                found = estimate(comparison, metric)
            except Unavailable:
                cells.append("–")
                continue
            cells.append(_with_interval(found.value, found.low, found.high))
        columns[label] = cells
    sizes = [(len(c), len(c.test_sets)) for c in comparisons.values()]
    names = [f"{m.name} {m.direction}{_few(any(m.wanting(*size) for size in sizes))}" for m in metrics]
    return pd.DataFrame(columns, index=pd.Index(names, name="metric"))


def metric_list(metrics: Sequence[Metric]) -> Styler:
    """What each metric is."""
    rows = [
        {
            "metric": f"{m.name} {m.direction}",
            "unit": m.unit,
            "what it is": m.formula,
            "wants": m.wants,
        }
        for m in metrics
    ]
    return _read_through(pd.DataFrame(rows).set_index("metric"))


def damage_list(damages: Sequence[Damage]) -> Styler:
    """What each damage does, and its degrees."""
    rows = [
        {"damage": d.name, "degrees": ", ".join(map(d.label, d.degrees)), "what it does": d.said}
        for d in damages
    ]
    return _read_through(pd.DataFrame(rows).set_index("damage"))


def _read_through(table: pd.DataFrame) -> Styler:
    """The table with its sentences whole and to the left: pandas would cut them after 50 letters."""
    left: CSSDict = {"selector": "td, th", "props": "text-align: left; vertical-align: top"}
    return table.style.set_table_styles([left]).set_uuid("sentences")


def _few(few: bool) -> str:
    return " †" if few else ""


def _v(grade: int) -> str:
    return grade_name(int(grade)).split("/")[-1]


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    if low is None or high is None or value is None or not np.isfinite(value):
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"

"""From `setgen.metrics` to the report: which family a metric stands under, and a run's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

from experiments.report.content import Direction, MetricInfo
from setgen.metrics.evaluate import MetricValue
from setgen.metrics.metric import Metric

_DIRECTIONS: dict[str, Direction] = {"↑": "up", "↓": "down", "=": "floor"}


class Numbers(TypedDict):
    """The keyword arguments of `Run` that an evaluation fills."""

    values: dict[str, float | None]
    standard_errors: dict[str, float | None]
    floors: dict[str, float | None]
    floor_errors: dict[str, float | None]
    intervals: dict[str, tuple[float | None, float | None]]
    notes: dict[str, str]


def metric_infos(metrics: Iterable[Metric]) -> list[MetricInfo]:
    """How to read each metric."""
    return [
        MetricInfo(
            m.name,
            m.unit,
            _DIRECTIONS.get(m.direction, "none"),
            m.formula,
            m.source,
            m.family,
            m.wants,
        )
        for m in metrics
    ]


def numbers_of(values: Mapping[str, MetricValue]) -> Numbers:
    """An evaluation's values, for `Run(seed, folder, **numbers_of(evaluation.values))`."""
    return Numbers(
        values={name: v.value for name, v in values.items()},
        standard_errors={name: v.standard_error for name, v in values.items()},
        floors={name: v.floor for name, v in values.items()},
        floor_errors={name: v.floor_standard_error for name, v in values.items()},
        intervals={name: (v.low, v.high) for name, v in values.items()},
        notes={name: v.note for name, v in values.items() if v.note},
    )

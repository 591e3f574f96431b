"""evaluate: every metric of the table on generated climbs, beside its floor on real ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from setgen.boards.climbs import Climbs
from setgen.boards.sensible import SensibleRules
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation import (
    conditioning,
    distances,
    diversity,
    frechet,
    kernels,
    neighbours,
    novelty,
    transport,
    two_sample,
    usage,
    validity,
)
from setgen.evaluation.metric import Metric, MetricValue
from setgen.evaluation.reference import Reference

METRICS: tuple[Metric, ...] = (
    *validity.METRICS,
    *novelty.METRICS,
    *diversity.METRICS,
    *usage.METRICS,
    *distances.METRICS,
    *transport.METRICS,
    *neighbours.METRICS,
    *kernels.METRICS,
    *frechet.METRICS,
    *two_sample.METRICS,
    *conditioning.METRICS,
)
"""The table. A new family of metrics is one file and one line here."""


@dataclass(frozen=True)
class Evaluation:
    """Metric name → value and floor, in the order of the table; with the soft rules' thresholds."""

    values: dict[str, MetricValue]
    metrics: dict[str, Metric]
    rules: SensibleRules
    n: int
    seed: int
    details: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> MetricValue:
        return self.values[name]

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps; what is no finite number becomes null."""
        said = ("family", "unit", "direction", "formula", "source", "needs")
        table = {
            name: {**asdict(value), **{k: getattr(self.metrics[name], k) for k in said}}
            for name, value in self.values.items()
        }
        rules = self.rules.to_json()
        head = {"board": self.rules.board.name, "n": self.n, "seed": self.seed}
        return _plain({**head, **self.details, "metrics": table, "soft_rules": rules})


def evaluate(
    samples: Climbs,
    dataset: Dataset | Reference,
    *,
    seed: int = 0,
    progress: Callable[[Sequence[Metric]], Iterable[Metric]] = iter,
) -> Evaluation:
    """Compare generated climbs with a dataset's test and training climbs, by every metric of METRICS.

    samples: climbs on the dataset's board, illegal ones included. dataset: or a Reference made from one,
    which is quicker for several samples and brings its own seed. The floor of each metric is the metric
    itself on real climbs: all test climbs, or an equally large sample of training climbs, as the metric says;
    where there are not so many, the metric looks at so many of the samples. Real climbs count once a hold
    set. Metrics that do not exist on the board or for the data are left out and named in `details`. The order
    of rows and of holds changes nothing; neither does anything but `seed`. progress: wraps the metrics while
    they run, for instance rich's `track`.
    Raises InputError when there is nothing to compare.
    """
    if len(samples) == 0:
        raise InputError("there are no climbs to evaluate: the input is empty")
    reference = dataset if isinstance(dataset, Reference) else Reference.of(dataset, seed)
    comparison = reference.comparison(samples)
    judged = ((metric, reference.judge(metric, comparison)) for metric in progress(METRICS))
    values = {metric.name: value for metric, value in judged if value is not None}
    table = {m.name: m for m in METRICS if m.name in values}
    details = {
        "left out": [m.name for m in METRICS if m.name not in values],
        "no grader": reference.no_grader,
    }
    return Evaluation(values, table, reference.rules, len(samples), reference.seed, details)


def _plain(value: Any) -> Any:
    """The same with None for every number that JSON does not know."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

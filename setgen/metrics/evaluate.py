"""evaluate: every metric of the table on generated sets, beside its floor on real ones; a model likewise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from setgen.errors import InputError
from setgen.metrics.context import Context, samples
from setgen.metrics.estimate import Estimate
from setgen.metrics.likelihood import Likelihood, scored_likelihood
from setgen.metrics.metric import Metric, Unavailable, metrics_of
from setgen.metrics.shards import Watch, look
from setgen.sets.dataset import load_dataset
from setgen.sets.sets import Sets
from setgen.sets.shards import Shards
from setgen.sets.space import Space
from setgen.threads import one_thread

if TYPE_CHECKING:
    from setgen.generators.base import Generator

Progress = Callable[[Sequence[Metric]], Iterable[Metric]]


@dataclass(frozen=True)
class MetricValue:
    """A metric on generated sets beside its floor: the same code run on real sets in their place.

    value is NaN where the generated sets do not allow it. low, high: its 95 % confidence interval.
    """

    value: float
    standard_error: float | None
    n: int
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    floor_standard_error: float | None = None
    floor_n: int | None = None
    floor_low: float | None = None
    floor_high: float | None = None
    note: str = ""

    @classmethod
    def of(cls, value: Estimate, floor: Estimate | None, metric: Metric, notes: list[str]) -> MetricValue:
        """notes: what else is to be said, such as `Metric.wanting`."""
        said = [value.note, *notes]
        found = cls(value.value, value.standard_error, value.n, value.low, value.high)
        if floor is not None:
            found = replace(
                found,
                floor=floor.value,
                floor_standard_error=floor.standard_error,
                floor_n=floor.n,
                floor_low=floor.low,
                floor_high=floor.high,
            )
            said.append(_too_good(value, floor, metric))
            said.append(f"floor {floor.note}" if floor.note and floor.note != value.note else "")
        return replace(found, note="; ".join(dict.fromkeys(n for n in said if n)))

    @property
    def apart(self) -> bool:
        """Whether the 95 % intervals of value and floor have no point in common."""
        if self.low is None or self.high is None or self.floor_low is None or self.floor_high is None:
            return False
        return self.low > self.floor_high or self.high < self.floor_low


def _too_good(value: Estimate, floor: Estimate, metric: Metric) -> str:
    """A note where the whole interval lies on the good side of the floor's: no generator should do that."""
    if value.low is None or value.high is None or floor.low is None or floor.high is None:
        return ""
    better = {"↑": value.low > floor.high, "↓": value.high < floor.low}.get(metric.direction, False)
    return f"better than real {metric.sets} are: look for copies, or for little variety" if better else ""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metric name → value and floor, in the order of the table.

    metrics: those that have a value. left_out: name → why it has none. samples: the sets that were judged (a
    `shards.Sharded` where they were in shards).
    likelihood: of the test sets, where a generator was asked. details: what else is known, for the JSON.
    """

    space: Space
    values: dict[str, MetricValue]
    metrics: dict[str, Metric]
    left_out: dict[str, str]
    samples: Any
    seed: int
    likelihood: Likelihood | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> MetricValue:
        return self.values[name]

    @property
    def n(self) -> int:
        return len(self.samples)

    def table(self) -> pd.DataFrame:
        """A row a metric, under its name: family, value, low, high, floor, floor_low, floor_high, apart
        (whether the two 95 % intervals do not meet), direction, unit, n, note."""
        columns = ("value", "low", "high", "floor", "floor_low", "floor_high", "apart", "n", "note")
        rows = [
            {
                "family": self.metrics[name].family,
                **{column: getattr(value, column) for column in columns[:-2]},
                "direction": self.metrics[name].direction.replace("none", ""),
                "unit": self.metrics[name].unit,
                "n": value.n,
                "note": value.note,
            }
            for name, value in self.values.items()
        ]
        table = pd.DataFrame(rows, index=pd.Index(list(self.values), name="metric"))
        return table.astype(dict.fromkeys(columns[:6], float))

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps; what is no finite number becomes null."""
        said = ("family", "unit", "direction", "formula", "source", "needs")
        table = {
            name: {**asdict(value), **{k: getattr(self.metrics[name], k) for k in said}}
            for name, value in self.values.items()
        }
        head = {self.space.word: self.space.name, "n": self.n, "seed": self.seed}
        likely = {} if self.likelihood is None else {"likelihood": self.likelihood.to_json()}
        return _plain({**head, **likely, **self.details, "left out": self.left_out, "metrics": table})


def metrics_for(space: Space, generator: bool = False) -> list[Metric]:
    """The metrics of sets, or those that ask a generator, in the order of the table."""
    return [m for m in metrics_of(space).values() if m.needs_generator == generator]


def estimate(c: Context, metric: Metric) -> Estimate:
    """The metric on the sets looked at, computed once. Raises Unavailable with the reason."""
    lacking = metric.lacking(c.space)
    if lacking:
        raise Unavailable(lacking)
    return c.once(("estimate", metric.name), lambda: metric.compute(c))


def floor_of(c: Context, metric: Metric, n: int) -> Estimate | None:
    """The metric with real sets in the place of n generated ones, as `metric.floor` says; at most as many as
    there are training sets."""
    if metric.floor == "none":
        return None
    return estimate(c.stand_in(metric.floor, min(n, len(c.train_sets))), metric)


def judge(c: Context, metric: Metric) -> MetricValue | str:
    """The metric beside its floor, or why it does not exist in the space or for the data.

    Where as many training sets as generated ones are to take their place and there are not so many, it looks
    at so many of the generated ones: its value depends on their number.
    """
    judged, notes, most, sets = c, [], len(c.train_sets), c.words["sets"]
    if metric.floor == "train" and len(c) > most:
        judged = c.fewer(most)
        notes.append(f"on {most} of {len(c)} {sets}, as many as there are training {sets}")
    try:
        value = estimate(judged, metric)
        floor = floor_of(c, metric, len(judged))
    except Unavailable as reason:
        return str(reason)
    tests = None
    if metric.floor != "none":
        tests = floor.n if floor and metric.family == "conditioning" else len(c.test_sets)
    notes.append(metric.wanting(value.n, tests))
    return MetricValue.of(value, floor, metric, notes)


def evaluate(sets: Sets, data: Any, *, seed: int = 0, progress: Progress = iter) -> Evaluation:
    """Compare generated sets with a dataset's test and training sets, by every metric of the space.

    sets: of the dataset's space, those that break rules included. data: a dataset, or a Context made from
    one, which is quicker for several samples and brings its own seed. The floor of each metric is the metric
    itself on real sets: all test sets, or an equally large sample of training sets, as the metric says; where
    there are not so many, the metric looks at so many of the samples. Real sets count once each. Metrics that
    do not exist in the space or for the data are left out and named with the reason. The order of rows and of
    items changes nothing; neither does anything but `seed`. progress: wraps the metrics while they run, for
    instance rich's `track`.
    Raises InputError when there is nothing to compare.
    """
    c = data if isinstance(data, Context) else Context.of_dataset(data, seed)
    if len(sets) == 0:
        raise InputError(f"there are no {c.space.set_word}s to evaluate: the input is empty")
    values, left_out = _judged(c.judging(sets), metrics_for(c.space), progress)
    return _evaluation(c, values, left_out, sets)


def evaluate_shards(
    shards: Shards,
    data: Path,
    *,
    seed: int = 0,
    ray: str | None = None,
    watch: Watch = iter,
    progress: Progress = iter,
) -> Evaluation:
    """`evaluate`, of sets in a folder of shards: the same numbers, in memory that hardly grows with their number.

    data: the dataset's folder. ray: see `cluster`. watch, progress: wrap the numbers of sets that were looked at, and
    the metrics. What a network says of a set may differ in the last digits, for it reads many at once. Raises
    InputError when the sets are of another space.
    """
    c = Context.of_dataset(load_dataset(data), seed)
    if not _same(shards.space, c.space):
        raise InputError(
            f"the {c.words['sets']} are of another {c.space.word} ({shards.space.name}) than the dataset's "
            f"({c.space.name}): give the dataset they belong to"
        )
    if shards.n <= len(c.train_sets):  # no metric looks at a sample of so few
        return evaluate(shards.pick(np.arange(shards.n)), c, progress=progress)
    sets = look(shards, c, data, ray, watch)
    values, left_out = _judged(c.on(sets), metrics_for(c.space), progress)
    return _evaluation(c, values, left_out, sets)


def evaluate_generator(
    generator: Generator,
    data: Any,
    *,
    n: int = 1000,
    seed: int | None = None,
    orders: int = 4,
    shuffles: int = 4,
    test_sets: int | None = None,
    batch_size: int = 256,
    progress: Progress = iter,
) -> Evaluation:
    """Judge a generator on a dataset: likelihood and completion of test sets, and n samples.

    It samples n sets under conditions of test sets, with legality masks on; "legal without masks" comes from
    a second sample with them off. test_sets: it is asked about so many at most (None: all). Other arguments:
    see Context and `evaluate`. Equal seeds give equal sets, orders, prompts and conditions to every generator;
    a Context brings its own seed, without one it is 0. On a CPU no digit depends on the number of threads:
    networks are asked on one. batch_size bounds the memory of drawing and changes no score; it changes a set
    only where two items are level to the last digit. Raises InputError when the generator was trained in
    another space.
    """
    if isinstance(data, Context) and seed not in (None, data.seed):
        raise InputError(f"seed {seed} is not that of the context, {data.seed}: leave it out")
    c = data if isinstance(data, Context) else Context.of_dataset(data, seed or 0)
    check_space(generator, c.space)
    if min(n, orders, 1 if test_sets is None else test_sets) < 1:
        raise InputError(
            f"{n} samples, {orders} orders and {test_sets} test {c.words['sets']} judge nothing: "
            "give at least one of each"
        )
    options = {"orders": orders, "shuffles": shuffles, "most_tests": test_sets, "batch_size": batch_size}
    asked = c.asking(generator, n, **options)
    with one_thread():
        own, left_out = _judged(asked, metrics_for(c.space, generator=True), progress)
        likely, drawn = scored_likelihood(asked), samples(asked)
    values, also = _judged(c.judging(drawn), metrics_for(c.space), progress)
    details = {"generator": generator.name, "parameters": generator.n_parameters}
    return _evaluation(c, own | values, left_out | also, drawn, likely, details)


def check_space(generator: Generator, space: Space) -> None:
    """Raise InputError when the generator was trained in another space."""
    ours = generator.space
    if not _same(ours, space):
        raise InputError(
            f"the model was trained on another {space.word} ({ours.name}) than the dataset's "
            f"({space.name}): give the dataset it was trained on"
        )


def _same(one: Space, other: Space) -> bool:
    return np.array_equal(one.keys, other.keys) and one.labels == other.labels


@singledispatch
def details_of(space: Space, c: Context) -> dict[str, Any]:
    """What an evaluation in this kind of space tells beside values; a kind of space registers its own."""
    return {}


def _judged(
    c: Context, metrics: Sequence[Metric], progress: Progress
) -> tuple[dict[str, MetricValue], dict[str, str]]:
    found = {metric.name: judge(c, metric) for metric in progress(metrics)}
    values = {name: value for name, value in found.items() if not isinstance(value, str)}
    return values, {name: value for name, value in found.items() if isinstance(value, str)}


def _evaluation(
    c: Context,
    values: dict[str, MetricValue],
    left_out: dict[str, str],
    sets: Any,
    likely: Likelihood | None = None,
    details: dict[str, Any] | None = None,
) -> Evaluation:
    table = {name: m for name, m in metrics_of(c.space).items() if name in values}
    values = {name: values[name] for name in table}
    details = {**(details or {}), **details_of(c.space, c)}
    return Evaluation(c.space, values, table, left_out, sets, c.seed, likely, details)


def _plain(value: Any) -> Any:
    """The same with None for every number that JSON does not know."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

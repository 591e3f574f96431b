"""Proof: run every metric over the damage series and say what each one sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from setgen.errors import InputError
from setgen.metrics.context import Context
from setgen.metrics.damage import Damage, damages_of
from setgen.metrics.evaluate import MetricValue, judge, metrics_for
from setgen.metrics.metric import Metric
from setgen.sets.identity import fingerprints, one_of_each
from setgen.sets.sets import Sets
from setgen.sets.space import Space

_FEWEST = 50


@dataclass(frozen=True)
class Series:
    """One metric over the degrees of one damage; values[0] is on undamaged sets.

    values: (degrees + 1,) metric values, each a mean over seeds; errors: their standard errors over seeds
    (0 with one); floors, lows, highs: the floor and its 95 % interval, means over seeds; of a floor that is
    one number by definition, an interval as wide as that of the undamaged value.
    """

    metric: str
    damage: str
    direction: str
    values: tuple[float, ...]
    errors: tuple[float, ...]
    floors: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @property
    def worse(self) -> np.ndarray:
        """(degrees + 1,) how bad each value is: in the metric's direction, or its distance to the floor."""
        values, floors = np.array(self.values), np.array(self.floors)
        return {"↑": -values, "↓": values}.get(self.direction, np.abs(values - floors))

    @property
    def outside(self) -> np.ndarray:
        """(degrees + 1,) bool: the value is worse than all of the floor's interval."""
        values = np.array(self.values)
        below, above = values < np.array(self.lows), values > np.array(self.highs)
        return {"↑": below, "↓": above}.get(self.direction, below | above)

    @property
    def monotone(self) -> bool:
        """Every degree is at least as bad as the one before, but for what its own error leaves open."""
        slack = np.hypot(self.errors[1:], self.errors[:-1])
        return bool((np.diff(self.worse) >= -slack - 1e-12).all())

    @property
    def seen_from(self) -> int | None:
        """Index (1 …) of the first degree from which on the damage is seen; None where it is not.

        Seen: the values never get better, the damage moves them by more than half the floor's interval,
        the last is past that interval, and so is every one from this degree on.
        """
        outside = self.outside
        if not np.isfinite(self.worse).all() or not self.monotone or not outside[-1]:
            return None
        if self.worse[-1] - self.worse[0] <= max(0.0, (self.highs[-1] - self.lows[-1]) / 2):
            return None
        inside = np.flatnonzero(~outside)
        return int(inside[-1]) + 1 if len(inside) else 1


def halves(space: Space, test: Sets, seed: int) -> tuple[Sets, Sets]:
    """Rows of half of the test sets, and of the other half, to be damaged, one row of each set of items.

    No set of items is in both. Raises InputError when either has too few.
    """
    _, which = np.unique(fingerprints(space, test), return_inverse=True)
    different = int(which.max(initial=-1)) + 1
    if different < 2 * _FEWEST:
        raise InputError(
            f"the dataset has {different} different test {space.set_word}s: proving metrics takes at least "
            f"{2 * _FEWEST}"
        )
    judged = np.random.default_rng(seed).permutation(different)[which] % 2 == 0
    return test[~judged], one_of_each(space, test[judged], seed)


def halved(data: Any, seed: int, **extras: Any) -> tuple[Context, Sets]:
    """A dataset's context with half of the test sets, and the other half, to be damaged (see `halves`)."""
    whole = Context.of_dataset(data, seed, **extras)
    rest, judged = halves(whole.space, data.part("test"), seed)
    return Context.of(whole.space, data.part("train"), rest, seed=seed, data=data, **extras), judged


def prove(
    data: Any,
    *,
    seeds: Sequence[int] = (0,),
    damages: Sequence[Damage] | None = None,
    metrics: Sequence[Metric] | None = None,
    most: int = 1000,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> list[Series]:
    """Every metric of sets over every damage: half of the test sets are damaged and judged against the rest.

    data: a dataset. seeds: each draws other halves and other damage; values are means over them. most: sets
    damaged. damages, metrics: of the dataset's space; None: all. Returns a Series for each metric and damage,
    in the order of the tables. Raises InputError when there are too few test sets.
    """
    space = Context.of_dataset(data).space
    damages = list(damages_of(space).values()) if damages is None else damages
    metrics = metrics_for(space) if metrics is None else metrics
    steps = [(seed, one, degree) for seed in seeds for one in damages for degree in (0, *one.degrees)]
    found: dict[tuple[str, str], list[list[MetricValue]]] = {}
    prepared: dict[int, tuple[Context, Sets, dict[str, MetricValue]]] = {}
    for seed, damage, degree in progress(steps):
        if seed not in prepared:
            real, half = halved(data, seed)
            sets = half.at_most(most, seed)
            prepared = {seed: (real, sets, _values(real, sets, metrics))}
        real, sets, undamaged = prepared[seed]
        values = undamaged
        if degree:
            rng = np.random.default_rng([seed, crc32(damage.name.encode())])
            values = _values(real, damage.apply(space, sets, real.train_sets, degree, rng), metrics)
        for name in undamaged:
            runs = found.setdefault((name, damage.name), [])
            if degree == 0:
                runs.append([])
            runs[-1].append(values.get(name, undamaged[name]))
    directions = {m.name: m.direction for m in metrics}
    return [_series(name, damage, directions[name], runs) for (name, damage), runs in found.items()]


def _values(real: Context, sets: Sets, metrics: Sequence[Metric]) -> dict[str, MetricValue]:
    c = real.judging(sets)
    judged = {metric.name: judge(c, metric) for metric in metrics}
    return {name: value for name, value in judged.items() if not isinstance(value, str)}


def _series(metric: str, damage: str, direction: str, runs: list[list[MetricValue]]) -> Series:
    def table(field: str, instead: str = "value") -> np.ndarray:
        rows = [[getattr(v, field) for v in run] for run in runs]
        other = [[getattr(v, instead) for v in run] for run in runs]
        return np.array(
            [
                [b if a is None else a for a, b in zip(r, o, strict=True)]
                for r, o in zip(rows, other, strict=True)
            ],
            dtype=np.float64,
        )

    values = table("value")
    n = len(runs)
    errors = values.std(0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(values.shape[1])
    floors, lows, highs = (table(f, "floor").mean(0) for f in ("floor", "floor_low", "floor_high"))
    if (lows == highs).all():  # a floor by definition, such as 1 of a ratio: chance is the undamaged value's
        undamaged, low, high = (float(table(f).mean(0)[0]) for f in ("value", "low", "high"))
        lows, highs = floors - (undamaged - low), floors + (high - undamaged)
    as_tuple = (tuple(x.tolist()) for x in (values.mean(0), errors, floors, lows, highs))
    return Series(metric, damage, direction, *as_tuple)

"""What a metric is: a named estimate on generated climbs, with the same estimate on real climbs beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.geometry import Geometry, as_sets, geometry
from setgen.boards.sensible import SensibleRules

BOOTSTRAPS = 100
"""Resamples behind a bootstrap standard error: its own relative error is 1/√200, about 7 %."""


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error (None where there is none), and the number of items it rests on."""

    value: float
    standard_error: float | None
    n: int
    note: str = ""


@dataclass(frozen=True)
class MetricValue:
    """A metric on generated climbs beside its floor: the same code run on real climbs in their place.

    value is NaN where the generated climbs do not allow it (no climb has a start, say).
    """

    value: float
    standard_error: float | None
    n: int
    floor: float | None = None
    floor_standard_error: float | None = None
    floor_n: int | None = None
    note: str = ""

    @classmethod
    def of(cls, estimate: Estimate, floor: Estimate | None = None) -> MetricValue:
        if floor is None:
            return cls(estimate.value, estimate.standard_error, estimate.n, note=estimate.note)
        note = estimate.note + (f"; floor {floor.note}" if floor.note else "")
        return cls(
            *(estimate.value, estimate.standard_error, estimate.n),
            *(floor.value, floor.standard_error, floor.n),
            note.removeprefix("; "),
        )


class Sample:
    """Climbs and what metrics ask of them, computed once."""

    def __init__(self, board: Board, climbs: Climbs) -> None:
        self.board, self.climbs = board, climbs

    def __len__(self) -> int:
        return len(self.climbs)

    @cached_property
    def sets(self) -> Climbs:
        """The climbs as sets of known holds (see `geometry.as_sets`)."""
        return as_sets(self.board, self.climbs)

    @cached_property
    def geometry(self) -> Geometry:
        return geometry(self.board, self.climbs)

    @cached_property
    def incidence(self) -> sp.csr_array:
        """(C, V) float32, 1 where the climb uses the placement."""
        sets = self.sets
        ones = np.ones(len(sets.placement), dtype=np.float32)
        return sp.csr_array((ones, sets.placement, sets.offsets), shape=(len(sets), len(self.board)))


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a metric may look at: the climbs judged, the real ones of both splits, the soft rules, a seed."""

    sample: Sample
    test: Sample
    train: Sample
    rules: SensibleRules
    seed: int = 0

    @property
    def board(self) -> Board:
        return self.sample.board

    def resamples(self) -> np.ndarray:
        """(BOOTSTRAPS, C) float64: how often each judged climb occurs in each bootstrap resample."""
        n = len(self.sample)
        draws = np.random.default_rng([self.seed, n]).integers(n, size=(BOOTSTRAPS, n))
        return np.stack([np.bincount(d, minlength=n) for d in draws]).astype(np.float64)


@dataclass(frozen=True)
class Metric:
    """One line of a table. compute takes a Comparison (or a Trial, for what needs the model itself) and
    returns None where the metric does not exist on the board.

    direction: ↑ more is better, ↓ less is better, = as close to the floor as can be.
    floor: which real climbs take the place of the generated ones: all `test` climbs, or an equally large
    sample of `train` climbs (for what is measured against the test climbs). `none` where real climbs
    cannot take a model's place.
    """

    name: str
    unit: str
    direction: Literal["↑", "↓", "=", "none"]
    formula: str
    source: str
    compute: Callable[[Any], Estimate | None]
    floor: Literal["train", "test", "none"]


def share(hits: np.ndarray) -> Estimate:
    """The share of true entries of (C,) bool, k/C.

    Its standard error √(p̃(1 − p̃)/(C + 4)), p̃ = (k + 2)/(C + 4), is never 0: no hit in C climbs does not
    mean that there will be none (Agresti & Coull 1998).
    """
    n = len(hits)
    p = (hits.sum() + 2) / (n + 4)
    return Estimate(float(hits.mean()), float(np.sqrt(p * (1 - p) / (n + 4))), n)


def mean(values: np.ndarray) -> Estimate:
    """The mean of (C,) values, with the standard error s/√C."""
    n = len(values)
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return Estimate(float(values.mean()), error, n)

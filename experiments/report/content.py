"""What a comparison found: the numbers and climbs that the report shows, as plain dataclasses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.metrics.context import Context

Direction = Literal["up", "down", "floor", "none"]
Kind = Literal["baseline", "set", "file"]


@dataclass(frozen=True)
class MetricInfo:
    """How to read one metric.

    direction: `up` or `down` is better, `floor` means best where it equals what real climbs score, `none`
    is for information only. family: the heading it stands under, one of `table.FAMILIES` or a new one.
    wants: how many climbs it wants, in words; empty where climbs are not what it counts.
    """

    name: str
    unit: str = ""
    direction: Direction = "none"
    formula: str = ""
    source: str = ""
    family: str = "other"
    wants: str = ""


@dataclass(frozen=True)
class Curve:
    """A training curve: parallel lists, None (or NaN) where a point has no value of that kind."""

    seconds: Sequence[float] = ()
    step: Sequence[int] = ()
    train_loss: Sequence[float | None] = ()
    valid_bits_per_hold: Sequence[float | None] = ()


@dataclass(frozen=True)
class Run:
    """One trained model, evaluated. values, standard_errors, floors: metric name → number or None.

    standard_errors are the metric's own (over climbs), floors what real climbs score against real climbs,
    floor_errors the floors' own standard errors, intervals the metric's 95 % interval over climbs, notes
    what the evaluator has to say: that it looked at some climbs only, wants more, or why there is no value.
    """

    seed: int
    folder: str = ""
    train_seconds: float | None = None
    steps: int | None = None
    epochs: float | None = None
    climbs_seen: int | None = None
    samples_per_second: float | None = None
    values: Mapping[str, float | None] = field(default_factory=dict)
    standard_errors: Mapping[str, float | None] = field(default_factory=dict)
    floors: Mapping[str, float | None] = field(default_factory=dict)
    curve: Curve | None = None
    floor_errors: Mapping[str, float | None] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """One column of the table: a generator, its runs (one per seed) and climbs it made.

    samples: climbs of the first run, drawn at the angles and grades of test climbs; they feed the
    histograms, the hold-usage maps and the gallery. None where nothing was drawn.
    completions: for each of `Report.prompts` the climbs that the first run made of it; none for a file.
    """

    label: str
    generator: str
    kind: Kind
    n_parameters: int
    runs: Sequence[Run]
    samples: Climbs | None = None
    note: str = ""
    completions: Sequence[Climbs] = ()


@dataclass(frozen=True)
class Comparison:
    """Bits per hold of model `a` minus model `b` on the same test climbs, for one seed.

    standard_error is over test climbs, of the per-climb differences.
    """

    a: str
    b: str
    seed: int
    mean_difference: float
    standard_error: float
    climbs: int

    @classmethod
    def of(cls, a: str, b: str, seed: int, bits_a: np.ndarray, bits_b: np.ndarray) -> Comparison:
        """From both models' (C,) bits per hold; climbs where either is NaN are left out.

        A climb that one model alone finds impossible (infinite bits) makes the mean infinite: leaving it
        out would favour that model.
        """
        with np.errstate(invalid="ignore"):  # ∞ − ∞: impossible for both
            difference = np.asarray(bits_a, dtype=np.float64) - np.asarray(bits_b, dtype=np.float64)
        difference = difference[~np.isnan(difference)]
        n = len(difference)
        known = n > 1 and bool(np.isfinite(difference).all())
        error = float(difference.std(ddof=1) / math.sqrt(n)) if known else math.nan
        return cls(a, b, seed, float(difference.mean()) if n else math.nan, error, n)


@dataclass(frozen=True)
class DatasetSummary:
    """The dataset card in short. counts: for instance climbs of train, valid and test."""

    name: str
    counts: Mapping[str, int]
    synthetic: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Settings:
    """How the comparison was made. other: whatever else a reader needs to make it again."""

    command: str
    seeds: Sequence[int]
    budget_seconds: float | None = None
    samples: int | None = None
    orders: int | None = None
    device: str = ""
    threads: int | None = None
    other: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Report:
    """Everything the report shows. primary: the metric that the summary sentence is about.

    metrics come in the order of the table; models in the order of its columns. real: test climbs.
    date: ISO 8601. versions: package → version. reference: the real climbs of both splits and the grader;
    without it the sections that need them are left out. prompts: (the given holds, the climb they are of).
    """

    title: str
    dataset: DatasetSummary
    board: Board
    settings: Settings
    metrics: Sequence[MetricInfo]
    models: Sequence[Model]
    real: Climbs
    comparisons: Sequence[Comparison] = ()
    date: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    primary: str = "bits per hold"
    reference: Context | None = None
    prompts: Sequence[tuple[Climb, Climb]] = ()


def finite(value: float | None) -> float | None:
    """The number, or None where it is missing, NaN or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)


def usage(board: Board, climbs: Climbs) -> np.ndarray:
    """(V,) share of the climbs that use each placement, whatever its role."""
    known = (climbs.placement >= 0) & (climbs.placement < len(board))
    pairs = np.unique(np.stack([climbs.owner[known], climbs.placement[known]]), axis=1)
    return np.bincount(pairs[1], minlength=len(board)) / max(1, len(climbs))

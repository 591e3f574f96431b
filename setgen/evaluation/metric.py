"""What a metric is: a named estimate on generated climbs, with the same estimate on real climbs beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from setgen.evaluation.estimate import Estimate

Family = Literal[
    "validity", "novelty", "diversity", "fidelity", "two-sample", "conditioning", "completion", "likelihood"
]

AGAINST_TEST: tuple[Family, ...] = ("fidelity", "two-sample")
"""Families that compare with the distribution of the test climbs, which takes as many of these."""


@dataclass(frozen=True)
class MetricValue:
    """A metric on generated climbs beside its floor: the same code run on real climbs in their place.

    value is NaN where the generated climbs do not allow it (no climb has a start, say). low, high: its
    95 % confidence interval.
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
    def of(cls, estimate: Estimate, floor: Estimate | None = None, wanting: str = "") -> MetricValue:
        """wanting: what `Metric.wanting` says, for the note."""
        notes = [estimate.note, wanting]
        e, f = estimate, floor or Estimate(float("nan"), None, 0)
        if floor is not None and floor.note and floor.note != estimate.note:
            notes.append(f"floor {floor.note}")
        note = "; ".join(n for n in notes if n)
        if floor is None:
            return cls(e.value, e.standard_error, e.n, e.low, e.high, note=note)
        return cls(
            *(e.value, e.standard_error, e.n, e.low, e.high),
            *(f.value, f.standard_error, f.n, f.low, f.high),
            note,
        )


@dataclass(frozen=True)
class Metric:
    """One line of a table. compute takes a Comparison (or a Trial, for what needs the model itself) and
    returns None where the metric does not exist on the board or for the model.

    direction: ↑ more is better, ↓ less is better, = as close to the floor as can be.
    floor: which real climbs take the place of the generated ones: all `test` climbs, or an equally large
    sample of `train` climbs (for what is measured against the test climbs). `none` where real climbs
    cannot take a model's place.
    family: the heading it stands under. needs: generated climbs, and test climbs where it is one of the
    `AGAINST_TEST`, below which it says little.
    sees: names of the damages (`damage.DAMAGES`) that it claims to see, proved by `proof.prove`.
    """

    name: str
    unit: str
    direction: Literal["↑", "↓", "=", "none"]
    formula: str
    source: str
    compute: Callable[[Any], Estimate | None]
    floor: Literal["train", "test", "none"]
    family: Family
    needs: int = 100
    sees: tuple[str, ...] = ()

    def wanting(self, climbs: int, tests: int | None = None) -> str:
        """That there are too few generated climbs, or too few test climbs, in words; empty where there are
        enough."""
        few = [f"{self.needs} climbs"] if climbs < self.needs else []
        if self.family in AGAINST_TEST and tests is not None and tests < self.needs:
            few.append(f"{self.needs} test climbs")
        return f"wants {' and '.join(few)}" if few else ""

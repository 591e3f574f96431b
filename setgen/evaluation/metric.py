"""What a metric is: a named estimate on generated climbs, with the same estimate on real climbs beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from setgen.evaluation.estimate import Estimate

Direction = Literal["↑", "↓", "=", "none"]

AGAINST_TEST: tuple[str, ...] = ("fidelity", "two-sample", "conditioning")
"""Families that compare with the test climbs, which takes as many of these."""

OF_TEST: tuple[str, ...] = ("likelihood", "completion")
"""Families that ask a model about test climbs: these are what they count."""


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
    def of(
        cls,
        estimate: Estimate,
        floor: Estimate | None = None,
        direction: Direction = "none",
        notes: Sequence[str] = (),
    ) -> MetricValue:
        """notes: what else is to be said, such as `Metric.wanting`."""
        e, f = estimate, floor or Estimate(float("nan"), None, 0)
        said = [e.note, *notes, _too_good(e, f, direction)]
        if f.note and f.note != e.note:
            said.append(f"floor {f.note}")
        note = "; ".join(dict.fromkeys(n for n in said if n))
        if floor is None:
            return cls(e.value, e.standard_error, e.n, e.low, e.high, note=note)
        return cls(
            *(e.value, e.standard_error, e.n, e.low, e.high),
            *(f.value, f.standard_error, f.n, f.low, f.high),
            note,
        )


def _too_good(value: Estimate, floor: Estimate, direction: Direction) -> str:
    """A note where the whole interval lies on the good side of the floor's: no generator should do that."""
    if value.low is None or value.high is None or floor.low is None or floor.high is None:
        return ""
    better = {"↑": value.low > floor.high, "↓": value.high < floor.low}.get(direction, False)
    return "better than real climbs are: look for copies, or for little variety" if better else ""


@dataclass(frozen=True)
class Metric:
    """One line of a table. compute takes a Comparison (or a Trial, for what needs the model itself) and
    returns None where the metric does not exist on the board or for the model.

    direction: ↑ more is better, ↓ less is better, = as close to the floor as can be.
    floor: which real climbs take the place of the generated ones: all `test` climbs, or an equally large
    sample of `train` climbs (for what depends on the number of climbs, or is measured against the test
    climbs). `none` where real climbs cannot take a model's place.
    family: the heading it stands under. needs: generated climbs (test climbs in the families `OF_TEST`, both
    in `AGAINST_TEST`) below which it says little: its interval is then too wide to tell good from bad.
    sees: names of the damages (`damage.DAMAGES`) that it claims to see, proved by `proof.prove`.
    """

    name: str
    unit: str
    direction: Direction
    formula: str
    source: str
    compute: Callable[[Any], Estimate | None]
    floor: Literal["train", "test", "none"]
    family: str
    needs: int = 100
    sees: tuple[str, ...] = ()

    @property
    def wants(self) -> str:
        """How many climbs it wants, in words."""
        if self.family in OF_TEST:
            return f"{self.needs} test climbs"
        return f"{self.needs} climbs" + (" and as many test climbs" if self.family in AGAINST_TEST else "")

    def wanting(self, climbs: int, tests: int | None = None) -> str:
        """That there are too few climbs, or too few test climbs, in words; empty where there are enough.

        climbs: those that the metric counts, generated ones but for the families `OF_TEST`.
        """
        few = []
        if climbs < self.needs:
            few.append(f"{self.needs} {'test climbs' if self.family in OF_TEST else 'climbs'}")
        if self.family in AGAINST_TEST and tests is not None and tests < self.needs:
            few.append(f"{self.needs} test climbs")
        return f"wants {' and '.join(few)}" if few else ""

"""Paired differences of bits per hold, put together over seeds, and the sentence that states the result."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from experiments.report.content import Report, finite


@dataclass(frozen=True)
class Difference:
    """Bits per hold of `a` minus `b`: mean over seeds and its standard error over climbs and seeds."""

    a: str
    b: str
    mean: float
    standard_error: float
    seeds: int
    climbs: int

    @property
    def in_errors(self) -> float | None:
        """Size of the difference in standard errors; None where the error is zero."""
        return abs(self.mean) / self.standard_error if self.standard_error > 0 else None


def pooled_difference(report: Report, a: str, b: str) -> Difference | None:
    """All seeds' comparisons of `a` with `b` as one; None where there is none, or an infinite one.

    Every seed is scored on the same test climbs, so more seeds do not make the climbs' share of the error
    smaller: error² = mean over seeds of the climbs' error² + (standard deviation over seeds)² / seeds.
    """
    found = [(1, c) for c in report.comparisons if (c.a, c.b) == (a, b)]
    found += [(-1, c) for c in report.comparisons if (c.a, c.b) == (b, a)]
    found = [(s, c) for s, c in found if not math.isnan(c.mean_difference)]
    errors = [e for _, c in found if (e := finite(c.standard_error)) is not None]
    if not errors or any(math.isinf(c.mean_difference) for _, c in found):
        return None
    means = np.array([sign * c.mean_difference for sign, c in found])
    seeds = len({c.seed for _, c in found})
    between = float(means.var(ddof=1) / len(means)) if len(means) > 1 else 0.0
    error = math.sqrt(float(np.mean(np.square(errors))) + between)
    return Difference(a, b, float(means.mean()), error, seeds, min(c.climbs for _, c in found))


def all_differences(report: Report) -> list[Difference]:
    """One pooled difference for each pair of models that was compared, in the order first met."""
    pairs = dict.fromkeys((c.a, c.b) for c in report.comparisons)
    distinct = [p for i, p in enumerate(pairs) if p[::-1] not in list(pairs)[:i]]
    return [d for a, b in distinct if (d := pooled_difference(report, a, b)) is not None]

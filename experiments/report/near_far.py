"""Of each model the climbs nearest to real ones and farthest from them, and what it may have copied.

Distances are Jaccard distances between sets of (placement, role) pairs: 0 is the same climb.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.report.content import Report
from experiments.report.sources import sources
from setgen.boards.climbs import Climb
from setgen.boards.metrics.shape import climbs_of
from setgen.metrics.context import Context
from setgen.metrics.features import elements
from setgen.metrics.jaccard import nearest


@dataclass(frozen=True)
class Found:
    """A climb, its distance to the nearest of the real climbs, and that one."""

    climb: Climb
    distance: float
    neighbour: Climb


@dataclass(frozen=True)
class NearFar:
    """Of one model: nearest to and farthest from test climbs; a few beside their nearest training climb."""

    label: str
    near: list[Found]
    far: list[Found]
    copies: list[Found]


def near_far(report: Report, each: int = 3) -> list[NearFar]:
    """For each model. copies: the one nearest to a training climb, then the first of the others."""
    if report.reference is None:
        return []
    found = []
    for label, sample in sources(report)[1:]:
        if not len(sample):
            continue
        test, train = _found(sample, report.reference.test), _found(sample, report.reference.train)
        order = sorted(range(len(sample)), key=lambda i: (test[i].distance, i))
        closest = int(np.argmin([f.distance for f in train]))
        rest = [f for i, f in enumerate(train) if i != closest]
        found.append(
            NearFar(
                label,
                [test[i] for i in order[:each]],
                [test[i] for i in order[::-1][:each]],
                [train[closest], *rest[: each - 1]],
            )
        )
    return found


def _found(sample: Context, real: Context) -> list[Found]:
    distance, index = nearest(elements(sample), elements(real))
    return [
        Found(climbs_of(sample).climb(i), float(d), climbs_of(real).climb(int(j)))
        for i, (d, j) in enumerate(zip(distance, index, strict=True))
    ]

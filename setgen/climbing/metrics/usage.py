"""Usage of single holds: does a model fall back on one? A sweep that must still place holds ends on its last one."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate, from_replicates, resamples
from setgen.metrics.features import incidence
from setgen.metrics.metric import metric


@metric(
    name="most overused hold",
    unit="share of climbs",
    family="fidelity",
    source="ours; standard error by bootstrap over climbs, test climbs fixed",
    sees=("one hold overused", "few ideas"),
    space=Board,
)
def most_overused(c: Context) -> Estimate:
    """max_v (p_v − q_v), p_v and q_v the shares of the climbs and of the test climbs that have hold v"""
    ours, real = incidence(c), incidence(c.test).mean(0)

    def most(times: np.ndarray) -> np.ndarray:
        return (times @ ours / len(c) - real).max(-1)

    return from_replicates(
        float(most(np.ones(len(c)))), most(resamples(len(c), c.seed)), len(c), bounds=(0, 1)
    )

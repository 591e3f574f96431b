"""Hold usage: do the climbs use each placement, and each placement in each role, as often as real ones do?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate, from_influence, undefined
from setgen.evaluation.metric import Metric


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Bits: ½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q)/2, over the last axis; between 0 and 1.

    p: (..., M), q: (M,), each summing to 1. Source: Lin 1991.
    """
    m = (p + q) / 2

    def half(a: np.ndarray) -> np.ndarray:
        ratio = np.divide(a, m, out=np.ones_like(m), where=(a > 0) & (m > 0))
        return (a * np.log2(ratio)).sum(-1)

    return (half(np.broadcast_to(p, m.shape)) + half(np.broadcast_to(q, m.shape))) / 2


def _placements(sample: Sample) -> sp.csr_array:
    return sample.incidence


def _elements(sample: Sample) -> sp.csr_array:
    return sample.elements


def _divergence(columns_of: Callable[[Sample], sp.csr_array], c: Comparison) -> Estimate:
    """The standard error is the delta method's. ∂JS/∂p_v = ½ log₂(p_v / m_v), and p is a ratio of two sums
    over climbs, so that climb i, with x_iv = 1 where it uses v, has the influence
    Σ_v (x_iv − |x_i| p_v) ∂JS/∂p_v / mean |x|. The bootstrap's would be too large: resampling adds to the
    bias of the plug-in divergence.
    """
    sample, test = columns_of(c.sample), np.asarray(columns_of(c.test).sum(0), dtype=np.float64)
    counts, sizes = (np.asarray(sample.sum(axis), dtype=np.float64) for axis in (0, 1))
    if counts.sum() == 0 or test.sum() == 0:
        return undefined("no climb has a hold")
    p, q = counts / counts.sum(), test / test.sum()
    slope = np.zeros(len(p))
    slope[p > 0] = np.log2(p[p > 0] / ((p + q)[p > 0] / 2)) / 2
    influence = (sample @ slope - sizes * (p @ slope)) / sizes.mean()
    return from_influence(float(jensen_shannon(p, q)), influence, c.seed, bounds=(0, 1))


def _holds(c: Comparison) -> Estimate:
    return _divergence(_placements, c)


def _holds_and_roles(c: Comparison) -> Estimate:
    return _divergence(_elements, c)


_SOURCE = "Jensen–Shannon divergence, Lin 1991; standard error over climbs, test climbs fixed"

METRICS = (
    Metric(
        "hold usage",
        "bits",
        "↓",
        "JS(p, q), p and q the share of all holds that each placement is, in these and in the test climbs",
        _SOURCE,
        _holds,
        "train",
        "fidelity",
        sees=("few ideas", "one side dropped", "duplicated"),
    ),
    Metric(
        "hold and role usage",
        "bits",
        "↓",
        "JS(p, q), p and q the share of all holds that each (placement, role) pair is",
        _SOURCE,
        _holds_and_roles,
        "train",
        "fidelity",
        sees=("roles swapped", "roles lost", "random climbs", "few ideas", "one side dropped"),
    ),
)

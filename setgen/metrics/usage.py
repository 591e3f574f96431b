"""Usage: do the sets use each item, and each item with each label, as often as real ones do?"""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.sparse as sp

from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate, from_influence, undefined
from setgen.metrics.features import elements, incidence
from setgen.metrics.metric import metric


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Bits: ½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q)/2, over the last axis; between 0 and 1.

    p: (..., M), q: (M,), each summing to 1. Source: Lin 1991.
    """
    m = (p + q) / 2

    def half(a: np.ndarray) -> np.ndarray:
        ratio = np.divide(a, m, out=np.ones_like(m), where=(a > 0) & (m > 0))
        return (a * np.log2(ratio)).sum(-1)

    return (half(np.broadcast_to(p, m.shape)) + half(np.broadcast_to(q, m.shape))) / 2


def divergence(c: Context, ours: sp.csr_array, real: sp.csr_array) -> Estimate:
    """Jensen–Shannon divergence between the columns' shares in two 0/1 matrices.

    The standard error is the delta method's. ∂JS/∂p_v = ½ log₂(p_v / m_v), and p is a ratio of two sums
    over sets, so that set i, with x_iv = 1 where it uses v, has the influence
    Σ_v (x_iv − |x_i| p_v) ∂JS/∂p_v / mean |x|. The bootstrap's would be too large: resampling adds to the
    bias of the plug-in divergence.
    """
    test = np.asarray(real.sum(0), dtype=np.float64)
    counts, sizes = (np.asarray(ours.sum(axis), dtype=np.float64) for axis in (0, 1))
    if counts.sum() == 0 or test.sum() == 0:
        return undefined("no {set} has a {item}".format(**c.words))
    p, q = counts / counts.sum(), test / test.sum()
    slope = np.zeros(len(p))
    slope[p > 0] = np.log2(p[p > 0] / ((p + q)[p > 0] / 2)) / 2
    influence = (ours @ slope - sizes * (p @ slope)) / sizes.mean()
    return from_influence(float(jensen_shannon(p, q)), influence, c.seed, bounds=(0, 1))


_usage = partial(
    metric,
    unit="bits",
    family="fidelity",
    source="Jensen–Shannon divergence, Lin 1991; standard error over {sets}, test {sets} fixed",
)


@_usage(name="{item} usage", sees=("few ideas", "one side dropped", "duplicated"))
def item_usage(c: Context) -> Estimate:
    """JS(p, q), p and q the share of all {items} that each {item} is, in these and in the test {sets}."""
    return divergence(c, incidence(c), incidence(c.test))


@_usage(
    name="{item} and {label} usage",
    sees=("{labels} swapped", "{labels} lost", "random {sets}", "few ideas", "one side dropped"),
    needs_labels=True,
)
def element_usage(c: Context) -> Estimate:
    """JS(p, q), p and q the share of all {items} that each ({item}, {label}) pair is."""
    return divergence(c, elements(c), elements(c.test))

"""Maximum mean discrepancy: how far apart two collections are, in a kernel that knows all their moments.

    MMD²(X, Y) = mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) − 2 mean_{i,j} k(x_i, y_j)

unbiased (Gretton et al. 2012, lemma 6), over all pairs, so that it can fall below 0. Kernels: Jaccard's own
similarity of sets, which is positive definite (Bouchard et al. 2013), and the cubic polynomial
(x·y / D + 1)³ of the kernel Inception distance (Bińkowski et al. 2018) on features.

The test sets are taken as given. As a function of the generated ones MMD² is a U-statistic with the kernel
h(x, x') = k(x, x') − m(x) − m(x'), m(x) = mean_j k(x, y_j), and its variance is (Hoeffding 1948)

    4 (n − 2) / (n (n − 1)) · ζ + 2 / (n (n − 1)) · Var(h),       ζ = Var(E[h | x])

of which the second part is all that is left where the two distributions are the same. The variance s² of the
row means of h is too large an estimate of ζ, for each is the mean of n − 1 noisy values; without bias it is

    ζ ≈ (s² (n − 1)² / (n − 2) − Var(h)) / (n − 4)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from setgen.metrics.context import Context, cached
from setgen.metrics.estimate import Estimate, symmetric
from setgen.metrics.features import JACCARD, SHAPE, FeatureSpace
from setgen.metrics.jaccard import distance_blocks
from setgen.metrics.metric import metric

MOST = 10_000
Kernel = Callable[[Any, Any], Iterator[tuple[slice, np.ndarray]]]
_CELLS_AT_ONCE = 250_000  # 2 MB: what stays in a processor's cache


def jaccard_kernel(a: Any, b: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of |A ∩ B| / |A ∪ B|."""
    for rows, distance in distance_blocks(a, b):
        yield rows, np.subtract(1, distance, out=distance)


def cubic_kernel(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of (x·y / D + 1)³."""
    step = max(1, _CELLS_AT_ONCE // max(1, len(b)))
    scaled = b.T / a.shape[1]
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        base = a[rows] @ scaled
        base += 1
        cube = base * base  # numpy's ** 3 is many times slower
        yield rows, np.multiply(cube, base, out=cube)


def mmd2(kernel: Kernel, ours: Any, real: Any, real_mean: float | None = None) -> tuple[float, float]:
    """(MMD², its standard error), the real points taken as given. real_mean: mean k(y, y'), if at hand."""
    n, m = ours.shape[0], real.shape[0]
    to_real = np.empty(n)
    for rows, block in kernel(ours, real):
        to_real[rows] = block.sum(1, dtype=np.float64) / m
    to_others, squares = np.empty(n), 0.0
    for rows, block in kernel(ours, ours):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0
        to_others[rows] = block.sum(1, dtype=np.float64) / (n - 1)
        squares += float(np.einsum("ij,ij->i", block, block).sum(dtype=np.float64))
    if real_mean is None:
        real_mean = mean_of_pairs(kernel, real)
    value = to_others.mean() + real_mean - 2 * to_real.mean()
    rows_of_h = to_others - to_real * (n - 2) / (n - 1)  # their means, but for one constant
    # Σ_{i≠j} h² from the sums at hand, (k − m_i − m_j)² multiplied out.
    squares -= 4 * (n - 1) * (to_real @ to_others)
    squares += 2 * (n - 2) * (to_real @ to_real) + 2 * to_real.sum() ** 2
    centre = to_others.mean() - 2 * to_real.mean()
    var_h = max(squares / (n * (n - 1)) - centre**2, 0.0)
    zeta = rows_of_h.var(ddof=1)
    if n > 4:
        zeta = max((zeta * (n - 1) ** 2 / (n - 2) - var_h) / (n - 4), 0.0)
    return float(value), float(np.sqrt((4 * (n - 2) * zeta + 2 * var_h) / (n * (n - 1))))


def mean_of_pairs(kernel: Kernel, points: Any) -> float:
    """mean_{i≠j} k(y_i, y_j)."""
    n, total = points.shape[0], 0.0
    for rows, block in kernel(points, points):
        own = block[np.arange(len(block)), np.arange(rows.start, rows.stop)]
        total += float(block.sum(dtype=np.float64) - own.sum(dtype=np.float64))
    return total / (n * (n - 1))


@cached
def _real_mean(test: Context, space: FeatureSpace, kernel: Kernel) -> float:
    return mean_of_pairs(kernel, space.points(test))


def _mmd(c: Context, space: FeatureSpace, kernel: Kernel, scale: float) -> Estimate:
    c, note = c.at_most(MOST)
    ours, real = space.pair(c)
    none = space.unfit(c, ours, 3)
    if none is not None:
        return none
    with threadpool_limits(1, "blas"):  # sums in one order, whatever the number of threads
        value, error = mmd2(kernel, ours, real, _real_mean(c.test, space, kernel))
    return symmetric(scale * value, scale * error, len(c), note)


_FORMULA = "mean k(x, x') + mean k(y, y') − 2 mean k(x, y) over pairs, unbiased;"
_mmd_metric = partial(metric, family="fidelity", needs=300)
_SEES = ("{items} replaced", "random {sets}", "{labels} swapped", "duplicated")
_SIDES = "one side dropped"


def kid_metric(space: FeatureSpace, *sees: str) -> None:
    """Register the kernel Inception distance in a space of features; sees: damages beside the usual ones."""
    _mmd_metric(
        name=f"KID ({space.name})",
        unit="kernel units",
        formula=f"{_FORMULA} k = (x·y / D + 1)³ on {space.name} features in training deviations",
        source="KID, Bińkowski et al. 2018",
        sees=(*_SEES, *sees),
        **space.requires,
    )(partial(_mmd, space=space, kernel=cubic_kernel, scale=1.0))


_mmd_metric(
    name="MMD (Jaccard)",
    unit="10⁻³",
    formula=f"{_FORMULA} × 1000, k = |A ∩ B| / |A ∪ B| over ({{item}}, {{label}}) pairs",
    source="MMD², Gretton et al. 2012, with the kernel of Jaccard 1901, positive: Bouchard et al. 2013",
    sees=(*_SEES, _SIDES),
)(partial(_mmd, space=JACCARD, kernel=jaccard_kernel, scale=1000.0))
kid_metric(SHAPE, _SIDES)

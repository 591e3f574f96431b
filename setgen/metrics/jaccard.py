"""Jaccard distances between many sets, 1 − |A ∩ B| / |A ∪ B|, in bounded memory.

Intersections are products of 0/1 matrices, exact in float32: sparse or dense, whatever is quicker, for
the numbers are the same. Two empty sets are at distance 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

_CELLS_AT_ONCE = 1_000_000
_DENSE = 0.04  # share of ones above which dense products are quicker (measured at 10,000 × 10,000)


def distance_blocks(a: sp.csr_array, b: sp.csr_array) -> Iterator[tuple[slice, np.ndarray]]:
    """Pairs (rows of a, (rows, M) float32 distances to all M sets of b). a: (N, V), b: (M, V), 0/1."""
    size_a, size_b = (np.asarray(x.sum(1), dtype=np.float32) for x in (a, b))
    dense = b.nnz > _DENSE * b.shape[0] * b.shape[1]
    columns = b.T.toarray() if dense else b.T.tocsr()
    step = max(1, _CELLS_AT_ONCE // max(1, b.shape[0]))
    for start in range(0, a.shape[0], step):
        rows = slice(start, min(start + step, a.shape[0]))
        both = a[rows].toarray() @ columns if dense else (a[rows] @ columns).toarray()
        either = size_a[rows, None] + size_b - both
        # In place: these blocks are the largest arrays of the whole evaluation.
        np.divide(both, either, out=both, where=either > 0)
        both[either == 0] = 1
        yield rows, np.subtract(1, both, out=both)


def nearest(a: sp.csr_array, b: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """(N,) distance from each set of a to the nearest of b, and (N,) which one that is."""
    distance, index = np.empty(a.shape[0], np.float32), np.empty(a.shape[0], np.int64)
    for rows, block in distance_blocks(a, b):
        index[rows] = block.argmin(1)
        distance[rows] = block[np.arange(len(block)), index[rows]]
    return distance, index


def mean_to_others(a: sp.csr_array) -> np.ndarray:
    """(N,) float64: mean distance of each set to the N − 1 others. N ≥ 2."""
    sums = np.empty(a.shape[0])
    for rows, block in distance_blocks(a, a):
        sums[rows] = block.sum(1, dtype=np.float64)  # its distance to itself is 0
    return sums / (a.shape[0] - 1)

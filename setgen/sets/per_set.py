"""One number a set from one number an element: means, deviations, least values, nearest neighbours."""

from __future__ import annotations

import numpy as np

from setgen.sets.sets import Sets


def moments(values: np.ndarray, owner: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) mean and (n,) population standard deviation of each set's values; NaN where it has none.

    values: (M,). owner: (M,) the set each belongs to.
    """
    count = np.bincount(owner, minlength=n).astype(np.float64)
    count[count == 0] = np.nan
    mean = np.bincount(owner, values, n) / count
    squares = np.bincount(owner, (values - mean[owner]) ** 2, n) / count
    return mean, np.sqrt(squares)


def lowest(values: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """(n,) smallest of each set's values; NaN where it has none, or only NaN."""
    least = np.full(n, np.inf)
    known = ~np.isnan(values)
    np.minimum.at(least, owner[known], values[known])
    least[np.isinf(least)] = np.nan
    return least


def centre(xy: np.ndarray, owner: np.ndarray, chosen: np.ndarray, n: int) -> np.ndarray:
    """(n, D) mean place of the chosen elements of each set; xy: (M, D), chosen: (M,) bool."""
    return np.stack([moments(x[chosen], owner[chosen], n)[0] for x in xy.T], axis=1)


def to_nearest(xy: np.ndarray, sets: Sets) -> np.ndarray:
    """(N,) distance of each element to the nearest other one of its set; NaN: it is alone. xy: (N, D)."""
    nearest = np.full(len(xy), np.nan)
    for size in np.unique(sets.sizes[sets.sizes > 1]):
        first = sets.offsets[:-1][sets.sizes == size]
        for part in np.array_split(first, -(-len(first) * int(size) ** 2 // 2_000_000)):
            rows = part[:, None] + np.arange(size)
            apart = np.sqrt(((xy[rows][:, :, None] - xy[rows][:, None]) ** 2).sum(-1))
            apart[:, np.arange(size), np.arange(size)] = np.inf
            nearest[rows] = apart.min(-1)
    return nearest


def random_ranks(sets: Sets, rng: np.random.Generator) -> np.ndarray:
    """(N,) the place of each element in a random order of its set's, from 0."""
    order = np.lexsort((rng.random(len(sets.item)), sets.owner))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - sets.offsets[sets.owner]
    return rank


def informative(features: np.ndarray) -> np.ndarray:
    """(F,) bool: the columns of (C, F) features that have two distinct known values at least."""
    low, high = (np.where(np.isnan(features), fill, features) for fill in (np.inf, -np.inf))
    if not len(features):
        return np.zeros(features.shape[1], dtype=bool)
    return low.min(0) < high.max(0)

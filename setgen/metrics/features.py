"""What metrics see of sets: 0/1 matrices and numbers a set, and the spaces in which sets have distances.

- Jaccard: a set is its (item, label) pairs, d(A, B) = 1 − |A ∩ B| / |A ∪ B|. Nothing is trained.
- shape: numbers of where the items lie, each scaled by the training sets' mean and deviation and cut at ±6.
  Nothing is trained; a set that has no such number stands at the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np
import scipy.sparse as sp

from setgen.metrics.context import Context, cached
from setgen.metrics.estimate import Estimate, undefined
from setgen.metrics.jaccard import distance_blocks
from setgen.sets import per_set
from setgen.sets.bounds import label_counts
from setgen.sets.sets import Sets
from setgen.sets.space import Space

Blocks = Iterator[tuple[slice, np.ndarray]]
Columns = Callable[[Context], np.ndarray]
_CELLS_AT_ONCE = 250_000  # 2 MB: what stays in a processor's cache


def item_matrix(space: Space, sets: Sets) -> sp.csr_array:
    """(C, V) float32, 1 where the set has the item."""
    ones = np.ones(len(sets.item), dtype=np.float32)
    return sp.csr_array((ones, sets.item, sets.offsets), shape=(len(sets), len(space)))


def element_matrix(space: Space, sets: Sets) -> sp.csr_array:
    """(C, V·R) float32, 1 where the set has the (item, label) pair."""
    element = sets.item.astype(np.int64) * space.n_labels + sets.label
    ones = np.ones(len(element), dtype=np.float32)
    return sp.csr_array((ones, element, sets.offsets), shape=(len(sets), space.n_elements))


@cached
def incidence(c: Context) -> sp.csr_array:
    """`item_matrix` of the sets looked at."""
    return item_matrix(c.space, c.sets)


@cached
def elements(c: Context) -> sp.csr_array:
    """`element_matrix` of the sets looked at."""
    return element_matrix(c.space, c.sets)


@cached
def shape(c: Context) -> np.ndarray:
    """(C, F) float64 numbers of each set, NaN where a set has none; see `shape_columns`."""
    return shape_columns(c.space, c)


@singledispatch
def shape_columns(space: Space, c: Context) -> np.ndarray:
    """(C, F) of any space: sizes, counts of labels and, of items with coordinates, along every axis mean,
    deviation, least and greatest, the centre of each label, and distances to the nearest other item.

    A kind of space that knows better registers its own function here.
    """
    sets, n, owner = c.sets, len(c), c.sets.owner
    labels = range(space.n_labels) if space.n_labels > 1 else ()
    columns = [sets.sizes, *(label_counts(sets, r) for r in labels)]
    if space.coordinates is not None:
        xy = space.coordinates[sets.item]
        for x in xy.T:
            columns += [*per_set.moments(x, owner, n), per_set.lowest(x, owner, n)]
            columns.append(-per_set.lowest(-x, owner, n))
        for r in labels:
            columns += [*per_set.centre(xy, owner, sets.label == r, n).T]
        nearest = per_set.to_nearest(xy, sets)
        columns += [per_set.moments(nearest, owner, n)[0], per_set.lowest(nearest, owner, n)]
    return np.stack(columns, axis=1).astype(np.float64)


@cached
def _scale(train: Context, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    known = columns(train)
    present = ~np.isnan(known)
    count = np.maximum(present.sum(0), 1)
    mean = np.where(present, known, 0).sum(0, dtype=np.float64) / count
    return mean, np.sqrt(np.where(present, (known - mean) ** 2, 0).sum(0) / count)


def scaled(c: Context, columns: Columns) -> np.ndarray:
    """(C, D) float64 columns in units of the training sets' deviation from their mean.

    Columns that are constant in training are left out; NaN becomes 0, the training mean. Cut at ±6, or single
    odd sets would govern every square and cube of them.
    """
    own, (mean, deviation) = columns(c), _scale(c.train, columns)
    varies = deviation > 1e-6
    return np.nan_to_num(((own - mean) / np.where(varies, deviation, 1.0))[:, varies]).clip(-6, 6)


def euclidean_blocks(a: np.ndarray, b: np.ndarray) -> Blocks:
    """Euclidean distances, float64 products cut to float32."""
    squares_a, squares_b = (np.square(x).sum(1) for x in (a, b))
    turned = -2 * b.T
    step = max(1, _CELLS_AT_ONCE // max(1, len(b)))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        square = a[rows] @ turned
        square += squares_a[rows, None]
        square += squares_b
        yield rows, np.sqrt(np.maximum(square, 0, out=square), out=square).astype(np.float32)


@dataclass(frozen=True)
class FeatureSpace:
    """Where a set is a point.

    points(context) → the points of the sets looked at; raises Unavailable. distances(a, b) → blocks (rows of
    a, (rows, M) float32 distances to all M points of b). requires: keywords of `Metric` for what it needs.
    """

    name: str
    points: Callable[[Context], Any]
    distances: Callable[[Any, Any], Blocks]
    requires: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def pair(self, c: Context) -> tuple[Any, Any]:
        """The points of the sets looked at and those of the test sets."""
        return self.points(c), self.points(c.test)

    def unfit(self, c: Context, points: Any, fewest: int) -> Estimate | None:
        """No value, with the reason, where there are too few sets or their points do not differ."""
        if not points.shape[1]:
            same = f"all training {c.words['sets']} have the same {self.name} features"
            return undefined(same, len(c))
        if min(len(c), len(c.test_sets)) < fewest:
            return undefined(f"wants {fewest} {c.words['sets']}", len(c))
        return None


JACCARD = FeatureSpace("Jaccard", elements, distance_blocks)
SHAPE = FeatureSpace("shape", lambda c: scaled(c, shape), euclidean_blocks, {"needs_coordinates": True})

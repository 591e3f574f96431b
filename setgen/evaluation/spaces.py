"""Spaces in which collections of climbs are compared: what a point is, and how far apart two are.

- Jaccard: a climb is its set of (placement, role) pairs, d(A, B) = 1 − |A ∩ B| / |A ∪ B|. Nothing is trained.
- shape: the numbers of `boards.shape`, each scaled by the training climbs' mean and deviation and cut at ±6.
  Nothing is trained; a climb that has no such number stands at the mean.
- learned: the grader's last hidden layer, scaled likewise. Trained on training climbs only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from setgen.evaluation.comparison import Sample
from setgen.evaluation.jaccard import distance_blocks

Blocks = Iterator[tuple[slice, np.ndarray]]
_CELLS_AT_ONCE = 250_000  # 2 MB: what stays in a processor's cache


@dataclass(frozen=True)
class Space:
    """points(sample, train) → the sample's points, or None where the space does not exist.

    distances(a, b) → blocks (rows of a, (rows, M) float32 distances to all M points of b).
    """

    name: str
    points: Callable[[Sample, Sample], Any]
    distances: Callable[[Any, Any], Blocks]


def scaled(
    columns: Callable[[Sample], np.ndarray | None], sample: Sample, train: Sample
) -> np.ndarray | None:
    """(C, D) float64 columns of the sample in units of the training climbs' deviation from their mean.

    Columns that are constant in training are left out; NaN becomes 0, the training mean. Cut at ±6, or single
    odd climbs would govern every square and cube of them.
    """
    own, known = columns(sample), columns(train)
    if own is None or known is None:
        return None
    key = ("scale", columns.__qualname__)
    if key not in train.memo:
        present = ~np.isnan(known)
        count = np.maximum(present.sum(0), 1)
        mean = np.where(present, known, 0).sum(0, dtype=np.float64) / count
        deviation = np.sqrt(np.where(present, (known - mean) ** 2, 0).sum(0) / count)
        train.memo[key] = mean, deviation, deviation > 1e-6
    mean, deviation, varies = train.memo[key]
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


def _elements(sample: Sample, train: Sample) -> Any:
    return sample.elements


def _shape_columns(sample: Sample) -> np.ndarray | None:
    return sample.shape


def _learned_columns(sample: Sample) -> np.ndarray | None:
    return sample.learned


def _shape(sample: Sample, train: Sample) -> np.ndarray | None:
    return scaled(_shape_columns, sample, train)


def _learned(sample: Sample, train: Sample) -> np.ndarray | None:
    return scaled(_learned_columns, sample, train)


JACCARD = Space("Jaccard", _elements, distance_blocks)
SHAPE = Space("shape", _shape, euclidean_blocks)
LEARNED = Space("learned", _learned, euclidean_blocks)
SPACES = (JACCARD, SHAPE, LEARNED)

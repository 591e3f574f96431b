"""What a grade is worth: one that a single climber gave says less than the mean of a hundred.

Around what can be read off a climb, grades scatter with a variance of a + b / n, n the number of ascents: a is what
the reader cannot see, b the noise of one climber's opinion. Both come from the data: a ridge regression reads the
training grades, each hold set by a fit that has not seen it, and its squared errors are explained by 1 and 1 / n.
A grade then weighs as the inverse of its variance, as in weighted least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 200  # grades whose ascents are known: under that, all weigh the same
_MOST = 20_000  # rows that are read: two numbers are wanted
_FOLDS, _RIDGE = 5, 30.0


@dataclass(frozen=True)
class LabelNoise:
    """Variance of a grade around what is read: `seen + one / ascents`, in squared difficulty ids."""

    seen: float = 1.0
    one: float = 0.0

    def weight(self, ascents: np.ndarray) -> np.ndarray:
        """(C,) what each grade weighs, 1 on average. ascents: (C,), NaN where not known: such a grade has the
        mean variance of the others. A grade without an ascent is the setter's own: one opinion."""
        variance = self.seen + self.one / np.maximum(ascents, 1)
        known = ~np.isnan(variance)
        if not known.any() or self.one == 0:
            return np.ones(len(ascents))
        weight = 1 / np.where(known, variance, variance[known].mean())
        return weight / weight.mean()


def fit_label_noise(
    features: np.ndarray, grade: np.ndarray, ascents: np.ndarray, groups: np.ndarray, seed: int = 0
) -> LabelNoise:
    """features: (C, F), what grades can be read by, on one scale. groups: (C,), rows of one hold set are equal:
    they are read by the same fit. The noise is `LabelNoise()`, the same for all, where fewer than FEWEST grades
    have ascents or these do not differ."""
    from scipy.optimize import nnls  # half a second, and only here

    known = np.flatnonzero(~np.isnan(ascents))
    if len(known) < FEWEST or len(np.unique(groups[known])) < _FOLDS or np.ptp(ascents[known]) == 0:
        return LabelNoise()
    rng = np.random.default_rng(seed)
    rows = rng.permutation(known)[:_MOST]
    distinct, group = np.unique(groups[rows], return_inverse=True)
    fold = (rng.permutation(len(distinct)) % _FOLDS)[group]
    squared = _left_over(features[rows], grade[rows].astype(float), fold) ** 2
    parts = np.column_stack([np.ones(len(rows)), 1 / np.maximum(ascents[rows], 1)])
    seen, one = nnls(parts, squared)[0]
    # Rounded, for the last digits depend on the number of threads.
    return LabelNoise(round(float(seen), 4), round(float(one), 4)) if seen > 0 else LabelNoise()


def _left_over(features: np.ndarray, target: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(C,) what ridge regressions on all folds but the row's own leave of it."""
    left = np.empty(len(target))
    for k in range(_FOLDS):
        rest, own = fold != k, fold == k
        mean, level = features[rest].mean(0), target[rest].mean()
        x = features[rest] - mean
        slope = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (target[rest] - level))
        left[own] = target[own] - level - (features[own] - mean) @ slope
    return left

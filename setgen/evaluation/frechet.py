"""Fréchet distance between the normal distributions fitted to two collections of feature vectors.

    FD = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₂^½ Σ₁ Σ₂^½)^½)         (Dowson & Landau 1982; Heusel et al. 2017)

Σ are the unbiased covariances. The distance of two finite samples of one distribution is above 0 and falls
as 1/n: compare it with its floor, which has as many climbs.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from setgen.evaluation.comparison import Comparison
from setgen.evaluation.estimate import Estimate, from_replicates, resamples, undefined
from setgen.evaluation.metric import Metric
from setgen.evaluation.spaces import LEARNED, SHAPE, Space

MOST = 10_000
_ROWS_AT_ONCE = 500


def moments(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D,) mean and (D, D) unbiased covariance of (N, D) points."""
    mean = points.mean(0)
    apart = points - mean
    return mean, apart.T @ apart / (len(points) - 1)


def resampled_moments(points: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, D) means and (B, D, D) covariances, each of points counted times[b] times; rows sum to N."""
    n, d = points.shape
    centre = points.mean(0)
    apart = points - centre
    shift = times.astype(np.float64) @ apart / n
    squares = np.zeros((len(times), d * d))
    for rows in (slice(start, start + _ROWS_AT_ONCE) for start in range(0, n, _ROWS_AT_ONCE)):
        products = apart[rows, :, None] * apart[rows, None, :]
        squares += times[:, rows].astype(np.float64) @ products.reshape(-1, d * d)
    covariances = squares.reshape(-1, d, d) - n * shift[:, :, None] * shift[:, None, :]
    return centre + shift, covariances / (n - 1)


def frechet_distance(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, root_b: np.ndarray
) -> float:
    """root_b: the symmetric square root of the second covariance (`square_root`)."""
    middle = root_b @ covariance_a @ root_b
    spectrum = np.linalg.eigvalsh((middle + middle.T) / 2)
    trace = np.trace(covariance_a) + np.square(root_b).sum() - 2 * np.sqrt(_known(spectrum)).sum()
    return max(float(np.square(mean_a - mean_b).sum() + trace), 0.0)  # -1e-15 is rounding


def square_root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric positive square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(_known(values))) @ vectors.T


def _known(spectrum: np.ndarray) -> np.ndarray:
    """Eigenvalues with those set to 0 that are rounding: features that sum up to each other leave 1e-16
    there, whose root 1e-8 is no rounding any more.
    """
    return np.where(spectrum > 1e-13 * spectrum.max(), spectrum, 0.0)


def _frechet(space: Space, c: Comparison) -> Estimate | None:
    c, note = c.once(("at most", MOST), lambda: c.at_most(MOST))
    ours, real = (space.points(sample, c.train) for sample in (c.sample, c.test))
    if ours is None:
        return None
    if not ours.shape[1]:
        return undefined(f"all training climbs have the same {space.name} features", len(c.sample))
    if min(len(ours), len(real)) < 3:
        return undefined("wants three climbs", len(ours))
    with threadpool_limits(1, "blas"):  # sums in one order, whatever the number of threads
        mean, covariance = moments(real)
        root = square_root(covariance)
        value = frechet_distance(*moments(ours), mean, root)
        again = zip(*resampled_moments(ours, resamples(len(ours), c.seed)), strict=True)
        spread = [frechet_distance(m, s, mean, root) for m, s in again]
    return from_replicates(value, np.array(spread), len(ours), note, (0, np.inf))


METRICS = tuple(
    Metric(
        f"Fréchet distance ({space.name})",
        "squared deviations",
        "↓",
        f"|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₂^½ Σ₁ Σ₂^½)^½) of {space.name} features in training deviations",
        "Dowson & Landau 1982; as FID, Heusel et al. 2017",
        partial(_frechet, space),
        "train",
        "fidelity",
        500,
        sees=("holds replaced", "random climbs", "roles swapped", "few ideas"),
    )
    for space in (SHAPE, LEARNED)
)

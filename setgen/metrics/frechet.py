"""Fréchet distance between the normal distributions fitted to two collections of feature vectors.

    FD = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₂^½ Σ₁ Σ₂^½)^½)         (Dowson & Landau 1982; Heusel et al. 2017)

Σ are the unbiased covariances. The distance of two finite samples of one distribution is above 0 and falls
as 1/n: compare it with its floor, which has as many sets.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate, from_replicates, resamples
from setgen.metrics.features import SHAPE, FeatureSpace
from setgen.metrics.metric import metric

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


def _frechet(c: Context, space: FeatureSpace) -> Estimate:
    c, note = c.at_most(MOST)
    ours, real = space.pair(c)
    none = space.unfit(c, ours, 3)
    if none is not None:
        return none
    with threadpool_limits(1, "blas"):  # sums in one order, whatever the number of threads
        mean, covariance = moments(real)
        root = square_root(covariance)
        value = frechet_distance(*moments(ours), mean, root)
        again = zip(*resampled_moments(ours, resamples(len(ours), c.seed)), strict=True)
        spread = [frechet_distance(m, s, mean, root) for m, s in again]
    return from_replicates(value, np.array(spread), len(ours), note, (0, np.inf))


def frechet_metric(space: FeatureSpace) -> None:
    """Register the Fréchet distance in a space of features."""
    metric(
        name=f"Fréchet distance ({space.name})",
        unit="squared deviations",
        formula=f"|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₂^½ Σ₁ Σ₂^½)^½) of {space.name} features in training "
        "deviations",
        source="Dowson & Landau 1982; as FID, Heusel et al. 2017",
        family="fidelity",
        needs=500,
        sees=("{items} replaced", "random {sets}", "{labels} swapped", "few ideas"),
        **space.requires,
    )(partial(_frechet, space=space))


frechet_metric(SHAPE)

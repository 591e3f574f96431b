"""Fréchet distance: closed forms of normal distributions, torch-fidelity, honest errors."""

import numpy as np
import pytest
from measuring import floor, measure
from torch_fidelity.metric_fid import fid_statistics_to_metric

from setgen.metrics import frechet
from setgen.metrics.context import Context
from setgen.metrics.estimate import resamples
from setgen.metrics.frechet import frechet_distance, moments, resampled_moments, square_root

NAME = "Fréchet distance (shape)"


def distance(ours, real):
    mean, covariance = moments(real)
    return frechet_distance(*moments(ours), mean, square_root(covariance))


def test_diagonal_gaussians_in_closed_form():
    """|μ₁ − μ₂|² + Σ (σ₁ − σ₂)²."""
    m1, m2, s1, s2 = np.array([[1.0, 2, 3], [0, 2, 5], [1, 2, 0], [2, 0.5, 3]])
    found = frechet_distance(m1, np.diag(s1**2), m2, square_root(np.diag(s2**2)))
    assert found == pytest.approx(np.square(m1 - m2).sum() + np.square(s1 - s2).sum(), rel=1e-12)


@pytest.mark.parametrize("n", [40, 500])
def test_against_torch_fidelity(n):
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(2, 12, 12))
    ours, real = rng.normal(size=(n, 12)) @ mix[0] + 0.5, rng.normal(size=(400, 12)) @ mix[1]
    both = [{"mu": x.mean(0), "sigma": np.cov(x, rowvar=False)} for x in (ours, real)]
    expected = fid_statistics_to_metric(*both, verbose=False)["frechet_inception_distance"]
    assert distance(ours, real) == pytest.approx(expected, rel=1e-6)


def test_a_shift_counts_squared_and_a_collection_is_at_zero_from_itself():
    points = np.random.default_rng(0).normal(size=(300, 5))
    assert distance(points, points) == pytest.approx(0, abs=1e-9)
    assert distance(points + 2, points) == pytest.approx(20, rel=1e-9)


def test_singular_covariances_stay_real():
    points = np.random.default_rng(0).normal(size=(4, 10))  # fewer points than dimensions
    flat = np.zeros((5, 10))
    assert np.isfinite(distance(points, flat))
    assert distance(points, flat) == pytest.approx(
        np.square(points.mean(0)).sum() + np.trace(moments(points)[1])
    )


def test_features_that_sum_to_another_leave_no_rounding_behind():
    """Turning both collections changes nothing, though a third of the variances are 0."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(6, 9))
    ours, real = rng.normal(size=(300, 6)) @ flat, rng.normal(size=(200, 6)) @ flat * 2
    turn = np.linalg.qr(rng.normal(size=(9, 9)))[0]
    assert distance(ours @ turn, real @ turn) == pytest.approx(distance(ours, real), rel=1e-12)


def test_resampled_moments_are_those_of_repeated_points(monkeypatch):
    monkeypatch.setattr(frechet, "_ROWS_AT_ONCE", 7)
    points, times = np.random.default_rng(0).normal(50, 2, size=(30, 3)), resamples(30, 0)
    means, covariances = resampled_moments(points, times)
    for b in (0, 17, 199):
        repeated = np.repeat(points, times[b].astype(int), axis=0)
        np.testing.assert_allclose(means[b], repeated.mean(0))
        np.testing.assert_allclose(covariances[b], np.cov(repeated, rowvar=False), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_the_error_is_the_spread_between_samples(dataset):
    """Independent samples of the training climbs against the same test climbs."""
    reference = Context.of_dataset(dataset, grader=None)
    rng, train = np.random.default_rng(0), dataset.part("train")
    # A share of climbs from one end of the sizes, so that the distance is well above its floor.
    short = train[np.argsort(train.sizes, kind="stable")[: len(train) // 3]]
    runs = [
        measure(reference.judging(short[rng.choice(len(short), 300, replace=True)]), NAME) for _ in range(60)
    ]
    spread = np.std([r.value for r in runs], ddof=1)
    assert np.mean([r.standard_error for r in runs]) == pytest.approx(spread, rel=0.3)


def test_collapse_is_past_the_floor(dataset, real):
    reference = Context.of_dataset(dataset, grader=None)
    found = measure(reference.judging(real[np.arange(600) % 5]), NAME)
    assert found.low > floor(reference, NAME, 600).high
    assert measure(reference.judging(real), "Fréchet distance (learned)") is None  # no grader

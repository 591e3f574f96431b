"""How memory growth is told from a server's resident set."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.benchmarks.serving import growth


def test_growth_is_the_slope_after_the_warm_up() -> None:
    seconds = np.arange(0, 60, 0.5)
    warming = np.minimum(seconds, 10) * 30  # 300 MiB in the first ten seconds, which do not count
    slope, error = growth(np.stack([seconds, 500 + warming + 2.4 * seconds / 60], axis=1))
    assert slope == pytest.approx(2.4)
    assert error < 1e-3
    slope, error = growth(np.stack([seconds, np.full(120, 800.0)], axis=1))
    assert (slope, error) == (0, 0)


def test_noise_is_no_growth() -> None:
    rng = np.random.default_rng(0)
    seconds = np.arange(0, 60, 0.5)
    found = np.array([growth(np.stack([seconds, 800 + rng.normal(0, 3, 120)], axis=1)) for _ in range(300)])
    slopes, errors = found.T
    assert (np.abs(slopes) < 2 * errors).mean() > 0.9
    assert errors.mean() == pytest.approx(slopes.std(), rel=0.15)


def test_too_few_looks_say_nothing() -> None:
    assert np.isnan(growth(np.array([[0.0, 1.0], [1.0, 2.0], [4.0, 3.0]]))).all()

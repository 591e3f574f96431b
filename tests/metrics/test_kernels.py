"""MMD: in closed form, against torch-fidelity, with standard errors that are the spread between samples."""

import numpy as np
import pytest
import torch
from measuring import floor, measure
from torch_fidelity.metric_kid import kid_features_to_metric

from setgen.climbing.climbs import Climbs
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.metrics import kernels
from setgen.metrics.context import Context
from setgen.metrics.features import element_matrix
from setgen.metrics.kernels import cubic_kernel, jaccard_kernel, mean_of_pairs, mmd2


def test_kid_against_torch_fidelity(monkeypatch):
    monkeypatch.setattr(kernels, "_CELLS_AT_ONCE", 3000)
    rng = np.random.default_rng(0)
    ours, real = rng.normal(0.3, 1.2, size=(120, 8)), rng.normal(size=(120, 8))
    expected = kid_features_to_metric(
        *(torch.from_numpy(x) for x in (ours, real)),
        kid_subsets=1,
        kid_subset_size=120,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=0,
        verbose=False,
    )
    value, _ = mmd2(cubic_kernel, ours, real)
    assert value == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-6)


def test_value_and_error_by_definition(dataset, real):
    """Every pair by hand: the unbiased mean, and Hoeffding's variance with ζ over triples."""
    x, y = (element_matrix(dataset.board, c) for c in (real[:12], dataset.part("test")[:15]))

    def k(a, b):
        a, b = a.toarray(), b.toarray()
        both = a @ b.T
        return both / (a.sum(1)[:, None] + b.sum(1) - both)

    xx, xy, yy = k(x, x), k(x, y), k(y, y)
    off = ~np.eye(12, dtype=bool)
    value = xx[off].mean() + yy[~np.eye(15, dtype=bool)].mean() - 2 * xy.mean()
    h = xx - xy.mean(1)[:, None] - xy.mean(1)
    triples = [
        (h[i, j], h[i, m]) for i in range(12) for j in range(12) for m in range(12) if len({i, j, m}) == 3
    ]
    fours = [
        h[i, j] * h[m, n]
        for i in range(12)
        for j in range(12)
        for m in range(12)
        for n in range(12)
        if len({i, j, m, n}) == 4
    ]
    squared = np.mean(fours)  # unbiased for the square of E h
    zeta = np.mean([a * b for a, b in triples]) - squared
    var_h = np.square(h[off]).mean() - squared
    variance = (4 * 10 * zeta + 2 * var_h) / (12 * 11)
    found, error = mmd2(jaccard_kernel, x, y)
    assert found == pytest.approx(value, rel=1e-5)
    assert error == pytest.approx(np.sqrt(variance), rel=0.1)
    assert mean_of_pairs(jaccard_kernel, y) == pytest.approx(yy[~np.eye(15, dtype=bool)].mean(), rel=1e-5)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_errors_are_the_spread_between_samples(shift):
    """Against fixed real points, where the distributions are equal (a degenerate statistic) and where not."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 4))
    held = mean_of_pairs(cubic_kernel, real)
    runs = [mmd2(cubic_kernel, rng.normal(shift, 1, size=(200, 4)), real, held) for _ in range(300)]
    values, errors = np.array(runs).T
    assert np.sqrt(np.square(errors).mean()) == pytest.approx(values.std(ddof=1), rel=0.2)
    covered = np.abs(values - values.mean()) < 1.96 * errors
    assert covered.mean() > 0.88


def test_unbiased_around_zero_between_samples_of_one_process():
    rng = np.random.default_rng(1)
    values = np.array([mmd2(cubic_kernel, *rng.normal(size=(2, 60, 3)))[0] for _ in range(300)])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(300)


def test_far_apart_collections():
    """Two points at 0 and two at c: k = 1 among the first, (c² + 1)³ among the second, 1 between."""
    ours, real = np.zeros((3, 1)), np.full((4, 1), 2.0)
    value, error = mmd2(cubic_kernel, ours, real)
    assert value == pytest.approx(1 + 125 - 2)
    assert error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["MMD (Jaccard)", "KID (shape)"])
def test_faults_are_seen(dataset, real, name):
    reference = Context.of_dataset(dataset, grader=None)
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(real.role)), real.owner))
    collapsed = real[np.arange(600) % 5]
    shuffled = Climbs(real.placement, real.role[order], real.offsets, real.angle, real.grade)
    at, fine = floor(reference, name, 600), measure(reference.judging(real), name)
    assert max(fine.low, at.low) < min(fine.high, at.high)
    for bad in (collapsed, shuffled):
        assert measure(reference.judging(bad), name).low > at.high


def test_against_itself_the_interval_is_around_the_test_climbs_own_zero(dataset, real):
    """Test climbs are taken as given: the floor, not 0, is what a value of real climbs lies around."""
    reference = Context.of_dataset(dataset, grader=None)
    drawn = (reference.judging(synthetic_climbs(600, s)) for s in range(10, 22))
    values = [measure(c, "MMD (Jaccard)") for c in drawn]
    means = np.array([v.value for v in values])
    assert np.mean([v.standard_error for v in values]) == pytest.approx(means.std(ddof=1), rel=0.6)

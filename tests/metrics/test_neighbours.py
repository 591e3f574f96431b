"""Precision, recall, density, coverage: by hand, against prdc, and on the faults they are to see."""

from fractions import Fraction

import numpy as np
import pytest
from measuring import floor, measure
from prdc import compute_prdc

from setgen.climbing.climbs import Climbs
from setgen.metrics import features
from setgen.metrics.context import Context
from setgen.metrics.features import JACCARD, SHAPE, element_matrix
from setgen.metrics.neighbours import Neighbours, neighbours, radii
from setgen.sets.identity import canonical

NAMES = [
    f"{name} ({space})"
    for space in ("Jaccard", "shape")
    for name in ("precision", "recall", "density", "coverage")
]


def four(found: Neighbours):
    parts = (found.precise, found.recalled.times > 0, found.density, found.covered.times > 0)
    return dict(
        zip(("precision", "recall", "density", "coverage"), (float(p.mean()) for p in parts), strict=True)
    )


def compare(space, ours, real):
    return neighbours(space, ours, real, radii(space, real))


def test_radii_by_hand():
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    np.testing.assert_allclose(radii(SHAPE, line, k=1), [1, 1, 2, 4])
    np.testing.assert_allclose(radii(SHAPE, line, k=3), [7, 6, 4, 7])
    assert np.isinf(radii(SHAPE, line, k=4)).all()


@pytest.mark.parametrize(("n", "shift"), [(200, 0.0), (150, 1.0), (300, 3.0)])
def test_against_prdc(n, shift, monkeypatch):
    monkeypatch.setattr(features, "_CELLS_AT_ONCE", 5000)
    rng = np.random.default_rng(n)
    real, ours = rng.normal(size=(220, 5)), rng.normal(size=(n, 5)) + shift
    expected = compute_prdc(real_features=real, fake_features=ours, nearest_k=5)
    found = four(compare(SHAPE, ours, real))
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_jaccard_against_sets(dataset, real):
    """Brute force over Python's sets in exact fractions, ties and duplicates included."""
    climbs = [canonical(c) for c in (real[np.arange(80) % 60], dataset.part("test")[:90])]
    mine, theirs = ([frozenset(climb.holds) for climb in c] for c in climbs)

    def distance(a, b):
        return 1 - Fraction(len(a & b), len(a | b))

    def radius(x, among):
        return sorted(distance(x, y) for y in among)[5]  # the first is itself

    r_mine, r_theirs = ([radius(x, kind) for x in kind] for kind in (mine, theirs))
    table = np.array([[distance(y, x) for x in theirs] for y in mine])
    near_real = table < np.array(r_theirs)
    found = compare(JACCARD, *(element_matrix(dataset.board, c) for c in climbs))
    np.testing.assert_array_equal(found.precise, near_real.any(1))
    np.testing.assert_allclose(found.density, near_real.sum(1) / 5)
    np.testing.assert_array_equal(found.covered.times, near_real.sum(0))
    np.testing.assert_array_equal(found.recalled.times, (table < np.array(r_mine)[:, None]).sum(0))


def test_the_error_of_coverage_is_the_jackknife_over_climbs_and_the_binomial_over_test_climbs():
    """By leaving each climb out in turn and counting again."""
    rng = np.random.default_rng(3)
    real, ours = rng.normal(size=(90, 3)), rng.normal(size=(40, 3))
    found = compare(SHAPE, ours, real).covered.estimate(40, "")
    left = [(compare(SHAPE, np.delete(ours, i, axis=0), real).covered.times > 0).mean() for i in range(40)]
    jackknife = 39 / 40 * np.square(left - np.mean(left)).sum()
    p = (found.value * 90 + 2) / 94
    assert jackknife > 0
    assert found.standard_error == pytest.approx(np.sqrt(jackknife + p * (1 - p) / 94))


def test_the_same_points_and_points_far_away():
    points = np.random.default_rng(0).normal(size=(100, 3))
    same, far = four(compare(SHAPE, points, points)), four(compare(SHAPE, points + 100, points))
    assert same == {"precision": 1, "recall": 1, "density": pytest.approx(1, abs=0.01), "coverage": 1}
    assert far == dict.fromkeys(same, 0)


@pytest.fixture(scope="module")
def reference(dataset):
    return Context.of_dataset(dataset, grader=None)


def judged(reference, climbs):
    c = reference.judging(climbs)
    return {name: (measure(c, name), floor(reference, name, len(climbs))) for name in NAMES}


def below(pair):
    value, at = pair
    return (at.value - value.value) / np.hypot(value.standard_error, at.standard_error)


def test_without_a_grader_no_learned_space(reference, real):
    assert measure(reference.judging(real), "precision (learned)") is None


def test_mode_collapse_keeps_precision_and_loses_recall_and_coverage(reference, real):
    found = judged(reference, real[np.arange(600) % 5])
    for space in ("Jaccard", "shape"):
        assert below(found[f"recall ({space})"]) > 4, space
        assert below(found[f"coverage ({space})"]) > 4, space


def test_noise_loses_precision_and_density(reference, dataset, real):
    rng = np.random.default_rng(0)
    holds = np.concatenate([rng.choice(len(dataset.board), s, replace=False) for s in real.sizes])
    found = judged(reference, Climbs(holds, real.role, real.offsets, real.angle, real.grade))
    for space in ("Jaccard", "shape"):
        for name in ("precision", "density", "coverage"):
            assert below(found[f"{name} ({space})"]) > 4, (name, space)


def test_copied_training_climbs_lose_nothing(reference, dataset):
    found = judged(reference, dataset.part("train")[:600])
    for name, pair in found.items():
        assert abs(below(pair)) < 4, name


def test_too_few_climbs_have_no_value(reference, real):
    assert np.isnan(measure(reference.judging(real[:5]), "precision (shape)").value)

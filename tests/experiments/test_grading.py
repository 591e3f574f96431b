"""The numbers that graders are compared by, in cases worked out by hand."""

import numpy as np
import pytest

from experiments.grading import (
    Judged,
    auc,
    boosted,
    calibration_error,
    median_guess,
    observed,
    on_scale,
    one_each,
    summary,
)
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.grades import FIRST, LAST
from setgen.climbing.grading.grader import Grading


def test_errors_and_the_ranked_probability_score_by_hand():
    grading = Grading(np.array([10, 11, 12]), np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]]), np.zeros((2, 1)))
    p = on_scale(grading)
    assert p.shape == (2, LAST - FIRST + 1)
    judged = Judged.of(np.array([11.4, 12.0]), p, np.array([10, 12]))
    assert judged.error.tolist() == [1, 0]
    assert judged.near.tolist() == [True, True]
    assert judged.ranked.tolist() == pytest.approx([0.8**2 + 0.5**2, 0])


def test_standard_errors_over_climbs_and_seeds_by_hand():
    runs = [Judged(np.array([0.0, 2.0]) + s, np.ones(2, dtype=bool), np.zeros(2)) for s in (0, 2)]
    assert summary(runs)["mean absolute error"] == pytest.approx((2, 1, 1))
    assert summary(runs[:1])["mean absolute error"] == pytest.approx((1, 1, 0))


def test_climbs_drawn_from_what_was_predicted_are_calibrated_and_others_are_not():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(8), size=4000)
    grade = 10 + (p.cumsum(1) < rng.random((4000, 1))).sum(1)
    honest = Grading(np.arange(10, 18), p, np.zeros((4000, 1)))
    assert calibration_error(honest, grade) < 0.015
    assert (np.diff(observed(honest, grade)) > 0).all()
    assert calibration_error(honest, np.full(4000, 10)) > 0.2


@pytest.mark.slow
def test_boosted_trees_read_grades_better_than_the_median_guess():
    dataset = synthetic_dataset(1500, 1)
    test = one_each(dataset, "test")
    read, p = boosted(dataset, test, 0)
    guess, spread = median_guess(dataset, test)
    trees, median = Judged.of(read, p, test.grade), Judged.of(guess, spread, test.grade)
    assert p.sum(1) == pytest.approx(1)
    assert trees.error.mean() < 0.6 * median.error.mean()
    assert trees.ranked.mean() < 0.6 * median.ranked.mean()


def test_features_are_told_apart_where_they_differ_and_only_there():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(900, 5)), rng.normal(size=(600, 5))
    found, error = auc(a, b)
    assert abs(found - 0.5) < 4 * error
    assert auc(a, b + 1)[0] > 0.9

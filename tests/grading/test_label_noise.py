"""What a grade is worth is read off the data: the noise put in comes out, and a grader trusts sound grades."""

from dataclasses import replace

import numpy as np
import pytest

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.grading.fit import Schedule, fit_grader, graded
from setgen.climbing.grading.label_noise import LabelNoise, fit_label_noise


def noisy(rows, seen, one, seed=0):
    """Grades that a line tells, but for a variance of seen + one / ascents; each hold set at two angles."""
    rng = np.random.default_rng(seed)
    features = np.repeat(rng.normal(size=(rows // 2, 6)), 2, axis=0)
    ascents = np.exp(rng.uniform(0, 5, rows)).astype(int).astype(float)
    deviation = np.sqrt(seen + one / ascents)
    grade = 18 + features @ np.arange(6) / 2 + deviation * rng.normal(size=rows)
    return features, grade, ascents, np.repeat(np.arange(rows // 2), 2)


@pytest.mark.parametrize(("seen", "one"), [(3, 5), (1, 8), (2, 0)])
def test_the_noise_put_in_comes_out(seen, one):
    found = fit_label_noise(*noisy(8000, seen, one))
    assert found.seen == pytest.approx(seen, abs=0.4)
    assert found.one == pytest.approx(one, abs=0.8)


def test_weights_are_inverse_variances_and_one_on_average():
    noise = LabelNoise(3, 6)
    ascents = np.array([1, 2, 6, 1e6, 0, np.nan])
    weight = noise.weight(ascents)
    assert weight.mean() == pytest.approx(1)
    assert weight[:4] / weight[3] == pytest.approx([3 / 9, 3 / 6, 3 / 4, 1], rel=1e-5)
    assert weight[4] == weight[0]  # without an ascent: the setter's own opinion
    assert weight[[0, 3]].min() < weight[5] < weight[[0, 3]].max()


def test_without_ascents_all_grades_weigh_the_same():
    features, grade, ascents, groups = noisy(400, 3, 5)
    unknown = np.full(len(ascents), np.nan)
    for values in (unknown, np.ones(len(ascents)), np.where(np.arange(len(ascents)) < 100, ascents, np.nan)):
        noise = fit_label_noise(features, grade, values, groups)
        assert noise == LabelNoise()
        assert noise.weight(values).tolist() == [1] * len(values)


def test_a_hold_set_at_many_angles_is_read_by_a_fit_that_has_not_seen_it():
    """Each hold set has a feature of its own: a fit that had seen its other rows would know their error too."""
    _, grade, ascents, groups = noisy(1000, 3, 5, 1)
    grade = 18 + np.repeat(np.random.default_rng(2).normal(size=500) * 3, 2)
    own = np.eye(500)[groups] * 40
    leaking = fit_label_noise(own, grade, ascents, np.arange(1000))
    assert fit_label_noise(own, grade, ascents, groups).seen > 4 * leaking.seen


@pytest.mark.slow
def test_a_grader_trusts_grades_with_many_ascents():
    """Half of the grades are one climber's and far off, the others sound."""
    whole, rng = synthetic_dataset(4000, seed=1), np.random.default_rng(0)
    one = rng.random(len(whole.climbs)) < 0.7
    off = np.where(one, rng.integers(-1, 2, len(one)) * 6, 0)
    grade = np.clip(whole.climbs.grade + off, whole.climbs.grade.min(), whole.climbs.grade.max())
    columns = {"ascents": np.where(one, 1.0, 500.0)}
    made = replace(whole, sets=whole.climbs.with_conditions(whole.climbs.angle, grade), columns=columns)
    test, _ = graded(whole, "test")
    short = Schedule(most_steps=300)
    alike, weighed = (
        np.abs(fit_grader(data, 0, short).grade(test).median - test.grade).mean()
        for data in (replace(made, columns={}), made)
    )
    assert weighed < 0.9 * alike

"""Conditioning: a generator that ignores what is asked fails, and the numbers agree with scipy's."""

from dataclasses import replace

import numpy as np
import pytest
from measuring import floor, measure
from scipy.stats import spearmanr

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climbs import Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading.grader import Grading
from setgen.climbing.metrics.grader import grading
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs, true_grade
from setgen.metrics.context import Context

NAMES = ("grade error ratio", "grade bias", "grade rank correlation", "angle error ratio")
NAMES += ("angle rank correlation",)
_GRADES = np.arange(5, 40)


class TrueGrader:
    """The process's own grade, up to two ids off by a rule that the process does not know."""

    def grade(self, climbs):
        off = np.bincount(climbs.owner, climbs.placement, len(climbs)).astype(int) % 5 - 2
        truth = np.rint(true_grade(synthetic_board(), climbs)).astype(int) + off
        p = np.zeros((len(climbs), len(_GRADES)))
        for shift, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            p[np.arange(len(climbs)), truth + shift - _GRADES[0]] = weight
        return Grading(_GRADES, p, np.zeros((len(climbs), 2), np.float32))


@pytest.fixture(scope="module")
def reference(dataset):
    return Context.of_dataset(dataset, grader=TrueGrader())


def value(reference, climbs, name):
    return measure(reference.judging(climbs), name)


def asked(climbs, grade=None, angle=None):
    return climbs.with_conditions(
        climbs.angle if angle is None else angle, climbs.grade if grade is None else grade
    )


def test_climbs_of_the_process_are_as_asked(reference, real):
    for name in NAMES:
        own, real_own = value(reference, real, name), floor(reference, name, len(real))
        assert abs(own.value - real_own.value) < 4 * np.hypot(own.standard_error, real_own.standard_error), (
            name
        )
        assert own.low <= own.value <= own.high
    for name in ("grade error ratio", "angle error ratio"):
        own = floor(reference, name, len(real))
        assert (own.value, own.standard_error, own.low, own.high) == (1, 0, 1, 1)  # by definition


def test_ignored_grades_fail(reference, real):
    shuffled = asked(real, grade=np.random.default_rng(0).permutation(real.grade))
    assert value(reference, shuffled, "grade error ratio").low > 1.5
    ranks = value(reference, shuffled, "grade rank correlation")
    assert ranks.high < 0.3
    assert ranks.high < value(reference, real, "grade rank correlation").low


def test_the_damage_series_is_monotone(reference, real):
    ratios, ranks = [], []
    for share in (0, 0.25, 0.5, 1):
        rng = np.random.default_rng(1)
        grade, rows = real.grade.copy(), rng.permutation(600)[: int(600 * share)]
        grade[rows] = rng.permutation(grade[rows])
        ratios.append(value(reference, asked(real, grade=grade), "grade error ratio").value)
        ranks.append(value(reference, asked(real, grade=grade), "grade rank correlation").value)
    assert ratios == sorted(ratios)
    assert ranks == sorted(ranks, reverse=True)


def test_bias_has_the_sign_of_too_hard(reference, real):
    easy = value(reference, real, "grade bias").value
    harder = value(reference, asked(real, grade=real.grade - 3), "grade bias").value
    assert harder - easy == pytest.approx(3)


def test_ranks_and_ratio_against_scipy(reference, real):
    sample = reference.judging(real)
    found = value(reference, real, "grade rank correlation").value
    assert found == pytest.approx(spearmanr(sample.raw.grade, grading(sample).mean).statistic)
    mae = [np.abs(grading(c).median - c.raw.grade).mean() for c in (sample, sample.test)]
    assert value(reference, real, "grade error ratio").value == pytest.approx(mae[0] / mae[1])


def test_ignored_angles_fail(reference, real):
    shuffled = asked(real, angle=np.random.default_rng(0).permutation(real.angle))
    assert value(reference, shuffled, "angle error ratio").low > 1
    assert value(reference, shuffled, "angle rank correlation").high < 0.3
    assert value(reference, real, "angle rank correlation").low > 0.3


def test_a_judge_that_reads_only_the_grade_says_so(dataset, reference, real):
    """Angles that follow from the grade alone: read well, and yet nothing is known about the holds."""
    rule = lambda climbs: climbs.with_conditions(10 * (climbs.grade // 3), climbs.grade)  # noqa: E731
    by_grade = Context.of_dataset(replace(dataset, sets=rule(dataset.climbs)), grader=None)
    found = value(by_grade, rule(real), "angle error ratio")
    assert "no more off real holds than off the grade" in found.note
    assert value(by_grade, rule(real), "angle rank correlation").value > 0.9
    assert value(reference, real, "angle error ratio").note == ""


def test_a_judge_that_learnt_nothing_says_so(dataset, real):
    """Angles dealt out at random."""
    angle = np.random.default_rng(0).permutation(dataset.climbs.angle)
    grade = np.full(len(angle), UNKNOWN)
    blind = Context.of_dataset(
        replace(dataset, sets=dataset.climbs.with_conditions(angle, grade)), grader=None
    )
    assert "no more off real holds" in value(blind, real, "angle error ratio").note


class OneGrade:
    """A grader that says the same of every climb."""

    def grade(self, climbs):
        p = np.tile((np.arange(len(_GRADES)) == 3).astype(float), (len(climbs), 1))
        return Grading(_GRADES, p, np.zeros((len(climbs), 2), np.float32))


def test_a_grader_that_learnt_nothing_says_so(dataset, reference, real):
    worthless = Context.of_dataset(dataset, grader=OneGrade())
    for name in ("grade error ratio", "grade bias"):
        assert "grader is no better than the median guess" in value(worthless, real, name).note
        assert value(reference, real, name).note == ""
    ranks = value(worthless, real, "grade rank correlation")
    assert np.isnan(ranks.value)
    assert "one value read" in ranks.note


def test_climbs_without_grade_are_left_out(reference, real):
    grade = real.grade.copy()
    grade[:200] = UNKNOWN
    partly = asked(real, grade=grade)
    assert value(reference, partly, "grade error ratio").n == 400
    none = asked(real, grade=np.full(600, UNKNOWN))
    for name in ("grade error ratio", "grade bias", "grade rank correlation"):
        found = value(reference, none, name)
        assert np.isnan(found.value), name
        assert "asked for" in found.note, name


def test_one_grade_has_no_ranks(reference, real):
    one = asked(real, grade=np.full(600, 20))
    found = value(reference, one, "grade rank correlation")
    assert np.isnan(found.value)
    assert "one value" in found.note


def test_nothing_without_a_grader_or_with_one_angle(dataset, real):
    one = dataset.climbs.with_conditions(np.full(len(dataset.climbs), 40), dataset.climbs.grade)
    bare = Context.of_dataset(replace(dataset, sets=one), grader=None)
    for name in NAMES:
        assert value(bare, real, name) is None, name


def test_rows_and_holds_in_any_order(reference, real):
    rng = np.random.default_rng(5)
    rows = real[rng.permutation(len(real))]
    order = np.lexsort((rng.random(len(rows.placement)), rows.owner))
    shuffled = Climbs(rows.placement[order], rows.role[order], rows.offsets, rows.angle, rows.grade)
    for name in NAMES:
        assert value(reference, shuffled, name) == value(reference, real, name), name


@pytest.mark.slow
def test_standard_errors_against_repeated_draws():
    draws = {name: [] for name in NAMES}
    for i in range(30):
        reference = Context.of_dataset(synthetic_dataset(3000, seed=900 + i), grader=TrueGrader())
        climbs = synthetic_climbs(300, 500 + i)
        for name in NAMES:
            draws[name].append(value(reference, climbs, name))
    for name in ("grade error ratio", "grade bias", "grade rank correlation", "angle rank correlation"):
        spread = np.std([d.value for d in draws[name]], ddof=1)
        said = np.mean([d.standard_error for d in draws[name]])
        assert said == pytest.approx(spread, rel=0.5), name

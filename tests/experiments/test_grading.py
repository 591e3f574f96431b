"""The numbers that graders are compared by, in cases worked out by hand; a comparison that is broken off goes on."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import grading
from experiments.grading import (
    Judged,
    Rows,
    auc,
    boosted,
    calibration_error,
    cluster_error,
    inside,
    median_guess,
    observed,
    on_scale,
    summary,
)
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.grades import FIRST, LAST
from setgen.climbing.grading.fit import Schedule, fit_grader, graded
from setgen.climbing.grading.grader import Grading
from setgen.climbing.grading.label_noise import LabelNoise


def test_errors_and_the_ranked_probability_score_by_hand():
    grading = Grading(np.array([10, 11, 12]), np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]]), np.zeros((2, 1)))
    p = on_scale(grading)
    assert p.shape == (2, LAST - FIRST + 1)
    judged = Judged.of(np.array([11.4, 12.0]), p, np.array([10, 12]))
    assert judged.error.tolist() == [1, 0]
    assert judged.near.tolist() == [True, True]
    assert judged.ranked.tolist() == pytest.approx([0.8**2 + 0.5**2, 0])
    assert judged.squared.tolist() == pytest.approx([1.3**2, 0])  # of the expected grades, 11.3 and 12
    assert judged.v_error.tolist() == [0, 0]  # 4a, 4b and 4c are all V0
    assert inside(grading, np.array([10, 10])).tolist() == [True, False]  # 10 to 12, 11 to 12


def test_standard_errors_over_climbs_and_seeds_by_hand():
    zero, grade, alone = np.zeros(2), np.array([10, 12]), np.arange(2)
    runs = [
        Judged(np.array([0.0, 2.0]) + s, np.ones(2, dtype=bool), zero, np.full(2, s / 4), zero)
        for s in (0, 2)
    ]
    assert summary(runs, grade, alone)["mean absolute error"] == pytest.approx((2, 1, 1))
    assert summary(runs[:1], grade, alone)["mean absolute error"] == pytest.approx((1, 1, 0))
    # Variance 1, of which 0 and 0.5 are left over.
    assert summary(runs, grade, alone)["R²"] == pytest.approx((0.75, 0, 0.25))


def test_rows_of_one_hold_set_count_as_one_draw():
    pull = np.random.default_rng(0).normal(size=400)
    pull -= pull.mean()
    alone = cluster_error(pull, np.arange(400))
    assert alone == pytest.approx(pull.std(ddof=1) / 20)
    # The same climbs at three angles, judged alike at each, say nothing new.
    assert cluster_error(np.tile(pull, 3), np.tile(np.arange(400), 3)) == pytest.approx(alone)
    assert cluster_error(np.tile(pull, 3), np.arange(1200)) < 0.6 * alone


def test_the_error_of_r_squared_is_what_other_draws_would_show():
    rng, found, said = np.random.default_rng(1), [], []
    for _ in range(200):
        sets = rng.normal(16, 3, 100)
        grade, left = np.repeat(sets, 2) + rng.normal(0, 1, 200), np.repeat(rng.normal(0, 2, 100), 2)
        none = np.zeros(200)
        numbers = summary([Judged(none, none, none, left**2, none)], grade, np.repeat(np.arange(100), 2))
        found.append(numbers["R²"][0])
        said.append(numbers["R²"][1])
    assert np.mean(said) == pytest.approx(np.std(found), rel=0.2)


def test_rows_by_ascents_are_those_with_as_many():
    rows = Rows(synthetic_dataset(60, 1).climbs[:5], np.array([1, 2, 9, 200, np.nan]), np.arange(5))
    spans = [(1, 1), (2, 9), (100, None), (1, None)]
    assert [rows.with_ascents(*span).nonzero()[0].tolist() for span in spans] == [
        [0],
        [1, 2],
        [3],
        [0, 1, 2, 3],
    ]


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
    test, _ = graded(dataset, "test")
    read, p = boosted(dataset, test, LabelNoise())
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


def test_a_comparison_that_is_broken_off_goes_on_and_says_the_same(tmp_path, monkeypatch, start, refusal):
    """What is trained is not trained again."""
    made = synthetic_dataset(400, 1)
    ascents = np.random.default_rng(0).integers(1, 30, len(made.sets)).astype(np.float64)
    replace(made, columns={"ascents": ascents}).save(tmp_path / "data")
    short, trained, grown = Schedule(most_steps=4, validations=1), [], []

    def trees(dataset, test, _):
        grown.append(len(test))
        return median_guess(dataset, test)

    monkeypatch.setattr(grading, "boosted", trees)

    def stopping(call: int):
        def fit(dataset, seed):
            trained.append(seed)
            if len(trained) == call:
                raise KeyboardInterrupt
            return fit_grader(dataset, seed, short)

        return fit

    def run(call: int, *words: str) -> tuple[int, str]:
        monkeypatch.setattr(grading, "fit_grader", stopping(call))
        return start(grading.main, *words)

    def result(folder: Path) -> tuple[dict, str, bytes]:
        found = json.loads((folder / "metrics.json").read_text())
        seconds = found.pop("training seconds")
        assert len(seconds) == 2
        text = re.sub(r"Training took \d+ s|runs=\S+", "", (folder / "report.md").read_text())
        return found, text, (folder / "reliability.svg").read_bytes()

    def only(name: str) -> Path:
        (folder,) = (tmp_path / name / "grading").iterdir()
        return folder

    words = ["seeds=[0,1]", f"data.path={tmp_path / 'data'}"]
    assert run(0, *words, f"runs={tmp_path / 'whole'}") == (0, "")
    assert trained == [0, 0, 1, 1]  # with ascents, and with every grade alike
    code, told = run(4 + 3, *words, f"runs={tmp_path / 'broken'}")
    assert code == 130
    again = shlex.split(told.partition("stopped; go on with: python -m experiments.grading ")[2])
    assert again == [f"resume={only('broken')}"]
    assert run(0, *again) == (0, "")
    assert trained == [0, 0, 1, 1, 0, 0, 1, 1, 1]
    assert result(only("broken")) == result(only("whole"))
    assert run(0, *again) == (0, "")
    assert (len(trained), len(grown)) == (9, 2)
    assert not list(tmp_path.rglob(".lock"))
    assert "with resume only nothing can be changed, not seeds" in refusal(grading.main, *again, "seeds=[0]")

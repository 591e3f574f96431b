"""Two-sample tests: 0.5 for climbs of one process, 1 for random holds, and nothing leaks between folds."""

import numpy as np
import pytest
import torch
from measuring import measure, reordered
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from setgen.climbing.climbs import Climbs
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.metrics import two_sample
from setgen.metrics.context import Context
from setgen.metrics.two_sample import FOLDS, folds, placements

JUDGES = pytest.mark.parametrize("judge", ["trees", "Deep Sets"])


@pytest.fixture(scope="module")
def reference(dataset):
    return Context.of_dataset(dataset, grader=None)


def auc(reference, climbs, judge):
    return measure(reference.judging(climbs), f"two-sample AUC ({judge})")


def random_holds(climbs, board, seed=0):
    rng = np.random.default_rng(seed)
    placement = np.concatenate([rng.choice(len(board), size, replace=False) for size in climbs.sizes])
    return Climbs(placement, climbs.role, climbs.offsets, climbs.angle, climbs.grade)


@pytest.mark.parametrize("ties", [False, True])
def test_placements_against_sklearn(ties):
    rng = np.random.default_rng(1)
    ours, real = rng.normal(0.4, 1, 70), rng.normal(0, 1, 110)
    if ties:
        ours, real = ours.round(), real.round()
    one, other = placements(ours, real)
    expected = roc_auc_score([1] * 70 + [0] * 110, np.concatenate([ours, real]))
    assert one.mean() == pytest.approx(expected)
    assert other.mean() == pytest.approx(expected)


def test_folds_keep_groups_together_and_are_even():
    groups = np.random.default_rng(0).integers(0, 90, 600).astype(np.uint64)
    fold = folds(groups, 3)
    assert all(len(np.unique(fold[groups == g])) == 1 for g in np.unique(groups))
    per_fold = [len(np.unique(groups[fold == k])) for k in range(FOLDS)]
    assert max(per_fold) - min(per_fold) <= 1


@JUDGES
def test_one_process_cannot_be_told_apart(reference, real, judge):
    found = auc(reference, real, judge)
    assert abs(found.value - 0.5) < 3.5 * found.standard_error
    assert 0 <= found.low < found.value < found.high <= 1


@JUDGES
def test_random_holds_are_told_apart(reference, real, dataset, judge):
    found = auc(reference, random_holds(real, dataset.board), judge)
    assert found.low > 0.9
    assert found.high <= 1


@JUDGES
def test_angle_and_grade_do_not_enter(reference, real, judge):
    whole, relabelled = reference.judging(real), real.with_conditions(np.full(600, 40), np.full(600, 15))
    n = 600 + len(whole.test)
    learn, rest = np.arange(0, n, 2), np.arange(1, n, 2)
    scores = [
        getattr(two_sample, {"trees": "boosted_trees", "Deep Sets": "deep_sets"}[judge])(
            whole.on(climbs), np.arange(n) < 600, learn, rest, 0
        )
        for climbs in (real, relabelled)
    ]
    np.testing.assert_array_equal(*scores)


@pytest.mark.slow
@JUDGES
def test_same_bits_for_any_order_and_any_number_of_threads(reference, real, judge):
    shuffled = reordered(real, np.random.default_rng(0))
    before = torch.get_num_threads()
    try:
        found = []
        for threads, climbs in ((1, real), (2, shuffled)):
            torch.set_num_threads(threads)
            with threadpool_limits(limits=threads):
                found.append(auc(reference, climbs, judge))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_copies_of_real_climbs_are_not_known_by_heart(reference):
    """50 fresh real climbs twenty times over: judged by row a copy in the other fold gives each away."""
    copies = synthetic_climbs(50, 77)[np.arange(1000) % 50]
    found = auc(reference, copies, "trees")
    assert found.low < 0.5 < found.high
    assert found.standard_error > 0.03  # it rests on 50 climbs, not on 1,000


def test_copies_leak_where_folds_ignore_them(reference, monkeypatch):
    copies = synthetic_climbs(50, 77)[np.arange(1000) % 50]
    monkeypatch.setattr(two_sample, "folds", lambda groups, seed: np.arange(len(groups)) % FOLDS)
    assert auc(reference, copies, "trees").value > 0.8


@JUDGES
def test_a_handful_says_why_not(reference, real, judge):
    found = auc(reference, real[:8], judge)
    assert np.isnan(found.value)
    assert "wants 30" in found.note

"""What real boards do and made-up climbs do not: one climb at many angles, mirror images, few climbs."""

from dataclasses import replace

import numpy as np
import pytest

from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.metrics.grader import grader_of
from setgen.errors import InputError
from setgen.metrics.context import Context, scored
from setgen.metrics.evaluate import evaluate, evaluate_generator, metrics_for
from setgen.metrics.proof import halves
from setgen.sets.identity import fingerprints, one_of_each
from setgen.sets.splits import assign

ANGLES = (10, 20, 30, 40, 50, 60, 70)


def at_every_angle(dataset):
    """Each row of the dataset once an angle, as apps store climbs that people climbed at many."""
    rows = np.repeat(np.arange(len(dataset.climbs)), len(ANGLES))
    climbs = dataset.climbs[rows]
    climbs = climbs.with_conditions(np.tile(ANGLES, len(dataset.climbs)), climbs.grade)
    return replace(dataset, sets=climbs, split=dataset.split[rows], ids=dataset.ids[rows])


def mirrored_board(board):
    """The board with a mirror map: the built-in wall is symmetric."""
    x, y = board.xy.T
    places = {(a, b): i for i, (a, b) in enumerate(board.xy.round(3).tolist())}
    mirror = [places[a, b] for a, b in np.stack([x.min() + x.max() - x, y], 1).round(3).tolist()]
    return replace(board, mirror=np.array(mirror))


def turned(board, climbs):
    return Climbs(board.mirror[climbs.placement], climbs.role, climbs.offsets, climbs.angle, climbs.grade)


def few(dataset, n, seed=0):
    """The dataset with n training climbs."""
    train = np.flatnonzero(dataset.split == 0)
    gone = np.random.default_rng(seed).permutation(train)[n:]
    keep = np.setdiff1d(np.arange(len(dataset.climbs)), gone)
    return Dataset(dataset.board, dataset.climbs[keep], dataset.split[keep], dataset.ids[keep], dataset.card)


def errors_off(value):
    error = np.hypot(value.standard_error or 0, value.floor_standard_error or 0)
    return 0.0 if value.value == value.floor else abs(value.value - value.floor) / error


def test_one_row_of_each_hold_set_is_drawn(dataset):
    many = at_every_angle(dataset).part("test")
    one = one_of_each(dataset.board, many, 0)
    prints = fingerprints(dataset.board, one)
    assert len(np.unique(prints)) == len(prints)
    assert set(prints) == set(fingerprints(dataset.board, many))
    assert set(one.angle) == set(ANGLES)
    assert list(one) == list(one_of_each(dataset.board, many, 0)) != list(one_of_each(dataset.board, many, 1))


@pytest.mark.slow
def test_climbs_at_many_angles_leave_every_metric_at_its_floor(dataset, real):
    """As often as it is stored, a real climb would be its own nearest neighbour, and radii would be 0."""
    found = evaluate(real, Context.of_dataset(at_every_angle(dataset), grader=None))
    for name in ("precision (Jaccard)", "precision (shape)", "coverage (Jaccard)"):
        assert found[name].value > 0.5, name
    assert found["unique"].floor == 1
    for name, metric in found.metrics.items():
        if metric.family in ("novelty", "diversity", "fidelity", "two-sample"):
            assert errors_off(found[name]) < 5, name


def test_a_model_is_asked_about_each_hold_set_once(dataset):
    asked = Context.of_dataset(at_every_angle(dataset)).asking(None, 50)
    prints = fingerprints(dataset.board, scored(asked))
    assert len(np.unique(prints)) == len(prints)
    assert set(asked.raw.angle) <= set(ANGLES)


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300])
def test_value_and_floor_rest_on_equally_many_climbs(dataset, real, n):
    found = evaluate(real, Context.of_dataset(few(dataset, n), grader=None))
    for metric in metrics_for(dataset.board):
        if metric.floor == "train" and metric.name in found.values:
            value = found[metric.name]
            assert f"on {n} of 600 climbs" in value.note, metric.name
            assert value.n <= n or "recall" in metric.name or "coverage (" in metric.name, metric.name
    for name in ("Vendi score", "Fréchet distance (shape)", "hold and role usage", "unique"):
        assert errors_off(found[name]) < 4.5, name


def test_a_mirror_image_is_the_same_idea(dataset):
    board = mirrored_board(dataset.board)
    climbs = dataset.part("train")[:50]
    prints = fingerprints(board, climbs)
    np.testing.assert_array_equal(prints, fingerprints(board, turned(board, climbs)))
    np.testing.assert_array_equal(assign(prints, 3), assign(fingerprints(board, turned(board, climbs)), 3))
    assert len(np.unique(prints)) == len(np.unique(fingerprints(dataset.board, climbs)))
    plain = fingerprints(dataset.board, turned(board, climbs))
    assert (plain != fingerprints(dataset.board, climbs)).all()


def test_training_climbs_turned_round_are_no_news(dataset, judged):
    board = mirrored_board(dataset.board)
    mirrors = replace(dataset, space=board)
    copies = turned(board, dataset.part("train")[:300])
    found = judged(copies, "novel", "nearest training climb", by=Context.of_dataset(mirrors, grader=None))
    assert found["novel"].value == 0
    assert found["nearest training climb"].value == 0
    unaware = judged(copies, "novel")
    assert unaware["novel"].value > 0.9


def test_a_copy_of_the_test_climbs_is_too_good(dataset, judged):
    good = "transport distance", "Fréchet distance (shape)", "hold and role usage"
    found = judged(dataset.part("test"), "legal", *good)
    for name in good:
        assert "better than real climbs" in found[name].note, name
    assert "better" not in found["legal"].note


def test_training_climbs_of_one_shape_are_said(dataset, judged):
    one = dataset.part("train")[[0]]
    flat = Dataset(
        dataset.board,
        Climbs.concatenate([one[[0] * 40], dataset.part("test")[:40]]),
        np.repeat([0, 2], 40).astype(np.int8),
        np.arange(80),
        dataset.card,
    )
    names = "Fréchet distance (shape)", "KID (shape)"
    found = judged(dataset.part("test")[40:80], *names, by=Context.of_dataset(flat, grader=None))
    for name in names:
        assert "the same shape features" in found[name].note


@pytest.mark.slow
def test_what_is_left_out_is_named(dataset, reference, real):
    angle = np.full(len(dataset.climbs), 40)
    bare = dataset.climbs.with_conditions(angle, np.full(len(dataset.climbs), -1))
    found = evaluate(real[:60], replace(dataset, sets=bare))
    for name in ("grade error ratio", "KID (learned)"):
        assert "0 training climbs have a grade" in found.left_out[name], name
    assert "one angle only" in found.left_out["angle error ratio"]
    assert evaluate(real[:60], reference).left_out == {}


def test_another_seed_than_the_reference_s_is_refused(dataset):
    with pytest.raises(InputError, match="seed 5 is not that of the context, 0"):
        evaluate_generator(None, Context.of_dataset(dataset, 0, grader=None), seed=5)


def test_what_one_climb_says_has_no_interval_and_is_not_too_good(dataset, judged, real):
    """Of a hundred climbs one has two starts: no bootstrap can say how far two starts lie apart."""
    starts = np.bincount(real.owner[real.role == 0], minlength=len(real))
    rows = np.r_[np.flatnonzero(starts == 1)[:99], np.flatnonzero(starts == 2)[:1]]
    reference = Context.of_dataset(dataset, grader=None)
    apart = judged(real[rows], "W₁ start to start", by=reference)["W₁ start to start"]
    assert (apart.n, apart.standard_error, apart.low) == (1, None, None)
    assert apart.note == "wants 100 climbs"
    for i in range(5):
        for name, value in evaluate(real[[i]], reference).values.items():
            assert "better than real" not in value.note, name


def test_too_few_graded_test_climbs_are_said(dataset, judged, reference, real):
    grade = dataset.climbs.grade.copy()
    grade[np.flatnonzero(dataset.split == 2)[15:]] = -1
    some = replace(dataset, sets=dataset.climbs.with_conditions(dataset.climbs.angle, grade))
    by = Context.of_dataset(some, grader=grader_of(reference))
    found = judged(real, "grade error ratio", by=by)
    assert "wants 100 test climbs" in found["grade error ratio"].note


def test_proving_takes_different_test_climbs(dataset):
    test = np.flatnonzero(dataset.split == 2)
    keep = np.setdiff1d(np.arange(len(dataset.climbs)), test[60:])
    small = replace(dataset, sets=dataset.climbs[keep], split=dataset.split[keep], ids=dataset.ids[keep])
    many = at_every_angle(small)
    assert len(many.part("test")) == 60 * len(ANGLES)
    with pytest.raises(InputError, match="60 different test climbs"):
        halves(many.board, many.part("test"), 0)
    every = at_every_angle(dataset)
    rest, damaged = halves(every.board, every.part("test"), 0)
    prints = fingerprints(dataset.board, damaged)
    assert len(np.unique(prints)) == len(prints)
    assert not np.isin(prints, fingerprints(dataset.board, rest)).any()

"""Spaces: scaled by training climbs, blind to what is constant or missing, distances as scipy has them."""

import numpy as np
import pytest
from measuring import look
from scipy.spatial.distance import cdist

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grading.grader import Grading
from setgen.climbing.metrics.grader import LEARNED
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.metrics import features
from setgen.metrics.features import JACCARD, SHAPE, euclidean_blocks, scaled, shape
from setgen.metrics.metric import Unavailable
from setgen.sets.identity import canonical


class ToyGrader:
    """Features that follow from a climb's shape."""

    def __init__(self, board):
        self.board = board

    def grade(self, climbs):
        seen = np.nan_to_num(shape(look(self.board, climbs)))
        features = np.tanh(seen @ np.random.default_rng(0).normal(size=(seen.shape[1], 6)) / 500)
        return Grading(np.arange(2), np.full((len(climbs), 2), 0.5), features.astype(np.float32))


@pytest.fixture(scope="module")
def train(dataset):
    extras = {"grader": ToyGrader(dataset.board)}
    return look(dataset.board, canonical(dataset.part("train")), extras=extras)


@pytest.mark.parametrize("cells", [1, 1000, 10**7])
def test_euclidean_blocks_against_scipy(monkeypatch, cells):
    monkeypatch.setattr(features, "_CELLS_AT_ONCE", cells)
    a, b = (np.random.default_rng(s).normal(size=(n, 4)) for s, n in ((0, 30), (1, 50)))
    found = np.concatenate([block for _, block in euclidean_blocks(a, b)])
    np.testing.assert_allclose(found, cdist(a, b), rtol=1e-6)


@pytest.mark.parametrize("space", [SHAPE, LEARNED])
def test_training_climbs_have_mean_0_and_deviation_1(train, space):
    points = space.points(train)
    np.testing.assert_allclose(points.mean(0), 0, atol=2e-3)  # what is cut at ±6 moves it a little
    assert np.abs(points).max() <= 6
    assert (points.std(0) < 1 + 1e-6).all()  # below 1 where missing values stand at the mean
    assert (points.std(0) > 0.5).all()


def test_constants_are_dropped_and_what_is_missing_stands_at_the_mean():
    nan, sets = float("nan"), synthetic_climbs(5, 0)
    rows = {3: [[1, 7, 0], [3, 7, nan], [5, 7, 4]], 2: [[nan, 9, 2], [3, nan, 6]]}
    found = scaled(look(synthetic_board(), sets[:2], train=sets[2:]), lambda c: np.array(rows[len(c)]))
    np.testing.assert_allclose(found, [[0, 0], [0, 2]])


def test_no_grader_no_learned_space(dataset, real):
    plain = look(dataset.board, real)
    with pytest.raises(Unavailable, match="no grader"):
        LEARNED.points(plain)
    assert SHAPE.points(plain) is not None


def test_jaccard_space_sees_roles(dataset):
    a, b = (look(dataset.board, Climbs.from_list([Climb(((1, r), (2, 1)))])) for r in (0, 2))
    ((_, block),) = JACCARD.distances(*(JACCARD.points(s) for s in (a, b)))
    assert block.item() == pytest.approx(2 / 3)

"""Spaces: scaled by training climbs, blind to what is constant or missing, distances as scipy has them."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from setgen.boards.climbs import Climb, Climbs
from setgen.boards.identity import canonical
from setgen.evaluation import spaces
from setgen.evaluation.comparison import Sample
from setgen.evaluation.spaces import JACCARD, LEARNED, SHAPE, euclidean_blocks, scaled
from setgen.grading.grader import Grading


class ToyGrader:
    """Features that follow from a climb's shape."""

    def __init__(self, board):
        self.board = board

    def grade(self, climbs):
        shape = np.nan_to_num(Sample(self.board, climbs).shape)
        features = np.tanh(shape @ np.random.default_rng(0).normal(size=(shape.shape[1], 6)) / 500)
        return Grading(np.arange(2), np.full((len(climbs), 2), 0.5), features.astype(np.float32))


@pytest.fixture(scope="module")
def train(dataset):
    return Sample(dataset.board, canonical(dataset.part("train")), ToyGrader(dataset.board))


@pytest.mark.parametrize("cells", [1, 1000, 10**7])
def test_euclidean_blocks_against_scipy(monkeypatch, cells):
    monkeypatch.setattr(spaces, "_CELLS_AT_ONCE", cells)
    a, b = (np.random.default_rng(s).normal(size=(n, 4)) for s, n in ((0, 30), (1, 50)))
    found = np.concatenate([block for _, block in euclidean_blocks(a, b)])
    np.testing.assert_allclose(found, cdist(a, b), rtol=1e-6)


@pytest.mark.parametrize("space", [SHAPE, LEARNED])
def test_training_climbs_have_mean_0_and_deviation_1(train, space):
    points = space.points(train, train)
    np.testing.assert_allclose(points.mean(0), 0, atol=2e-3)  # what is cut at ±6 moves it a little
    assert np.abs(points).max() <= 6
    assert (points.std(0) < 1 + 1e-6).all()  # below 1 where missing values stand at the mean
    assert (points.std(0) > 0.5).all()


def test_constants_are_dropped_and_what_is_missing_stands_at_the_mean():
    class Columns:
        def __init__(self, rows):
            self.rows, self.memo = np.array(rows), {}

    nan = float("nan")
    known, own = Columns([[1, 7, 0], [3, 7, nan], [5, 7, 4]]), Columns([[nan, 9, 2], [3, nan, 6]])
    found = scaled(lambda sample: sample.rows, own, known)
    np.testing.assert_allclose(found, [[0, 0], [0, 2]])


def test_no_grader_no_learned_space(dataset, real):
    plain = Sample(dataset.board, real)
    assert LEARNED.points(plain, plain) is None
    assert SHAPE.points(plain, plain) is not None


def test_jaccard_space_sees_roles(dataset):
    a, b = (Sample(dataset.board, Climbs.from_list([Climb(((1, r), (2, 1)))])) for r in (0, 2))
    ((_, block),) = JACCARD.distances(*(JACCARD.points(s, s) for s in (a, b)))
    assert block.item() == pytest.approx(2 / 3)

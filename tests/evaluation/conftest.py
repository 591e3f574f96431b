"""A synthetic dataset that every test of the evaluation shares."""

import numpy as np
import pytest

from setgen.dataset.dataset import Dataset
from setgen.dataset.splits import assign, fingerprints
from setgen.sources.synthetic import synthetic_board, synthetic_climbs


@pytest.fixture(scope="session")
def dataset():
    board, climbs = synthetic_board(), synthetic_climbs(4000, 1)
    split = assign(fingerprints(board, climbs), seed=0)
    return Dataset(board, climbs, split, np.arange(len(climbs)).astype(str), {})


@pytest.fixture(scope="session")
def real(dataset):
    """Climbs of the same process that are neither training nor test climbs."""
    return synthetic_climbs(600, 2)

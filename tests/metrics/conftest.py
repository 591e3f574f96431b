"""A synthetic dataset that every test of the evaluation shares."""

import pytest

from setgen.dataset.build import synthetic_dataset
from setgen.sources.synthetic import synthetic_climbs


@pytest.fixture(scope="session")
def dataset():
    return synthetic_dataset(4000, seed=1)


@pytest.fixture(scope="session")
def real():
    """Climbs of the same process that are neither training nor test climbs."""
    return synthetic_climbs(600, 2)

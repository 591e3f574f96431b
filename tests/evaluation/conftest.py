"""A synthetic dataset that every test of the evaluation shares, and the reference made of it."""

import pytest

from setgen.dataset.build import synthetic_dataset
from setgen.evaluation.evaluate import METRICS
from setgen.evaluation.reference import Reference
from setgen.sources.synthetic import synthetic_climbs


@pytest.fixture(scope="session")
def dataset():
    return synthetic_dataset(4000, seed=1)


@pytest.fixture(scope="session")
def real():
    """Climbs of the same process that are neither training nor test climbs."""
    return synthetic_climbs(600, 2)


@pytest.fixture(scope="session")
def reference(dataset):
    """Of the dataset, with its grader: floors are computed once."""
    return Reference.of(dataset)


@pytest.fixture(scope="session")
def judged(reference):
    """`judged(climbs, *names, by=reference)`: these metrics alone, by name, as `evaluate` finds them."""
    table = {metric.name: metric for metric in METRICS}

    def judge(climbs, *names, by=reference):
        comparison = by.comparison(climbs)
        return {name: by.judge(table[name], comparison) for name in names}

    return judge

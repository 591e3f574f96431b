"""A synthetic dataset that every test of the evaluation shares, and the context made of it."""

import pytest

from setgen.builtin_model import BUILTIN
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.grading.grader import load_grader
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.metrics.context import Context
from setgen.metrics.evaluate import judge
from setgen.metrics.metric import metrics_of


@pytest.fixture(scope="session")
def dataset():
    return synthetic_dataset(4000, seed=1)


@pytest.fixture(scope="session")
def real():
    """Climbs of the same process that are neither training nor test climbs."""
    return synthetic_climbs(600, 2)


@pytest.fixture(scope="session")
def reference(dataset):
    """Of the dataset, with a grader of its board: floors are computed once."""
    return Context.of_dataset(dataset, grader=load_grader(BUILTIN / "grader"))


@pytest.fixture(scope="session")
def judged(reference):
    """`judged(climbs, *names, by=reference)`: these metrics alone, by name, as `evaluate` finds them."""

    def these(climbs, *names, by=reference):
        c, table = by.judging(climbs), metrics_of(by.space)
        return {name: judge(c, table[name]) for name in names}

    return these

"""One hold at a time: the steps of a climb are the model's own, their probabilities its likelihood's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.growth import growth, next_hold
from setgen.climbing.rules import legal
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.generators.denoiser import DenoiserConfig
from setgen.generators.masked_set import MaskedSet
from setgen.sets.batch import to_batch
from setgen.sets.rules import Partial

BOARD = synthetic_board()
GIVEN = Climb(((2, 0), (17, 1)), 40, 22)


@pytest.fixture(scope="module")
def model() -> MaskedSet:
    torch.manual_seed(0)
    model = MaskedSet(BOARD, DenoiserConfig(width=16, depth=1, heads=2))
    model.fit_counts(synthetic_climbs(300, 0))
    return model.eval()


def test_next_hold_is_a_distribution_over_what_is_free(model: MaskedSet) -> None:
    p = next_hold(model, GIVEN)
    assert p.shape == (len(BOARD), 4)
    assert p.sum() == pytest.approx(1, abs=1e-6)
    assert not p[[2, 17]].any()
    turned = Climb(GIVEN.holds[::-1], GIVEN.angle, GIVEN.grade)
    np.testing.assert_allclose(next_hold(model, turned), p, atol=1e-7)


def test_a_full_climb_has_no_next_hold(model: MaskedSet) -> None:
    holds = ((0, 0), (100, 2), *((i, 1) for i in range(1, BOARD.limits.holds[1] - 1)))
    with pytest.raises(InputError, match="complete"):
        next_hold(model, Climb(holds, 40, 22))


def test_growth_ends_in_the_climb_that_sampling_gives(model: MaskedSet) -> None:
    climb, steps = growth(model, GIVEN, size=7, seed=3)
    sampled = model.sample(Climbs.from_list([GIVEN]), sizes=np.array([7]), seed=3).climb(0)
    assert climb == sampled
    assert legal(BOARD, Climbs.from_list([climb])).all()
    assert len(steps) == 5
    for k, step in enumerate(steps, len(GIVEN.holds)):
        assert step.known.holds == climb.holds[:k]
        assert step.drawn == climb.holds[k]
        assert 0 < step.probability <= 1


def test_probabilities_multiply_to_the_likelihood(model: MaskedSet) -> None:
    """At the likeliest size: log p(order) = log-likelihood − log p(n) − log n!."""
    nothing = Climb((), 40, 22)
    empty = to_batch(BOARD, Climbs.from_list([nothing]))
    log_sizes = model.size_log_probs(empty, Partial.of(BOARD, empty), model.rules())[0]
    size = int(log_sizes.argmax())
    climb, steps = growth(model, nothing, size=size, seed=1)
    batch = to_batch(BOARD, Climbs.from_list([climb]))
    with torch.no_grad():
        total = model.log_likelihood(batch, torch.arange(size)[None, None])[0, 0]
    expected = (total - log_sizes[size]).item() - math.lgamma(size + 1)
    assert sum(np.log(step.probability) for step in steps) == pytest.approx(expected, abs=1e-3)

"""Order sensitivity: zero for a function of the set, and the known distance for one of the last hold."""

import numpy as np
import pytest
from toy_generators import LastItemDecides, UniformSets

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.metrics.likelihood import halves, order_sensitivity

BOARD = synthetic_board()


def test_a_set_model_is_not_sensitive():
    prompts = halves(synthetic_climbs(100, 0))
    assert order_sensitivity(UniformSets(BOARD), prompts).value == pytest.approx(0, abs=1e-9)


def test_a_model_of_the_last_hold_has_the_known_distance():
    """Two orders end alike with probability 1/m; else half of the probability has moved."""
    prompts = Climbs.from_list([Climb(tuple((p, 1) for p in range(4)))] * 2000)
    found = order_sensitivity(LastItemDecides(BOARD), prompts, shuffles=3)
    assert found.value == pytest.approx(0.5 * (1 - 1 / 4), abs=5 * found.standard_error)
    assert 0 < found.standard_error < 0.01
    assert found.n == 2000


def test_batch_size_changes_nothing():
    prompts = halves(synthetic_climbs(100, 0))
    values = {order_sensitivity(LastItemDecides(BOARD), prompts, batch_size=b).value for b in (3, 1000)}
    assert len(values) == 1


def test_prompts_with_one_order_are_left_out():
    prompts = Climbs.from_list([Climb(((1, 1),)), Climb(()), Climb(((1, 1), (2, 1)))])
    assert order_sensitivity(LastItemDecides(BOARD), prompts).n == 1
    assert np.isnan(order_sensitivity(LastItemDecides(BOARD), prompts[:2]).value)


def test_halves_are_random_halves():
    climbs = synthetic_climbs(300, 0)
    half = halves(climbs, seed=1)
    np.testing.assert_array_equal(half.sizes, climbs.sizes // 2)
    np.testing.assert_array_equal(half.grade, climbs.grade)
    for part, whole in zip(half, climbs, strict=True):
        assert set(part.holds) < set(whole.holds)
    other = halves(climbs, seed=2)
    assert list(half) != list(other)
    # Each hold is kept about equally often, wherever it stands in the climb.
    one = Climbs.from_list([Climb(tuple((p, 1) for p in range(10)))] * 4000)
    kept = np.bincount(halves(one).placement, minlength=10) / 4000
    np.testing.assert_allclose(kept, 0.5, atol=0.04)

"""Bits per hold, on generators whose likelihood is known."""

import json
from math import lgamma, log

import numpy as np
import pytest
from toy_generators import Impossible, OrderDecides, UniformSets

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.metrics.likelihood import bits_of_all, likelihood, nats_a_set

BOARD = synthetic_board()


@pytest.fixture(scope="module")
def climbs():
    return synthetic_climbs(120, 4)


def test_uniform_sets_have_the_bits_of_the_binomial_coefficient(climbs):
    """−log₂ [ (1/20) · n! / Π (V − i)·4 ] = log₂ 20 + log₂ C(V, n) + 2 n."""
    found = likelihood(UniformSets(BOARD), climbs)
    v = len(BOARD)
    for climb, one, together in zip(climbs, found.one_order_bits, found.bits, strict=True):
        n = len(climb.holds)
        choose = lgamma(v + 1) - lgamma(n + 1) - lgamma(v - n + 1)
        expected = (log(20) + choose + n * log(4)) / log(2) / n
        assert one == pytest.approx(expected, rel=1e-6)
        assert together == pytest.approx(expected, rel=1e-6)
    of_all, sizes = bits_of_all(found.nats, found.items), climbs.sizes
    assert of_all.value == pytest.approx((found.bits * sizes).sum() / sizes.sum())
    mean = nats_a_set(found.nats)
    assert mean.value == pytest.approx(found.nats.mean())
    assert mean.standard_error == pytest.approx(found.nats.std(ddof=1) / np.sqrt(120))
    beyond = (found.bits - of_all.value) * sizes / sizes.mean()
    assert of_all.standard_error == pytest.approx(beyond.std(ddof=1) / np.sqrt(120))


def test_bits_of_all_are_fewest_for_the_truth_and_a_mean_over_sets_is_not():
    """Of sets of 1 and of 3 items, alike often and told apart by their size alone."""
    items = np.repeat([1, 3], 500)

    def nats(small: float) -> np.ndarray:
        return np.log(np.where(items == 1, small, 1 - small))

    believed = np.linspace(0.1, 0.9, 81)
    of_all = [bits_of_all(nats(p), items).value for p in believed]
    of_each = [(-nats(p) / items).mean() for p in believed]
    assert believed[np.argmin(of_all)] == pytest.approx(0.5)
    assert believed[np.argmin(of_each)] == pytest.approx(0.75)
    assert nats_a_set(nats(0.5)).value == pytest.approx(np.log(0.5))


def test_one_order_and_all_together_of_an_order_dependent_model():
    climbs = Climbs.from_list([Climb(((2, 0), (6, 1)))] * 3000)
    found = likelihood(OrderDecides(BOARD), climbs, orders=2)
    # Two orders of two holds: log p is −2 or −6, so the two draws agree in half of the climbs.
    scale = 1 / (2 * log(2))
    assert set(np.round(found.one_order_bits / scale, 6)) == {2, 4, 6}
    assert bits_of_all(found.one_order_nats, found.items).value == pytest.approx(4 * scale, rel=0.05)
    mixed = found.one_order_bits == np.median(found.one_order_bits)
    np.testing.assert_allclose(found.bits[mixed], -log((np.exp(-2) + np.exp(-6)) / 2) * scale)
    np.testing.assert_allclose(found.bits[~mixed], found.one_order_bits[~mixed])
    assert (found.bits <= found.one_order_bits + 1e-12).all()


def test_batch_size_changes_nothing_and_seed_decides_the_orders(climbs):
    model = OrderDecides(BOARD)
    whole, pieces = likelihood(model, climbs, batch_size=500), likelihood(model, climbs, batch_size=7)
    np.testing.assert_array_equal(whole.bits, pieces.bits)
    np.testing.assert_array_equal(whole.one_order_bits, pieces.one_order_bits)
    assert (likelihood(model, climbs, seed=1).bits != whole.bits).any()


def test_each_climb_meets_its_own_orders_as_permutations(climbs):
    model = UniformSets(BOARD)
    likelihood(model, climbs, orders=3, batch_size=16)
    assert sum(len(batch) for batch, _ in model.calls) == len(climbs)
    for batch, orders in model.calls:
        assert orders.shape == (3, *batch.item.shape)
        for order in orders:
            assert (order.sort(1).values == np.arange(order.shape[1])).all()
            assert (batch.reordered(order).present == batch.present).all()  # padding stays last


def test_training_mode_is_put_back(climbs):
    model = UniformSets(BOARD).train()
    likelihood(model, climbs)  # the toy model asserts that it is in eval mode
    assert model.training


def test_impossible_climbs_are_counted_and_make_the_mean_infinite(climbs):
    found = likelihood(Impossible(BOARD), climbs)
    assert found.impossible == (climbs.sizes > 6).sum() > 0
    of_all = bits_of_all(found.nats, found.items)
    assert of_all.value == np.inf
    assert "probability 0" in of_all.note
    assert nats_a_set(found.one_order_nats).value == -np.inf


def test_report_names_orders_climbs_and_errors(climbs):
    report = json.loads(json.dumps(likelihood(UniformSets(BOARD), climbs, orders=3).to_json()))
    assert report["orders"] == 3
    assert report["sets"] == 120
    assert report["together"]["standard_error"] > 0

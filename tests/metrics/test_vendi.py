"""Vendi score: the cases its authors give, a brute-force oracle, and its standard error."""

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from measuring import floor, measure
from threadpoolctl import threadpool_limits

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.metrics import diversity
from setgen.metrics.context import Context


@pytest.fixture(scope="module")
def reference(dataset):
    return Context.of_dataset(dataset, grader=None)


def vendi(reference, climbs):
    return measure(reference.judging(climbs), "Vendi score")


def climb(*placements):
    return Climb(tuple((p, Role.MIDDLE) for p in placements), 40, 20)


def test_closed_forms(reference):
    same = Climbs.from_list([climb(1, 2, 3)] * 7)
    apart = Climbs.from_list([climb(3 * i, 3 * i + 1) for i in range(9)])
    two = Climbs.from_list([climb(1, 2)] * 4 + [climb(5, 6)] * 4)
    uneven = Climbs.from_list([climb(1, 2)] * 6 + [climb(5, 6)] * 2)
    assert vendi(reference, same).value == pytest.approx(1)
    assert vendi(reference, apart).value == pytest.approx(9)
    assert vendi(reference, two).value == pytest.approx(2)
    share = np.array([0.75, 0.25])
    assert vendi(reference, uneven).value == pytest.approx(np.exp(-(share * np.log(share)).sum()))


def test_a_pair_by_hand(reference):
    """Similarity s = 1/3: eigenvalues (1 ± s)/2."""
    pair = Climbs.from_list([climb(1, 2), climb(2, 3)])
    eigen = np.array([2 / 3, 1 / 3])
    assert vendi(reference, pair).value == pytest.approx(np.exp(-(eigen * np.log(eigen)).sum()))


def test_against_python_sets(reference, real):
    climbs = real[:80]
    sets = [frozenset(c.holds) for c in climbs]
    kernel = np.array([[len(a & b) / len(a | b) for b in sets] for a in sets])
    eigen = np.linalg.eigvals(kernel / 80).real
    eigen = eigen[eigen > 1e-12]
    assert vendi(reference, climbs).value == pytest.approx(np.exp(-(eigen * np.log(eigen)).sum()), rel=1e-5)


def test_floor_is_on_as_many_climbs_and_says_so(reference, real, monkeypatch):
    monkeypatch.setattr(diversity, "MOST_VENDI", 200)
    fresh = replace(reference, cache=WeakKeyDictionary())
    own, at = vendi(fresh, real), floor(fresh, "Vendi score", len(real))
    assert own.n == at.n == 200
    assert "200 of 600" in own.note
    assert abs(own.value - at.value) < 4 * np.hypot(own.standard_error, at.standard_error)


def test_half_of_the_climbs_twice_over_is_less_diverse(reference, real):
    own, copies = vendi(reference, real), vendi(reference, real[np.arange(600) % 300])
    assert copies.value < own.low


@pytest.mark.slow
def test_same_bits_for_any_number_of_threads(reference, real):
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            found.append(vendi(reference, real))
    assert found[0] == found[1]


@pytest.mark.slow
def test_standard_error_against_repeated_draws(reference):
    draws = [vendi(reference, synthetic_climbs(400, 100 + i)) for i in range(40)]
    spread = np.std([d.value for d in draws], ddof=1)
    assert np.mean([d.standard_error for d in draws]) == pytest.approx(spread, rel=0.5)

"""Transport: inches that holds move, in closed form and against scipy's exact matching."""

from dataclasses import replace

import numpy as np
import pytest
from measuring import floor, look, measure
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.metrics import transport
from setgen.metrics.context import Context
from setgen.metrics.transport import matching, set_vectors

TRANSPORT = "transport distance"


def vectors(board, climbs, train):
    return set_vectors(look(board, climbs, train=train))


def test_moving_every_hold_moves_the_climb_as_far(dataset, real):
    """Holds 3 inches to the right and 4 up: 5 inches. A climb without feet has none to move."""
    wants = (Role.START, Role.FINISH, Role.FOOT)
    whole = [climb for climb in real if {int(r) for r in wants} <= {r for _, r in climb.holds}]
    assert len(whole) > 100
    shifted = replace(dataset.board, xy=dataset.board.xy + np.array([3, 4]))
    a, b = (vectors(board, Climbs.from_list(whole), real) for board in (dataset.board, shifted))
    np.testing.assert_allclose(np.linalg.norm(a - b, axis=1), 5, rtol=1e-6)


def test_matching_against_scipy():
    a, b = (np.random.default_rng(s).normal(size=(40, 5)) for s in (0, 1))
    cost = cdist(a, b)
    rows, columns = linear_sum_assignment(cost)
    assert matching(a, b)[0] == pytest.approx(cost[rows, columns].mean(), rel=1e-9)


def test_a_shifted_collection_is_as_far_as_its_shift():
    points = np.random.default_rng(0).normal(size=(50, 3))
    assert matching(points + np.array([3, 4, 0]), points)[0] == pytest.approx(5, rel=1e-9)
    assert matching(points, points)[0] == pytest.approx(0, abs=1e-9)


def test_the_order_of_holds_and_swapped_roles(dataset, real):
    board = dataset.board
    start, finish = (0, int(Role.START)), (len(board) - 1, int(Role.FINISH))
    climbs = [
        Climb((start, finish)),
        Climb((finish, start)),
        Climb(((start[0], finish[1]), (finish[0], start[1]))),
    ]
    a, b, swapped = vectors(board, Climbs.from_list(climbs), real)
    np.testing.assert_array_equal(a, b)
    assert np.linalg.norm(a - swapped) > 10


def test_the_error_is_the_spread_between_samples():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 2))
    runs = [matching(rng.normal(size=(200, 2)) * [2.0, 1] + [1, 0], real) for _ in range(100)]
    spread = np.std([total for total, _ in runs], ddof=1)
    errors = [potential.std(ddof=1) / np.sqrt(200) for _, potential in runs]
    assert np.mean(errors) == pytest.approx(spread, rel=0.3)


def test_noise_and_swapped_roles_are_past_the_floor_and_copies_are_not(dataset, real):
    reference, rng = Context.of_dataset(dataset, grader=None), np.random.default_rng(0)
    holds = np.concatenate([rng.choice(len(dataset.board), s, replace=False) for s in real.sizes])
    order = np.lexsort((rng.random(len(real.role)), real.owner))
    noise = Climbs(holds, real.role, real.offsets, real.angle, real.grade)
    shuffled = Climbs(real.placement, real.role[order], real.offsets, real.angle, real.grade)
    at = floor(reference, TRANSPORT, 600)
    for bad in (noise, shuffled, real[np.arange(600) % 5]):
        assert measure(reference.judging(bad), TRANSPORT).low > at.high
    copy = measure(reference.judging(dataset.part("train")[:600]), TRANSPORT)
    assert copy.low < at.high
    assert at.low < copy.high


def test_subsamples_are_said(dataset, real, monkeypatch):
    monkeypatch.setattr(transport, "MOST", 100)
    found = measure(Context.of_dataset(dataset, grader=None).judging(real), TRANSPORT)
    assert found.n == 100
    assert "100 of 600 climbs" in found.note

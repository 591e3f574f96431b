"""Geometry features: worked by hand, against brute force and scipy, and unmoved by what must not matter."""

import os
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree

from setgen.climbing import geometry as module
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.geometry import as_sets, geometry
from setgen.climbing.roles import Role

S, M, F, T = Role.START, Role.MIDDLE, Role.FINISH, Role.FOOT


def wall(xy, roles=(S, M, F, T)):
    xy = np.array(xy, dtype=float)
    n = len(xy)
    ids = {role: i + 1 for i, role in enumerate(roles)}
    names = tuple(f"H{i}" for i in range(n))
    return Board("wall", "toy", np.arange(n), xy, np.zeros(n, int), ("a",), names, ids, {}, (40,))


def random_climbs(board, n, rng, size=8):
    """Climbs of 2 to `size` holds, roles at random: many of them illegal."""
    sizes = rng.integers(2, size + 1, n)
    return Climbs.from_list(
        Climb(tuple((int(p), int(rng.integers(4))) for p in rng.permutation(len(board))[:k])) for k in sizes
    )


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def board(rng):
    return wall(rng.uniform(0, 140, (40, 2)))


def test_one_climb_worked_by_hand():
    #            start    start     foot     middle    finish   foot, high
    xy = [(0, 40), (30, 40), (0, 10), (30, 80), (30, 140), (100, 100)]
    g = geometry(wall(xy), Climbs.from_list([Climb(((0, S), (1, S), (2, T), (3, M), (4, F), (5, T)))]))
    assert g.start_distance[0] == 30
    assert g.lowest_start[0] == 40
    assert g.height_progress[0] == 100
    assert g.largest_hop[0] == 60  # 30,40 → 30,80 → 30,140; the direct way is 100, feet are no step
    np.testing.assert_allclose(sorted(g.hops), [40, 60])
    # Nearest lower hold: start 0 the foot 30 below; start 1 it too; middle start 1; finish the middle, 60.
    assert g.foot_support[0] == 60
    assert g.mean_height[0] == pytest.approx((40 + 40 + 10 + 80 + 140 + 100) / 6)
    assert g.spread[0] == pytest.approx(np.sqrt(np.var(xy, axis=0).sum()))


def test_the_best_path_may_start_at_any_start_and_end_at_any_finish():
    xy = [(0, 0), (100, 0), (100, 50), (0, 90)]
    g = geometry(wall(xy), Climbs.from_list([Climb(((0, S), (1, S), (2, F), (3, F)))]))
    assert g.largest_hop[0] == 50


def bottleneck_by_enumeration(xy, starts, middles, finishes):
    best = np.inf
    for k in range(len(middles) + 1):
        for between in permutations(middles, k):
            for s in starts:
                for f in finishes:
                    path = xy[[s, *between, f]]
                    best = min(best, np.linalg.norm(np.diff(path, axis=0), axis=1).max())
    return best


def test_largest_hop_is_the_least_over_all_paths(board, rng):
    climbs = random_climbs(board, 150, rng, size=6)
    found = geometry(board, climbs).largest_hop
    defined = 0
    for climb, hop in zip(climbs, found, strict=True):
        by_role = {role: [p for p, r in climb.holds if r == role] for role in Role}
        if not by_role[S] or not by_role[F]:
            assert np.isnan(hop)
            continue
        # Other starts and finishes are hand holds too: a path may pass through them.
        others = by_role[M] + by_role[S] + by_role[F]
        best = min(
            bottleneck_by_enumeration(board.xy, [s], [o for o in others if o not in (s, f)], [f])
            for s in by_role[S]
            for f in by_role[F]
        )
        assert hop == pytest.approx(best)
        defined += 1
    assert defined > 30


def test_hops_are_the_edges_of_the_minimum_spanning_tree(board, rng):
    climbs = random_climbs(board, 60, rng)
    g = geometry(board, climbs)
    for i, climb in enumerate(climbs):
        xy = np.array([board.xy[p] for p, r in climb.holds if r != T]).reshape(-1, 2)
        start = np.array([r == S for p, r in climb.holds if r != T], dtype=bool)
        distance = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
        distance[np.ix_(start, start)] = 1e-3  # the starts are one; scipy reads 0 as no edge
        edges = minimum_spanning_tree(distance).toarray()
        expected = np.sort(edges[edges > 1e-2])
        np.testing.assert_allclose(np.sort(g.hops[g.hop_owner == i]), expected)


def test_order_of_holds_and_company_change_nothing(board, rng):
    climbs = random_climbs(board, 50, rng)
    shuffled = Climbs.from_list(
        Climb(tuple(c.holds[i] for i in rng.permutation(len(c.holds)))) for c in climbs
    )
    whole = geometry(board, climbs).per_climb()
    for name, values in geometry(board, shuffled).per_climb().items():
        np.testing.assert_allclose(values, whole[name], atol=1e-9)
    for i in range(0, 50, 7):
        for name, values in geometry(board, climbs[[i]]).per_climb().items():
            np.testing.assert_allclose(values, whole[name][[i]], atol=1e-9)


def test_small_pieces_give_the_same_as_one(board, rng, monkeypatch):
    climbs = random_climbs(board, 200, rng, size=30)
    whole = geometry(board, climbs)
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", 500)
    pieces = geometry(board, climbs)
    for name, values in whole.per_climb().items():
        np.testing.assert_allclose(values, pieces.per_climb()[name])
    np.testing.assert_array_equal(whole.hop_owner, pieces.hop_owner)
    np.testing.assert_allclose(whole.hops, pieces.hops)


def test_units_are_those_of_the_board(board, rng):
    climbs = random_climbs(board, 40, rng)
    double = geometry(wall(board.xy * 2), climbs).per_climb()
    for name, values in geometry(board, climbs).per_climb().items():
        np.testing.assert_allclose(double[name], 2 * values)


@pytest.mark.filterwarnings("error")
def test_illegal_climbs_are_measured_as_the_sets_of_known_holds_they_are(board):
    good = Climb(((0, S), (1, M), (2, F), (3, T)))  # one start: start_distance is NaN throughout
    same = [
        Climb((*good.holds, (1, M), (1, M))),
        Climb((*good.holds, (-1, M), (len(board), F))),
        Climb((*good.holds, (7, 9), (8, -1))),
        Climb((*good.holds, (0, F))),  # the start stays a start
    ]
    values = geometry(board, Climbs.from_list([good, *same])).per_climb()
    for name, found in values.items():
        np.testing.assert_array_equal(found, found[0], err_msg=name)


@pytest.mark.filterwarnings("error")
def test_what_is_undefined_is_nan(board):
    none, no_start, only_feet, one_start = (
        Climb(()),
        Climb(((0, M), (1, F))),
        Climb(((0, T),)),
        Climb(((0, S),)),
    )
    g = geometry(board, Climbs.from_list([none, no_start, only_feet, one_start]))
    for name in ("start_distance", "height_progress", "largest_hop"):
        assert np.isnan(getattr(g, name)).all(), name
    np.testing.assert_array_equal(np.isnan(g.lowest_start), [True, True, True, False])
    np.testing.assert_array_equal(np.isnan(g.mean_height), [True, False, False, False])
    np.testing.assert_array_equal(g.hop_owner, [1])
    nothing = geometry(board, Climbs.from_list([]))
    assert all(len(v) == 0 for v in nothing.per_climb().values())


def test_a_board_without_feet_has_no_foot_support(board):
    hands_only = wall(board.xy, roles=(S, M, F))
    g = geometry(hands_only, Climbs.from_list([Climb(((0, S), (1, M), (2, F)))]))
    assert np.isnan(g.foot_support).all()
    assert not np.isnan(g.largest_hop).any()


def test_legal_climbs_are_sets_already(board):
    climbs = Climbs.from_list([Climb(((5, S), (9, M), (11, F)), 40, 20), Climb(((1, S), (2, F)), 40, 15)])
    sets = as_sets(board, climbs)
    assert list(sets) == list(climbs)


@pytest.mark.skipif("SETGEN_DATA" not in os.environ, reason="needs the real climbs of SETGEN_DATA")
def test_real_kilter_climbs_have_the_known_reach():
    """Percentiles of 12,656 listed climbs; those of a set a tenth as large differ by less than the bounds."""
    from setgen.climbing.build import import_dataset
    from setgen.climbing.sources.readout import Options

    path = Path(os.environ["SETGEN_DATA"]) / "kilter.sqlite3"
    read = import_dataset(path, Options(layout=1, size=10, ungraded=True))
    g = geometry(read.board, read.climbs)
    assert np.nanmedian(g.largest_hop) == pytest.approx(35.8, abs=0.1)
    assert np.nanpercentile(g.largest_hop, 95) == pytest.approx(48.7, abs=1)
    assert np.nanmedian(g.lowest_start) == 40
    assert np.nanpercentile(g.start_distance, 95) == pytest.approx(43, abs=1)
    assert np.nanmean(g.height_progress > 0) > 0.98

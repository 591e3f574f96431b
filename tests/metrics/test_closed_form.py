"""Metrics on climbs small enough to do by hand, and against scipy and POT."""

from itertools import combinations

import measuring
import numpy as np
import ot
import pytest
from measuring import look
from scipy.spatial.distance import jensenshannon

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.metrics.shape import climb_geometry
from setgen.climbing.roles import Role
from setgen.climbing.rules import broken_rules, role_counts
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.metrics.diversity import rarefied
from setgen.metrics.usage import jensen_shannon
from setgen.metrics.validity import rules_of

S, M, F, T = Role.START, Role.MIDDLE, Role.FINISH, Role.FOOT
BOARD = synthetic_board()


def climb(*placements, finish=149):
    """A legal climb: the first placement starts, `finish` ends, the others are middles."""
    return Climb(((placements[0], S), *((p, M) for p in placements[1:]), (finish, F)))


def measure(name, sample, test, train=None):
    return measuring.measure(look(BOARD, *(Climbs.from_list(x) for x in (sample, test, train or test))), name)


def test_legal_and_every_hard_rule():
    good = climb(1, 2)
    bad = {
        "unknown hold": Climb((*good.holds, (len(BOARD), M))),
        "unknown role": Climb((*good.holds, (7, 9))),
        "a hold twice": Climb((*good.holds, (2, M))),
        "too few holds": Climb(((3, S),)),
        "too many holds": climb(*range(40)),
        "too few starts": Climb(((1, M), (2, F))),
        "too many starts": Climb(((1, S), (2, S), (3, S), (4, F))),
        "too few finishes": Climb(((1, S), (2, M))),
        "too many finishes": Climb(((1, S), (2, F), (3, F), (4, F))),
    }
    assert list(bad) == list(broken_rules(BOARD, Climbs.from_list([good])))
    assert list(bad) == [rule for rule, _ in rules_of(BOARD)]
    assert measure("legal", [good, *bad.values()], [good]).value == 0.1
    for rule, worst in bad.items():
        found = measure(f"illegal: {rule}", [good, good, good, worst], [good])
        assert found.value == 0.25
        assert found.standard_error == pytest.approx(np.sqrt(3 / 8 * 5 / 8 / 8))  # p̃ = (1 + 2)/(4 + 4)


def test_unique_counts_sets_with_roles():
    a, same = Climb(((1, S), (2, M), (3, F)), 40, 20), Climb(((3, F), (1, S), (2, M)), 20, 10)
    other_roles = Climb(((1, S), (3, M), (2, F)))
    found = measure("unique", [a, same, other_roles, climb(4)], [a])
    assert found.value == 0.75
    # Jackknife by hand: leave each one out and count again.
    left = np.array([3 / 3, 3 / 3, 2 / 3, 2 / 3])
    assert found.standard_error == pytest.approx(np.sqrt(3 / 4 * ((left - left.mean()) ** 2).sum()))


def test_novel_looks_at_holds_and_not_at_roles():
    train = [climb(1, 2), climb(5, 6)]
    roles_moved = Climb(((1, M), (2, S), (149, F)))
    found = measure("novel", [climb(1, 2), roles_moved, climb(1, 3), climb(1)], train, train)
    assert found.value == 0.5


def test_nearest_training_climb():
    train = [climb(1, 2), climb(50, 51)]
    found = measure("nearest training climb", [climb(1, 2), climb(1, 3), climb(50)], [climb(9)], train)
    values = [0, 1 - 2 / 4, 1 - 2 / 3]
    assert found.value == pytest.approx(np.mean(values))
    assert found.standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))


def test_internal_diversity():
    a, b, c = climb(1, 2), climb(1, 3), climb(50, finish=60)
    found = measure("internal diversity", [a, b, c], [a])
    assert found.value == pytest.approx((0.5 + 1 + 1) / 3)
    assert measure("internal diversity", [a, a, a], [a]).value == 0
    assert np.isnan(measure("internal diversity", [a], [a]).value)


def test_the_error_of_diversity_is_its_spread_between_samples():
    rng = np.random.default_rng(0)
    kinds = [climb(1, 2), climb(30, 31, finish=50)]  # at distance 1 from each other
    drawn = [[kinds[int(k)] for k in rng.random(100) < 0.15] for _ in range(400)]
    found = [measure("internal diversity", climbs, kinds) for climbs in drawn]
    seen = np.std([e.value for e in found], ddof=1)
    assert np.mean([e.standard_error for e in found]) == pytest.approx(seen, rel=0.15)
    assert np.mean([e.value for e in found]) == pytest.approx(2 * 0.15 * 0.85, abs=0.01)


def test_hold_coverage():
    assert measure("hold coverage", [climb(1, 2), climb(1, 3)], [climb(9)]).value == 4 / len(BOARD)


def test_rarefied_coverage_is_the_mean_over_all_draws():
    uses = np.random.default_rng(0).random((6, 9)) < 0.3  # 6 climbs on 9 holds
    for m in (1, 3, 6):
        drawn = [uses[list(rows)].any(0).mean() for rows in combinations(range(6), m)]
        assert rarefied(uses.sum(0), 6, m) == pytest.approx(np.mean(drawn))


def test_hold_usage_extremes():
    a, roles_moved = climb(1, 2), Climb(((1, M), (2, S), (149, F)))
    assert measure("hold usage", [a, roles_moved], [a]).value == pytest.approx(0)
    assert measure("hold and role usage", [a], [a]).value == pytest.approx(0)
    # One of three elements is shared by the two roles' laws: JS = (1 − 1/3) bits.
    assert measure("hold and role usage", [roles_moved], [a]).value == pytest.approx(2 / 3)
    assert measure("hold usage", [climb(5, 6, finish=7)], [a]).value == pytest.approx(1)


def test_jensen_shannon_against_scipy():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(50, 0.1), 20), rng.dirichlet(np.full(50, 0.1))
    p[:, :10] = 0
    p /= p.sum(1, keepdims=True)
    expected = [jensenshannon(row, q, base=2) ** 2 for row in p]
    np.testing.assert_allclose(jensen_shannon(p, q), expected, atol=1e-12)


def test_distances_by_hand():
    a = [climb(1, 2), climb(1, 2, 3)]
    assert measure("W₁ size", [climb(1, 2, 3, 4)], a).value == pytest.approx(1.5)
    assert measure("W₁ middle holds", [climb(1)], a).value == pytest.approx(1.5)
    assert measure("W₁ foot holds", [Climb(((1, S), (2, F), (3, T)))], a).value == 1
    assert measure("W₁ start holds", a, a).value == 0


def test_distances_in_inches_move_with_the_climbs():
    grid = {tuple(xy): i for i, xy in enumerate(BOARD.xy.tolist())}
    low = [Climb(((grid[12, 24], S), (grid[12, 60], M), (grid[12, 96], F)))]
    high = [Climb(((grid[12, 36], S), (grid[12, 72], M), (grid[12, 108], F)))]
    assert measure("W₁ mean height", high, low).value == pytest.approx(12)
    assert measure("W₁ lowest start", high, low).value == pytest.approx(12)
    for name in ("W₁ height gained", "W₁ largest hop", "W₁ hop", "W₁ spread"):
        assert measure(name, high, low).value == pytest.approx(0), name
    longer = [Climb(((grid[12, 24], S), (grid[12, 60], M), (grid[12, 108], F)))]
    assert measure("W₁ largest hop", longer, low).value == pytest.approx(12)
    assert measure("W₁ hop", longer, low).value == pytest.approx(6)


@pytest.mark.parametrize("role", list(Role))
def test_distances_against_pot(dataset, real, role):
    name = f"W₁ {role.label} holds"
    c = look(BOARD, real, dataset.part("test"))
    ours, theirs = (role_counts(climbs, role).astype(float) for climbs in (c.raw, c.test_sets))
    expected = ot.wasserstein_1d(ours, theirs, p=1)
    assert measuring.measure(c, name).value == pytest.approx(expected)


def test_hop_distance_against_pot(dataset, real):
    c = look(BOARD, real, dataset.part("test"))
    expected = ot.wasserstein_1d(climb_geometry(c).hops, climb_geometry(c.test).hops, p=1)
    assert measuring.measure(c, "W₁ hop").value == pytest.approx(float(expected))


@pytest.mark.slow
def test_standard_errors_are_the_spread_between_samples(dataset):
    """Over 30 samples of 150 climbs, the spread of each metric is its standard error, within half."""
    rng = np.random.default_rng(0)
    train = dataset.part("train")
    short = train[train.sizes <= np.median(train.sizes)]  # unlike the test climbs: away from the floor
    known = look(BOARD, dataset.part("test"), train=train[:500], data=dataset)
    names = ("sensible", "nearest training climb", "internal diversity", "hold usage", "hold and role usage")
    names += ("W₁ size", "W₁ foot holds", "W₁ mean height", "W₁ largest hop", "W₁ hop")
    found = {name: [] for name in names}
    for _ in range(30):
        drawn = known.on(short[rng.integers(len(short), size=150)])
        for name in names:
            found[name].append(measuring.measure(drawn, name))
    for name, estimates in found.items():
        said = np.mean([e.standard_error for e in estimates])
        seen = np.std([e.value for e in estimates], ddof=1)
        assert 0.5 < said / seen < 1.5, (name, said, seen)


def test_most_overused_hold_is_the_largest_excess_over_its_share_of_the_test_climbs():
    test = [climb(1, 2), climb(1, 3), climb(4, 5), climb(6)]
    found = measure("most overused hold", [climb(1, 2), climb(5, 2), climb(4, 2), climb(1, 9)], test)
    assert found.value == 0.5  # hold 2: 3 of 4, and 1 of 4 of the test climbs; the finish is in all of both
    assert measure("most overused hold", test, test).value == 0

"""Damage does what it says and nothing else; metrics see what they claim to see."""

import numpy as np
import pytest

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.roles import N_ROLES, Role
from setgen.climbing.rules import broken_rules, legal
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.metrics.damage import damages_of
from setgen.metrics.evaluate import metrics_for
from setgen.metrics.proof import Series, halves, prove
from setgen.sets.identity import canonical, element_prints, fingerprints

BOARD = synthetic_board()
BY_NAME = damages_of(BOARD)
METRICS = metrics_for(BOARD)


def damaged(dataset, climbs, name, degree, seed=0):
    train = canonical(dataset.part("train"))
    return BY_NAME[name].apply(dataset.board, climbs, train, degree, np.random.default_rng(seed))


@pytest.mark.parametrize("damage", BY_NAME.values(), ids=lambda d: d.name)
def test_damage_keeps_the_number_of_climbs_and_follows_the_seed(dataset, real, damage):
    for degree in damage.degrees:
        once, again = (damaged(dataset, real, damage.name, degree) for _ in range(2))
        assert len(once) == len(real)
        assert list(once) == list(again)
    assert damage.name == "rules broken" or legal(dataset.board, once).all()


@pytest.mark.parametrize("degree", [1, 2, 4, 8])
def test_so_many_holds_move_and_no_role_changes(dataset, real, degree):
    worse = damaged(dataset, real, "holds replaced", degree)
    np.testing.assert_array_equal(worse.role, real.role)
    np.testing.assert_array_equal(worse.offsets, real.offsets)
    moved = np.bincount(real.owner[worse.placement != real.placement], minlength=len(real))
    np.testing.assert_array_equal(moved, np.minimum(degree, real.sizes - 1))


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_swaps_keep_holds_and_the_count_of_every_role(dataset, real, share):
    worse = damaged(dataset, real, "roles swapped", share)
    np.testing.assert_array_equal(worse.placement, real.placement)
    for role in range(N_ROLES):
        np.testing.assert_array_equal(
            np.bincount(real.owner[worse.role == role], minlength=len(real)),
            np.bincount(real.owner[real.role == role], minlength=len(real)),
        )
    hit = np.unique(real.owner[worse.role != real.role])
    assert len(hit) == pytest.approx(share * len(real), abs=1)


def test_lost_roles_leave_one_start_one_finish_and_no_feet(dataset, real):
    worse = damaged(dataset, real, "roles lost", 1.0)
    np.testing.assert_array_equal(worse.placement, real.placement)
    counts = [np.bincount(real.owner[worse.role == r], minlength=len(real)) for r in range(N_ROLES)]
    assert (counts[Role.START] == 1).all()
    assert (counts[Role.FINISH] == 1).all()
    assert not counts[Role.FOOT].any()


ON_TOP = {
    "top row piled": (Role.MIDDLE, Role.FOOT),
    "starts on top": (Role.START,),
    "foot on top": (Role.FOOT,),
}


@pytest.mark.parametrize("name", ON_TOP)
def test_only_holds_of_these_roles_move_and_only_to_the_top(dataset, real, name):
    worse = damaged(dataset, real, name, 0.5)
    np.testing.assert_array_equal(worse.role, real.role)
    moved = worse.placement != real.placement
    assert np.isin(real.role[moved], ON_TOP[name]).all()
    y = dataset.board.xy[:, 1]
    assert (y[worse.placement[moved]] == y.max()).all()
    hit = len(np.unique(real.owner[moved]))
    assert 0.4 * len(real) < hit <= 0.5 * len(real) + 1


def test_feet_on_top_are_one_a_climb(dataset, real):
    worse = damaged(dataset, real, "foot on top", 1.0)
    assert np.bincount(real.owner[worse.placement != real.placement]).max() == 1


def test_finishes_move_apart_where_there_are_two(dataset, real):
    worse = damaged(dataset, real, "finishes apart", 1.0)
    np.testing.assert_array_equal(worse.role, real.role)
    moved = worse.placement != real.placement
    two = np.bincount(real.owner[real.role == Role.FINISH], minlength=len(real)) == 2
    np.testing.assert_array_equal(np.bincount(real.owner[moved], minlength=len(real)), two)
    xy = dataset.board.xy
    for one, other in zip(real, worse, strict=True):
        if one != other:
            before, after = (xy[[p for p, r in c.holds if r == Role.FINISH]] for c in (one, other))
            assert np.linalg.norm(np.diff(after, axis=0)) > np.linalg.norm(np.diff(before, axis=0))


def test_one_middle_hold_goes_out_of_reach_of_lower_hands(dataset, real):
    worse = damaged(dataset, real, "hand out of reach", 1.0)
    moved = worse.placement != real.placement
    assert (real.role[moved] == Role.MIDDLE).all()
    assert np.bincount(real.owner[moved]).max() == 1
    xy, reach = dataset.board.xy, {}
    for name, climbs in (("before", real), ("after", worse)):
        hands = [np.flatnonzero((climbs.owner == i) & (climbs.role != Role.FOOT)) for i in real.owner[moved]]
        apart = [
            xy[climbs.placement[at]] - xy[climbs.placement[h]]
            for at, h in zip(np.flatnonzero(moved), hands, strict=True)
        ]
        lower = [np.linalg.norm(a[a[:, 1] > 0], axis=1).min(initial=np.inf) for a in apart]
        reach[name] = np.median([x for x in lower if np.isfinite(x)])
    assert reach["after"] > 1.5 * reach["before"]


def test_one_hold_is_in_that_share_of_climbs_more(dataset, real):
    def share(climbs):
        return np.bincount(climbs.placement, minlength=len(dataset.board)) / len(climbs)

    worse = damaged(dataset, real, "one hold overused", 0.4)
    np.testing.assert_array_equal(worse.role, real.role)
    excess = share(worse) - share(real)
    often = excess.argmax()
    assert excess[often] == pytest.approx(0.4 * (1 - share(real)[often]), abs=0.05)
    assert np.delete(excess, often).max() <= 0


def test_random_climbs_keep_roles_and_sizes_alone(dataset, real):
    worse = damaged(dataset, real, "random climbs", 0.5)
    np.testing.assert_array_equal(worse.role, real.role)
    np.testing.assert_array_equal(worse.offsets, real.offsets)
    hit = np.unique(real.owner[worse.placement != real.placement])
    assert len(hit) == pytest.approx(0.5 * len(real), abs=1)
    distinct = {(c, p) for c, p in zip(worse.owner.tolist(), worse.placement.tolist(), strict=True)}
    assert len(distinct) == len(worse.placement)


def test_shuffled_conditions_keep_climbs_and_the_distribution(dataset, real):
    worse = damaged(dataset, real, "grades shuffled", 0.5)
    np.testing.assert_array_equal(np.sort(worse.grade), np.sort(real.grade))
    np.testing.assert_array_equal(worse.placement, real.placement)
    assert 0 < (worse.grade != real.grade).mean() <= 0.5
    np.testing.assert_array_equal(damaged(dataset, real, "angles shuffled", 1.0).grade, real.grade)


def test_copies_are_copies(dataset, real):
    copied = damaged(dataset, real, "duplicated", 0.5)
    assert len(np.unique(element_prints(copied))) <= len(real) / 2
    train = fingerprints(dataset.board, dataset.part("train"))
    for share in (0.25, 1.0):
        memorised = damaged(dataset, real, "training copied", share)
        assert np.isin(fingerprints(dataset.board, memorised), train).mean() == pytest.approx(share, abs=0.01)


def test_few_ideas_are_mostly_distinct_and_near_each_other(dataset, real):
    collapsed = damaged(dataset, real, "few ideas", 64)
    assert len(np.unique(element_prints(collapsed))) > 0.6 * len(real)
    modes = {tuple(sorted(np.diff(collapsed.offsets).tolist()))}
    assert len(modes) == 1
    assert len(np.unique(collapsed.grade)) <= round(len(real) / 64)


def test_rare_sizes_and_one_side_are_gone(dataset, real):
    common = damaged(dataset, real, "rare sizes dropped", 0.5)
    assert len(np.unique(common.sizes)) < len(np.unique(real.sizes))
    x = np.bincount(real.owner, dataset.board.xy[real.placement, 0]) / real.sizes
    left = damaged(dataset, real, "one side dropped", 0.5)
    centre = np.bincount(left.owner, dataset.board.xy[left.placement, 0]) / left.sizes
    assert np.quantile(centre, 0.9) < np.quantile(x, 0.75)


def test_every_hard_rule_is_broken_and_only_in_that_share(dataset, real):
    worse = damaged(dataset, real, "rules broken", 0.2)
    assert 1 - legal(dataset.board, worse).mean() == pytest.approx(0.2, abs=0.01)
    for rule, broken in broken_rules(dataset.board, worse).items():
        assert broken.any(), rule


def test_halves_share_no_hold_set_and_lose_no_climb(dataset):
    rest, judged = halves(dataset.board, dataset.part("test"), seed=3)
    assert len(rest) + len(judged) == len(dataset.part("test"))
    mine, theirs = (fingerprints(dataset.board, c) for c in (judged, rest))
    assert not np.isin(mine, theirs).any()


def test_too_few_test_climbs_are_one_clear_line(dataset):
    few = dataset.part("test")
    while len(few) > 100:
        few = halves(dataset.board, few, 0)[0]
    with pytest.raises(InputError, match="test climbs"):
        halves(dataset.board, few, 0)


def series(values, direction, low=0.9, high=1.1):
    n = len(values)
    return Series("m", "d", direction, values, (0.0,) * n, (1.0,) * n, (low,) * n, (high,) * n)


@pytest.mark.parametrize(
    ("values", "direction", "seen"),
    [
        ((1.0, 1.05, 1.2, 1.5), "↓", 2),
        ((1.0, 1.2, 1.4, 1.5), "↓", 1),
        ((1.0, 0.95, 0.8, 0.5), "↓", None),
        ((1.0, 0.95, 0.8, 0.5), "↑", 2),
        ((1.0, 0.95, 0.8, 0.5), "=", 2),
        ((1.0, 1.3, 1.2, 1.5), "↓", None),  # not monotone
        ((1.0, 1.02, 1.03, 1.04), "↓", None),  # inside the floor's interval
        ((1.5, 1.5, 1.5, 1.5), "↓", None),  # outside, but not because of the damage
        ((1.05, 1.06, 1.1, 1.14), "↓", None),  # outside, but by less than half the interval's width
        ((1.0, float("nan"), 1.2, 1.5), "↓", None),
    ],
)
def test_seen_from(values, direction, seen):
    assert series(values, direction).seen_from == seen


def test_noise_over_seeds_is_allowed_for():
    noisy = Series("m", "d", "↓", (1.0, 1.3, 1.28, 1.6), (0.02,) * 4, (1.0,) * 4, (0.9,) * 4, (1.1,) * 4)
    assert noisy.seen_from == 1


def test_a_series_is_the_metric_on_damaged_climbs(dataset):
    """By hand for one metric: the share of novel climbs falls as training climbs are copied in."""
    novel = [m for m in METRICS if m.name == "novel"]
    (found,) = prove(dataset, damages=[BY_NAME["training copied"]], metrics=novel)
    assert found.values == pytest.approx((1, 0.9, 0.75, 0.5, 0), abs=0.01)
    assert found.seen_from == 1


def test_every_metric_claims_to_see_something():
    for metric in METRICS:
        assert metric.sees, f"{metric.name} sees no damage: remove it"
        assert set(metric.sees) <= set(BY_NAME), metric.name


@pytest.fixture(scope="module")
def twenty_thousand():
    """The dataset of data/results/damage.md: claims are made for samples of about 1,000 climbs."""
    return synthetic_dataset(20_000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("damage", BY_NAME.values(), ids=lambda d: d.name)
def test_every_metric_sees_what_it_claims_to(twenty_thousand, damage):
    claim = [metric for metric in METRICS if damage.name in metric.sees]
    found = prove(twenty_thousand, damages=[damage], metrics=claim, seeds=(0, 1, 2))
    assert [s.metric for s in found if s.seen_from is None] == []
    assert len(found) == len(claim) > 0


@pytest.mark.slow
def test_a_floor_by_definition_leaves_the_chance_of_the_undamaged_value(dataset):
    """The grade error ratio of real climbs is 1 and nothing else; what moves it by chance is not seen."""
    ratio = [m for m in METRICS if m.name == "grade error ratio"]
    shuffled, copied = prove(
        dataset, damages=[BY_NAME["grades shuffled"], BY_NAME["training copied"]], metrics=ratio
    )
    assert set(shuffled.floors) == {1}
    assert shuffled.lows[0] < 0.95
    assert shuffled.highs[0] > 1.05
    assert shuffled.seen_from is not None
    assert copied.seen_from is None

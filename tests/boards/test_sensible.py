"""Soft rules: thresholds are the data's own percentiles, and what breaks them is rare in real climbs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.geometry import geometry
from setgen.climbing.roles import Role
from setgen.climbing.sensible import SOFT_RULES, SensibleRules
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError


@pytest.fixture(scope="module")
def board():
    return synthetic_board()


@pytest.fixture(scope="module")
def climbs():
    return synthetic_climbs(3000, 5)


@pytest.fixture(scope="module")
def rules(board, climbs):
    return SensibleRules.fit(board, climbs)


def idle_foot(board, climbs):
    """Climb by climb: how far the foot hold of least use is from the nearest hand hold above it."""
    found = []
    for climb in climbs:
        hands = [board.xy[p] for p, r in climb.holds if r != Role.FOOT]
        feet = [board.xy[p] for p, r in climb.holds if r == Role.FOOT]
        left, right, bottom, top = board.extent
        never = np.hypot(right - left, top - bottom)
        far = [min([never, *(np.hypot(*(h - f)) for h in hands if h[1] > f[1])]) for f in feet]
        found.append(max(far, default=np.nan))
    return np.array(found)


def finish_distance(board, climbs):
    """Climb by climb: the two finishes farthest apart, 0 with one."""
    ends = [[board.xy[p] for p, r in climb.holds if r == Role.FINISH] for climb in climbs]
    return np.array([max((np.hypot(*(a - b)) for a in xy for b in xy), default=np.nan) for xy in ends])


def top_row(board, climbs):
    """Climb by climb: the share of the holds in the board's highest row."""
    high = max(y for _, y in board.xy)
    return np.array([np.mean([board.xy[p][1] == high for p, _ in climb.holds]) for climb in climbs])


def test_a_foot_that_no_position_can_use_is_not_sensible(board, climbs, rules):
    fine = climbs[np.flatnonzero(rules.sensible(climbs))[:50]]
    high = int(board.xy[:, 1].argmax())
    finishes = [Climb((*(h for h in climb.holds if h[0] != high), (high, int(Role.FOOT)))) for climb in fine]
    broken = rules.broken(Climbs.from_list(finishes))
    assert broken["foot out of use"].all()
    assert not rules.broken(fine)["foot out of use"].any()


def test_finishes_at_either_end_are_not_sensible_and_one_finish_is(board, climbs, rules):
    fine = climbs[np.flatnonzero(rules.sensible(climbs))[:200]]
    pairs = [c for c in fine if [r for _, r in c.holds].count(Role.FINISH) == 2]
    assert pairs
    highest = np.flatnonzero(board.xy[:, 1] == board.xy[:, 1].max()).tolist()
    left, right = (pick(highest, key=lambda p: board.xy[p, 0]) for pick in (min, max))
    ends = ((left, int(Role.FINISH)), (right, int(Role.FINISH)))
    without = [[h for h in c.holds if h[1] != Role.FINISH and h[0] not in (left, right)] for c in pairs]
    apart = rules.broken(Climbs.from_list(Climb((*holds, *ends)) for holds in without))
    alone = rules.broken(Climbs.from_list(Climb((*holds, ends[0])) for holds in without))
    assert apart["finishes far apart"].all()
    assert not alone["finishes far apart"].any()


def test_holds_left_over_in_a_row_at_the_top_are_not_sensible(board, climbs, rules):
    """Feet or hands: all that are neither start nor finish go there, five at most."""
    fine = climbs[np.flatnonzero(rules.sensible(climbs))[:50]]
    row = np.flatnonzero(board.xy[:, 1] == board.xy[:, 1].max()).tolist()
    piled = []
    for climb in fine:
        free = [p for p in row if p not in dict(climb.holds)][:5]
        keep = [h for h in climb.holds if h[1] in (Role.START, Role.FINISH)]
        rest = [r for _, r in climb.holds if r not in (Role.START, Role.FINISH)]
        piled.append(Climb((*keep, *zip(free, rest, strict=False))))
    assert rules.broken(Climbs.from_list(piled))["pile on the top row"].all()
    assert not rules.broken(fine)["pile on the top row"].any()


def test_thresholds_are_percentiles_of_the_training_climbs(board, climbs, rules):
    values = geometry(board, climbs).per_climb() | {
        "size": climbs.sizes,
        "idle_foot": idle_foot(board, climbs),
        "finish_distance": finish_distance(board, climbs),
        "top_row": top_row(board, climbs),
    }
    assert [rule.name for rule in rules.rules] == list(SOFT_RULES)
    for rule in rules.rules:
        assert rule.percentile == {"high": 99, "low": 1}[rule.tail]
        assert rule.threshold == pytest.approx(np.nanpercentile(values[rule.feature], rule.percentile))
        assert rule.undefined == pytest.approx(np.isnan(values[rule.feature]).mean())


def test_thresholds_follow_the_data(board, climbs, rules):
    low = climbs[climbs.sizes <= np.median(climbs.sizes)]
    most = {r.name: r.threshold for r in rules.rules}["unusually many holds"]
    assert {r.name: r.threshold for r in SensibleRules.fit(board, low).rules}["unusually many holds"] < most


def test_few_real_climbs_break_each_rule_and_most_random_ones_break_some(board, climbs, rules):
    for climbs_ in (climbs, synthetic_climbs(1000, 6)):
        for name, broken in rules.broken(climbs_).items():
            assert broken.mean() < 0.025, name
        assert rules.sensible(climbs_).mean() > 0.93
    rng = np.random.default_rng(0)
    scattered = Climbs(
        rng.integers(len(board), size=len(climbs.placement)),
        climbs.role,
        climbs.offsets,
        climbs.angle,
        climbs.grade,
    )
    assert rules.sensible(scattered).mean() < 0.2


def test_a_climb_breaks_exactly_the_rule_it_is_made_to_break(board, climbs, rules):
    y = board.xy[:, 1]
    fine = climbs[np.flatnonzero(rules.sensible(climbs))[:50]]
    # All finishes down to the lowest grip that is free.
    changed = []
    for climb in fine:
        used = {p for p, _ in climb.holds}
        low = min((p for p in range(len(board)) if p not in used), key=lambda p: y[p])
        finish = [p for p, r in climb.holds if r == Role.FINISH]
        holds = [(low if p == finish[0] else p, r) for p, r in climb.holds if p not in finish[1:]]
        changed.append(Climb(tuple(holds)))
    broken = rules.broken(Climbs.from_list(changed))
    assert broken["little height gained"].all()
    assert not broken["start high up"].any()


def test_an_undefined_value_breaks_a_rule_only_where_real_climbs_rarely_lack_it(board, climbs, rules):
    no_finish = Climbs(
        climbs.placement,
        np.where(climbs.role == Role.FINISH, Role.MIDDLE, climbs.role),
        climbs.offsets,
        climbs.angle,
        climbs.grade,
    )
    broken = rules.broken(no_finish)
    assert broken["little height gained"].all()
    assert broken["hop too long"].all()
    one_start = np.bincount(climbs.owner[climbs.role == Role.START]) == 1
    assert one_start.mean() > 0.01
    assert not rules.broken(climbs)["starts far apart"][one_start].any()


def test_rules_that_a_board_cannot_have_are_left_out(board, climbs):
    hands_only = replace(board, role_ids={r: n for r, n in board.role_ids.items() if r != Role.FOOT})
    no_feet = Climbs.from_list(
        Climb(tuple((p, r) for p, r in climb.holds if r != Role.FOOT)) for climb in climbs[:500]
    )
    names = {rule.name for rule in SensibleRules.fit(hands_only, no_feet).rules}
    assert names == set(SOFT_RULES) - {"feet too far", "foot out of use"}

    one_role = replace(board, role_ids={Role.MIDDLE: 1})
    middles = Climbs(
        climbs.placement, 0 * climbs.role + Role.MIDDLE, climbs.offsets, climbs.angle, climbs.grade
    )
    rules = SensibleRules.fit(one_role, middles)
    assert {rule.name for rule in rules.rules} == {"unusually few holds", "unusually many holds"}
    assert rules.sensible(middles).mean() > 0.95


def test_the_report_is_plain_json(rules):
    read = json.loads(json.dumps(rules.to_json(), allow_nan=False))
    assert [r["threshold"] for r in read] == [r.threshold for r in rules.rules]


def test_rules_come_back_from_json(board, climbs, rules):
    again = SensibleRules.from_json(board, json.loads(json.dumps(rules.to_json())))
    assert again.rules == rules.rules
    assert np.array_equal(again.sensible(climbs), rules.sensible(climbs))
    for wrong in ([], [{"name": "hop too long"}], [rules.to_json()[0] | {"name": "no such rule"}]):
        with pytest.raises(InputError, match="no sensible rules"):
            SensibleRules.from_json(board, wrong)

"""Guard rails: each known fault of a generator must move the metric that is there to see it, past the floor.

"Past" means by more than four standard errors of value and floor together.
"""

from dataclasses import replace

import numpy as np
import pytest

from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import Role
from setgen.evaluation.evaluate import evaluate
from setgen.evaluation.reference import Reference

FIDELITY = ("hold usage", "hold and role usage")


def gap(evaluation, name):
    """How many standard errors the value lies above its floor."""
    v = evaluation[name]
    return (v.value - v.floor) / np.hypot(v.standard_error or 0, v.floor_standard_error or 0)


@pytest.fixture(scope="module")
def fine(reference, real):
    return evaluate(real, reference)


def replaced(climbs, **arrays):
    parts = {"placement": climbs.placement, "role": climbs.role} | arrays
    return Climbs(parts["placement"], parts["role"], climbs.offsets, climbs.angle, climbs.grade)


def test_new_real_climbs_pass_everything(fine):
    for name, metric in fine.metrics.items():
        value = fine[name]
        if value.value == value.floor:
            continue
        assert abs(gap(fine, name)) < 5, (name, metric.direction, value)
    assert fine["legal"].value == 1
    assert fine["sensible"].value > 0.9
    assert fine["novel"].value > 0.95


def test_a_copy_of_the_training_set_fails_novelty_and_nothing_else(dataset, judged):
    others = (*FIDELITY, "W₁ largest hop", "W₁ size")
    copied = judged(dataset.part("train")[:800], "novel", "nearest training climb", "legal", *others)
    assert copied["novel"].value == 0
    assert copied["nearest training climb"].value == 0
    assert gap(copied, "nearest training climb") < -20
    assert copied["legal"].value == 1
    for name in others:
        assert abs(gap(copied, name)) < 3, name


def test_one_hold_away_from_a_training_climb_is_new_but_near(dataset, judged):
    train = dataset.part("train")[:600]
    rng, placement = np.random.default_rng(0), train.placement.copy()
    for start, stop in zip(train.offsets[:-1], train.offsets[1:], strict=True):
        free = np.setdiff1d(np.arange(len(dataset.board)), placement[start:stop])
        placement[rng.integers(start, stop)] = rng.choice(free)
    near = judged(replaced(train, placement=placement), "novel", "nearest training climb")
    assert near["novel"].value > 0.9
    assert gap(near, "nearest training climb") < -20


def test_mode_collapse_fails_uniqueness_diversity_and_coverage(judged, real):
    seen = "unique", "internal diversity", "hold coverage", "hold usage"
    collapsed = judged(real[np.arange(600) % 5], *seen)
    assert collapsed["unique"].value == 5 / 600
    assert collapsed["unique"].floor > 0.95
    assert collapsed["internal diversity"].value < collapsed["internal diversity"].floor - 0.1
    assert collapsed["hold coverage"].value < collapsed["hold coverage"].floor / 2
    assert gap(collapsed, "hold usage") > 4


def test_few_modes_with_noise_fail_diversity_though_every_climb_is_unique(dataset, judged, real):
    rng, board = np.random.default_rng(0), dataset.board
    climbs = []
    for i in range(400):
        holds = dict(real.climb(i % 3).holds)
        free = [p for p in range(len(board)) if p not in holds]
        climbs.append(Climb((*holds.items(), (int(rng.choice(free)), int(Role.FOOT)))))
    found = judged(Climbs.from_list(climbs), "unique", "internal diversity")
    assert found["unique"].value > 0.5
    assert found["internal diversity"].value < found["internal diversity"].floor - 0.1


def test_roles_shuffled_within_climbs_fail_geometry_and_usage_but_not_counts(judged, real):
    order = np.lexsort((np.random.default_rng(0).random(len(real.role)), real.owner))
    moved = "W₁ height gained", "W₁ lowest start", "W₁ start to start"
    counts = [f"W₁ {role.label} holds" for role in Role]
    shuffled = judged(replaced(real, role=real.role[order]), "legal", "sensible", *FIDELITY, *moved, *counts)
    assert shuffled["legal"].value == 1
    assert gap(shuffled, "hold and role usage") > 4
    assert abs(gap(shuffled, "hold usage")) < 4
    for name in moved:
        assert gap(shuffled, name) > 10, name
    assert shuffled["sensible"].value < 0.5
    for name in counts:
        assert abs(gap(shuffled, name)) < 4, name


def test_roles_drawn_at_random_fail_the_counts(judged, real):
    roles = np.random.default_rng(0).integers(4, size=len(real.role))
    counts = [f"W₁ {role.label} holds" for role in Role]
    scrambled = judged(replaced(real, role=roles), "legal", *counts)
    assert scrambled["legal"].value < 0.6
    for name in counts:
        assert gap(scrambled, name) > 4, name


def test_random_holds_fail_usage_and_hops(dataset, judged, real):
    rng = np.random.default_rng(0)
    holds = [rng.choice(len(dataset.board), size, replace=False) for size in real.sizes]
    moved = "hold and role usage", "W₁ largest hop", "W₁ hop", "W₁ height gained"
    others = "legal", "sensible", "not sensible: hop too long", "nearest training climb"
    scattered = judged(replaced(real, placement=np.concatenate(holds)), *moved, *others)
    assert scattered["legal"].value == 1
    for name in moved:
        assert gap(scattered, name) > 4, name
    assert scattered["not sensible: hop too long"].value > 0.2
    assert scattered["sensible"].value < 0.3
    assert gap(scattered, "nearest training climb") > 10


def test_random_holds_fail_usage_where_real_climbs_have_favourites(dataset, judged, real):
    """The process uses the board evenly; the climbs of its left half do not."""

    def on_the_left(climbs):
        x = np.bincount(climbs.owner, dataset.board.xy[climbs.placement, 0]) / climbs.sizes
        return x < 60

    keep = on_the_left(dataset.climbs)
    left = replace(dataset, climbs=dataset.climbs[keep], split=dataset.split[keep], ids=dataset.ids[keep])
    fine = real[on_the_left(real)]
    rng = np.random.default_rng(0)
    holds = np.concatenate([rng.choice(len(dataset.board), size, replace=False) for size in fine.sizes])
    by = Reference.of(left, grader=None)
    assert gap(judged(fine, "hold usage", by=by), "hold usage") < 4
    assert gap(judged(replaced(fine, placement=holds), "hold usage", by=by), "hold usage") > 4


@pytest.mark.parametrize("keep", [0.5, 0.25])
def test_only_short_climbs_fail_size(judged, real, keep):
    short = judged(real[real.sizes <= np.quantile(real.sizes, keep)], "W₁ size")
    assert gap(short, "W₁ size") > 4


def test_more_damage_is_farther_away(dataset, judged, real):
    """Replace a growing share of the holds at random: the fidelity metrics rise with it."""
    rng = np.random.default_rng(0)
    random_holds = np.concatenate([rng.choice(len(dataset.board), s, replace=False) for s in real.sizes])
    luck = rng.random(len(random_holds))
    names = "hold and role usage", "W₁ largest hop", "W₁ hop", "W₁ height gained"
    series = [
        judged(replaced(real, placement=np.where(luck < share, random_holds, real.placement)), *names)
        for share in (0.0, 0.1, 0.25, 0.5)
    ]
    for name in names:
        values = [e[name].value for e in series]
        assert values == sorted(values), (name, values)

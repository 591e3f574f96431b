"""The synthetic board keeps its promises: true legality, true grade, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.climbing.rules import legal
from setgen.climbing.sources.synthetic import (
    ANGLES,
    REACH,
    synthetic_board,
    synthetic_climbs,
    true_grade,
    true_legality,
)

BOARD = synthetic_board()


@pytest.fixture(scope="module")
def climbs() -> Climbs:
    return synthetic_climbs(6000, seed=5)


def test_every_climb_is_legal_and_possible(climbs: Climbs) -> None:
    assert legal(BOARD, climbs).all()
    assert true_legality(BOARD, climbs).all()


def test_sizes_angles_grades_and_roles_vary(climbs: Climbs) -> None:
    assert len(BOARD) == 150
    assert climbs.sizes.min() >= 6
    assert climbs.sizes.max() <= 20
    assert set(climbs.angle.tolist()) == set(ANGLES)
    assert len(np.unique(climbs.grade)) >= 12
    assert set(climbs.role.tolist()) == set(map(int, Role))
    assert set(BOARD.hold_set[climbs.placement].tolist()) == {0, 1}


def test_the_same_seed_gives_the_same_climbs() -> None:
    assert list(synthetic_climbs(50, 1)) == list(synthetic_climbs(50, 1))
    assert list(synthetic_climbs(50, 1)) != list(synthetic_climbs(50, 2))


def test_true_grade_by_hand() -> None:
    # Grips lie 12 inches apart: from (72, 24) up to (72, 48) and (72, 84) the hops are 24 and 36 inches.
    def at(x: float, y: float) -> int:
        return int(np.flatnonzero((BOARD.xy == (x, y)).all(1))[0])

    hands = ((at(72, 24), Role.START), (at(72, 48), Role.MIDDLE), (at(72, 84), Role.FINISH))
    foot = (at(66, 8), Role.FOOT)
    climbs = Climbs.from_list([Climb(hands, 40), Climb((*hands, foot), 40), Climb(hands, 60)])
    # 10 + 0.35 (30 − 12) + 0.2 (36 − 12) + 0.15 · 20 = 24.1; a foot takes 0.4 off; 20° more add 3.
    assert true_grade(BOARD, climbs).tolist() == [24, 24, 27]
    assert true_legality(BOARD, climbs).tolist() == [True, True, True]
    too_far = Climbs.from_list([Climb(((at(72, 24), Role.START), (at(72, 84), Role.FINISH)), 40)])
    assert REACH < 60
    assert not true_legality(BOARD, too_far)[0]


def test_grade_does_not_depend_on_the_order_of_holds(climbs: Climbs) -> None:
    backwards = Climbs.from_list([c._replace(holds=c.holds[::-1]) for c in climbs[:500]])
    assert true_grade(BOARD, backwards).tolist() == climbs.grade[:500].tolist()


def test_shuffled_roles_are_noticed(climbs: Climbs) -> None:
    rng = np.random.default_rng(0)
    shuffled = Climbs(
        climbs.placement, rng.permutation(climbs.role), climbs.offsets, climbs.angle, climbs.grade
    )
    assert true_legality(BOARD, shuffled).mean() < 0.1

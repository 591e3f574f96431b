"""Constraints: read as typed, kept by what they say, refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.holds import parse_holds, parse_selection
from setgen.climbing.roles import OPEN, Role
from setgen.climbing.rules import check_prompt, size_range
from setgen.climbing.sources.moonboard import moonboard
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError

BOARD, MOON = synthetic_board(), moonboard()


def test_nothing_laid_down_is_none() -> None:
    assert Constraints.parse(BOARD) is None
    assert Constraints.parse(BOARD, feet="none") == Constraints(feet="none")


def test_everything_as_typed() -> None:
    read = Constraints.parse(
        BOARD,
        forbid="p5,G7 C1:foot",
        region="0, 20,144,100.5",
        hold_sets="Grips, chips",
        fewest=4,
        most=9,
        feet="marked",
    )
    assert read == Constraints(
        ((4, OPEN), (6, OPEN), (110, Role.FOOT)), (0, 20, 144, 100.5), ("Grips", "chips"), 4, 9, "marked"
    )


def test_elements_are_where_the_region_and_the_sets_are() -> None:
    constraints = Constraints(((3, OPEN), (4, Role.START)), (12, 24, 60, 48), ("grips",), feet="none")
    elements = constraints.elements(BOARD)
    grip = np.array([name.startswith("G") for name in BOARD.hole_names])
    x, y = BOARD.xy.T
    inside = grip & (x >= 12) & (x <= 60) & (y >= 24) & (y <= 48)
    inside[3] = False
    assert inside.sum() == 14  # five columns, three rows, edges included, one hold forbidden
    assert np.array_equal(elements.any(1), inside)
    assert not elements[:, Role.FOOT].any()
    assert elements[inside, Role.START].sum() == 13
    assert elements[inside, Role.MIDDLE].all()


def test_broken_constraints_are_counted_one_by_one() -> None:
    constraints = Constraints(((3, Role.MIDDLE),), (0, 0, 144, 60), fewest=3, most=4, feet="marked")
    good = ((100, Role.FINISH), (0, Role.START), (110, Role.FOOT))  # the first lies high up, and is given
    climbs = Climbs.from_list(
        [
            Climb(good),
            Climb((*good, (3, Role.MIDDLE))),
            Climb((*good, (3, Role.FINISH))),
            Climb((*good, (99, Role.MIDDLE))),
            Climb((*good, (1, Role.MIDDLE), (2, Role.MIDDLE))),
            Climb(((100, Role.FINISH), (0, Role.START))),
        ]
    )
    broken = {rule: np.flatnonzero(bad).tolist() for rule, bad in _broken(constraints, climbs).items()}
    assert broken == {
        "a hold that is not allowed": [1, 3],
        "too few holds": [5],
        "too many holds": [4],
        "feet": [5],
    }
    feet = {f: _broken(Constraints(feet=f), climbs)["feet"].sum() for f in ("any", "none")}
    assert feet == {"any": 0, "none": 5}


def _broken(constraints: Constraints, climbs: Climbs) -> dict[str, np.ndarray]:
    return constraints.broken(BOARD, np.ones(len(climbs), dtype=int), climbs)


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"forbid": "p999"}, "p999 is not on this board"),
        ({"forbid": "Q7"}, "'Q7' is not on this board"),
        ({"forbid": " , "}, "no holds are named"),
        ({"forbid": "G5:dyno"}, "role 'dyno'"),
        ({"region": "1,2,3"}, "not four numbers"),
        ({"region": "a,b,c,d"}, "not four numbers"),
        ({"region": "9,0,1,9"}, "region 9,0,1,9 is empty"),
        ({"region": "nan,0,1,9"}, "is empty"),
        ({"hold_sets": "slopers"}, "'slopers' is not on this board: it has grips, chips"),
        ({"fewest": 9, "most": 8}, "at least 9 and at most 8"),
        ({"feet": "marked "}, "use any, marked, none"),
    ],
)
def test_mistakes_are_one_line(typed, what) -> None:
    with pytest.raises(InputError, match=what) as error:
        Constraints.parse(BOARD, **typed)
    assert "\n" not in str(error.value)


def test_feet_cannot_be_marked_where_there_are_none() -> None:
    with pytest.raises(InputError, match="no foot holds"):
        Constraints.parse(MOON, feet="marked")


def test_selections_name_holds_in_any_role_or_one() -> None:
    assert parse_selection(BOARD, "p5") == ((4, OPEN),)
    assert parse_selection(BOARD, "p5r1p6r3") == ((4, Role.START), (5, Role.FINISH))
    assert parse_selection(BOARD, "g1 G1,G2:top") == ((0, OPEN), (1, Role.FINISH))


def test_open_roles_are_read_where_they_are_wanted() -> None:
    assert parse_holds(BOARD, "G5:?,G6", open_roles=True) == ((4, OPEN), (5, Role.MIDDLE))
    assert parse_holds(BOARD, "p5r?p6r1", open_roles=True) == ((4, OPEN), (5, Role.START))
    for text in ("G5:?", "p5r?p6r1"):
        with pytest.raises(InputError, match="p5 has an open role"):
            parse_holds(BOARD, text)


def test_an_open_hold_may_be_what_is_owed() -> None:
    middles = tuple((p, Role.MIDDLE) for p in range(33))
    check_prompt(BOARD, Climb((*middles, (40, OPEN), (41, OPEN))))
    assert size_range(BOARD, Climb(((1, OPEN), (2, OPEN), (3, OPEN)))) == (3, 35)
    with pytest.raises(InputError, match="more than the 35"):
        check_prompt(BOARD, Climb((*middles, (40, Role.MIDDLE), (41, OPEN))))

"""Frames strings: exact round trips, hand-worked routes, and every kind of wrong string."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.frames import PROBLEMS, parse_frames, read_frames, write_frames
from setgen.climbing.roles import Role
from setgen.errors import InputError

IDS = (3, 8, 11, 120, 4567, 4568)


def make_board(roles: tuple[int, int, int, int] = (12, 13, 14, 15)) -> Board:
    n = len(IDS)
    return Board(
        name="made up",
        family="test",
        ids=np.array(IDS),
        xy=np.stack([np.arange(n), np.arange(n)], axis=1).astype(float),
        hold_set=np.zeros(n, dtype=int),
        hold_set_names=("all",),
        hole_names=tuple(f"A{i}" for i in range(n)),
        role_ids=dict(zip(Role, roles, strict=True)),
        role_colors={},
        angles=(40,),
    )


BOARD = make_board()
CLIMB = st.dictionaries(st.integers(0, len(IDS) - 1), st.integers(0, 3), min_size=1).map(
    lambda d: tuple(d.items())
)


def problem(text: str, frames_count: int = 0) -> str:
    return PROBLEMS[parse_frames(BOARD, [text], np.array([frames_count])).problem[0]]


def holds(text: str) -> dict[int, str]:
    """Placement id → role of a string that must be right."""
    climb = read_frames(BOARD, [text]).climb(0)
    return {IDS[p]: Role(r).label for p, r in climb.holds}


@given(st.lists(CLIMB, max_size=30))
def test_round_trip_keeps_every_climb_and_gives_the_canonical_string(climbs: list) -> None:
    wanted = Climbs.from_list([Climb(c) for c in climbs])
    strings = write_frames(BOARD, wanted)
    back = read_frames(BOARD, strings)
    assert [set(c.holds) for c in back] == [set(c) for c in climbs]
    assert write_frames(BOARD, back) == strings
    for text, climb in zip(strings, climbs, strict=True):
        assert text == "".join(f"p{IDS[p]}r{12 + r}" for p, r in sorted(climb))


@given(st.lists(st.text(alphabet='pr x12,"\n8é', max_size=12) | st.text(), max_size=20), st.data())
def test_a_wrong_string_never_changes_its_neighbours(noise: list[str], data: st.DataObject) -> None:
    good = "p3r12p8r13p4567r14"
    at = data.draw(st.integers(0, len(noise)))
    parsed = parse_frames(BOARD, [*noise[:at], good, *noise[at:]])
    assert parsed.problem[at] == 0
    assert parsed.climbs.climb(at).holds == ((0, 0), (1, 1), (4, 2))
    alone = [parse_frames(BOARD, [text]).problem[0] for text in noise]
    assert np.delete(parsed.problem, at).tolist() == alone


@given(CLIMB, st.randoms())
def test_the_order_of_holds_in_a_string_carries_no_meaning(climb: tuple, random) -> None:
    shuffled = list(climb)
    random.shuffle(shuffled)
    text = "".join(f"p{IDS[p]}r{12 + r}" for p, r in shuffled)
    assert write_frames(BOARD, read_frames(BOARD, [text])) == write_frames(
        BOARD, Climbs.from_list([Climb(climb)])
    )


def test_many_rows_across_the_parser_s_blocks() -> None:
    rows = 20_000
    strings = [f"p3r12p{IDS[1 + i % 5]}r{13 + i % 3}" for i in range(rows)]
    strings[9000] = "p3r12p3r12"
    parsed = parse_frames(BOARD, strings)
    assert np.flatnonzero(parsed.problem).tolist() == [9000]
    keep = np.delete(np.arange(rows), 9000)
    assert write_frames(BOARD, parsed.climbs[keep]) == [strings[i] for i in keep]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no holds"),
        (',"', "no holds"),
        ("p3", "not a frames string"),
        ("p3r", "not a frames string"),
        ("3r12", "not a frames string"),
        ("12", "not a frames string"),
        ("p3r12 p8r13", "not a frames string"),
        ("p3r12r13", "not a frames string"),
        ("p3r12\n", "not a frames string"),
        ("p3r1２", "not a frames string"),
        ('"p3r12', "not a frames string"),
        ("p3r12x3", "not a frames string"),
        ("p3r12,x3", "not a frames string"),
        ("p3r12,", "not a frames string"),
        ("p3r12,,p8r13", "not a frames string"),
        ('p3r12""', "not a frames string"),
        ('p3r12,"x3r12', "not a frames string"),
        ("p3000000000000000000003r12", "not a frames string"),
        ("p4r12", "hold not on the board"),
        ("p99999r12", "hold not on the board"),
        ('p3r12,"x4', "hold not on the board"),
        ("p3r11", "unknown role number"),
        ("p3r12p8r13p3r13", "a hold twice in one frame"),
        ('p3r12,"x3p3r13', "a hold twice in one frame"),
        ('p3r12,"x8', "switches off a hold that is not lit"),
        ('p3r12p8r13,"x8,"x8', "switches off a hold that is not lit"),
        ('p3r12,p8r13,"x3', "switches off a hold that is not lit"),
    ],
)
def test_wrong_strings_are_named(text: str, reason: str) -> None:
    assert problem(text) == reason
    with pytest.raises(InputError, match="climb 2"):
        read_frames(BOARD, ["p3r12", text])


def union(text: str) -> dict[int, str]:
    """Placement id → role of all holds that a route ever lights."""
    parsed = parse_frames(BOARD, [text])
    assert parsed.problem.tolist() == [0]
    return {int(BOARD.ids[p]): Role(r).label for p, r in parsed.climbs.climb(0).holds}


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("p3r12p8r14", 0),
        ('p3r12,"p8r14', 0),
        ('p3r12p8r13,"x3p11r14', 1),
        ('p3r12p8r13,"x3,"p3r12', 1),  # on again, but not all the time
        ("p3r12,p8r14", 1),  # an absolute frame clears what was lit
        ("p3r12,p3r12p8r14", 0),
        (",p3r12p8r14", 0),
        ('p3r12p8r13p11r14,"x3x8', 2),
    ],
)
def test_routes_that_switch_holds_off_are_no_sets_of_holds(text: str, off: int) -> None:
    parsed = parse_frames(BOARD, [text, "p3r12p8r14"])
    assert parsed.switched_off.tolist() == [off, 0]
    if off:
        with pytest.raises(InputError, match="climb 1: a route that switches holds off"):
            read_frames(BOARD, [text])
    else:
        assert len(read_frames(BOARD, [text])) == 1


def test_routes_by_hand() -> None:
    # Deltas add; x takes away from what is lit, not from the union.
    assert union('p3r12p8r13,"x3p11r13,"p120r14') == {3: "start", 8: "middle", 11: "middle", 120: "finish"}
    # A bare quote changes nothing; an empty first frame is a delayed start.
    assert union(',"p3r12,",p8r14') == {3: "start", 8: "finish"}
    # A snapshot clears what was lit, so a hold may be lit again, and x may then switch it off.
    assert union('p3r12,p8r13,"p3r13,"x3') == {3: "start", 8: "middle"}


def test_the_first_role_wins_and_conflicts_are_counted_by_hold() -> None:
    parsed = parse_frames(BOARD, ['p3r12p8r13,"p3r13p8r13,"p3r14', "p3r12,p3r12"])
    assert parsed.climbs.climb(0).holds == ((0, Role.START), (1, Role.MIDDLE))
    assert parsed.conflicts.tolist() == [1, 0]
    assert parsed.n_frames.tolist() == [3, 2]


@pytest.mark.parametrize(("count", "reason"), [(2, ""), (0, ""), (1, PROBLEMS[3]), (3, PROBLEMS[3])])
def test_frames_count_is_checked_where_it_is_given(count: int, reason: str) -> None:
    assert problem('p3r12,"p8r14', count) == reason


def test_a_role_the_board_lacks_cannot_be_written() -> None:
    board = make_board()
    object.__setattr__(board, "role_ids", {Role.START: 42, Role.MIDDLE: 43, Role.FINISH: 44})
    with pytest.raises(InputError, match="does not have"):
        write_frames(board, Climbs.from_list([Climb(((0, Role.FOOT),))]))


def test_no_rows() -> None:
    assert len(read_frames(BOARD, [])) == 0
    assert write_frames(BOARD, read_frames(BOARD, [])) == []

"""Holds as typed: frames strings and hole names, and one clear line for each mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setgen.climbing.holds import parse_holds, parse_selection
from setgen.climbing.roles import OPEN, Role
from setgen.climbing.sources.moonboard import moonboard
from setgen.errors import InputError

BOARD = moonboard()


def at(name: str) -> int:
    return BOARD.hole_names.index(name)


def test_frames_and_names_mean_the_same() -> None:
    wanted = ((at("J5"), Role.START), (at("H10"), Role.MIDDLE), (at("J18"), Role.FINISH))
    assert parse_holds(BOARD, "J5:start,H10,J18:finish") == wanted
    assert parse_holds(BOARD, " j5:Start h10 j18:top ") == wanted
    ids = [BOARD.ids[p] for p, _ in wanted]
    assert parse_holds(BOARD, f"p{ids[0]}r42p{ids[1]}r43p{ids[2]}r44") == wanted


def test_order_is_kept_and_empty_means_none() -> None:
    assert [p for p, _ in parse_holds(BOARD, "K18,A1,F6")] == [at("K18"), at("A1"), at("F6")]
    assert parse_holds(BOARD, "  ") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p5r42p5r43", "given twice"),
        ("A1,B2,a1:start", "A1.*given twice"),
        ("p999r42", "p999 is not on this board"),
        ("L3", "'L3' is not on this board"),
        ("A19", "'A19' is not on this board"),
        ("p5r99", "role r99 is not one"),
        ("A1:foot", "role 'foot'"),
        ("A1:dyno", "role 'dyno'"),
        ("p5", "not a frames string"),
        ("p5r42,p6r43", "not a frames string"),
        ("p5x6", "not a frames string"),
        ("hello!", "is not on this board"),
    ],
)
def test_mistakes_are_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_holds(BOARD, text)
    assert "\n" not in str(caught.value)


def test_names_with_a_comma_in_them_stand_in_a_list_too() -> None:
    names = tuple(f"{2 * (i % 9)},{'KB' if i < 9 else ''}{i // 9}" for i in range(len(BOARD)))
    board = replace(BOARD, hole_names=names)
    for text in (
        f"{names[3]}:start,{names[12]},{names[20]}:finish",
        f"{names[3]}:start {names[12]};{names[20]}:top",
    ):
        assert parse_holds(board, text) == ((3, Role.START), (12, Role.MIDDLE), (20, Role.FINISH))
    assert parse_selection(board, f"{names[3]},{names[12]}:start") == ((3, OPEN), (12, Role.START))
    for text, said in (
        (f"{names[3]},77", "'77'"),
        ("5r42", "not a frames string"),
        (names[3] + ",,x", "'x'"),
    ):
        with pytest.raises(InputError, match=said):
            parse_holds(board, text)

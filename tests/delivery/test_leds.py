"""Climbs as lights and back, on Aurora boards and on the MoonBoard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walls import COLORS, PLAIN, WALL, any_climbs

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.delivery.led_packets import Led, color_code, decode, encode
from setgen.climbing.delivery.leds import led_messages, read_led_message
from setgen.climbing.delivery.moonboard_leds import moonboard_messages, read_moonboard_message
from setgen.climbing.roles import Role
from setgen.climbing.sources.moonboard import MINI_ROWS, moonboard
from setgen.errors import InputError

ONE = Climbs.from_list([Climb(((9, Role.FINISH), (4, Role.START)))])


@given(any_climbs(WALL), st.sampled_from((2, 3)))
def test_round_trip(climbs: Climbs, level: int) -> None:
    for climb, message in zip(climbs, led_messages(WALL, climbs, level), strict=True):
        assert read_led_message(WALL, message) == climb.holds


def test_holds_are_lit_where_and_as_the_board_says() -> None:
    (message,) = led_messages(WALL, ONE)
    lit, _ = decode(message)
    assert WALL.leds is not None
    assert [led.position for led in lit] == WALL.leds[[4, 9]].tolist()
    assert [color_code(led.color) for led in lit] == [
        color_code(COLORS[role]) for role in (Role.START, Role.FINISH)
    ]


def test_screen_colors_stand_in_for_led_colors() -> None:
    (message,) = led_messages(replace(WALL, led_colors={}), ONE)
    assert color_code(decode(message)[0][0].color) == color_code(PLAIN.role_colors[Role.START])


def test_level_2_dims_many_holds_and_is_read_all_the_same() -> None:
    full = Climbs.from_list([Climb(tuple((i, Role.FINISH) for i in range(60)))])
    (message,) = led_messages(WALL, full, level=2)
    assert color_code(decode(message)[0][0].color, 2) < color_code(COLORS[Role.FINISH], 2)
    assert read_led_message(WALL, message) == full.climb(0).holds


def test_what_cannot_be_lit() -> None:
    assert WALL.leds is not None
    some = np.where(np.arange(len(WALL)) == 4, -1, WALL.leds)
    for board, what in (
        (PLAIN, "no LED numbers"),
        (replace(WALL, leds=some), f"hold p{WALL.ids[4]} .* has no LED"),
        (replace(WALL, led_colors={}, role_colors={}), "no colour for the role start"),
    ):
        with pytest.raises(InputError, match=what) as caught:
            led_messages(board, ONE)
        assert "\n" not in str(caught.value)


def test_lights_that_are_no_climb_of_the_board() -> None:
    assert WALL.leds is not None
    led = int(WALL.leds[4])
    absent = next(i for i in range(1000) if i not in WALL.leds)
    twice = replace(WALL, leds=np.full(len(WALL), led))
    alike = replace(WALL, led_colors=dict.fromkeys(Role, "#00FF00"))
    for board, light, what in (
        (PLAIN, Led(led, "#00FF00"), "no LED numbers"),
        (WALL, Led(absent, "#00FF00"), "is no hold's"),
        (WALL, Led(led, "#123456"), "colours #.* are not those"),
        (twice, Led(led, "#00FF00"), "could mean either"),
        (alike, Led(led, "#00FF00"), "have one colour"),
    ):
        with pytest.raises(InputError, match=what):
            read_led_message(board, encode([light]))


FULL, MINI = moonboard(), moonboard(rows=MINI_ROWS)


def test_published_moonboard_messages() -> None:
    """A1, B1 and the last hold: boardsesh, packages/shared/ble-protocol/src/__tests__/moonboard.test.ts."""
    for board, last, message in ((FULL, "K18", "l#S0,P35,E197#"), (MINI, "K12", "l#S0,P23,E131#")):
        holds = [("A1", Role.START), ("B1", Role.MIDDLE), (last, Role.FINISH)]
        climb = Climb(tuple((board.index_of_name(name), int(role)) for name, role in holds))
        assert moonboard_messages(board, Climbs.from_list([climb])) == [message]
        assert read_moonboard_message(board, message) == climb.holds


@pytest.mark.parametrize(
    ("hole", "led"), [("A1", 0), ("A2", 1), ("A3", 2), ("A18", 17), ("B1", 35), ("B2", 34), ("K1", 180)]
)
def test_the_led_string_runs_up_and_down(hole: str, led: int) -> None:
    assert read_moonboard_message(FULL, f"l#P{led}#") == ((FULL.index_of_name(hole), Role.MIDDLE),)


@given(any_climbs(FULL))
def test_moonboard_round_trip(climbs: Climbs) -> None:
    for climb, message in zip(climbs, moonboard_messages(FULL, climbs), strict=True):
        assert sorted(read_moonboard_message(FULL, message)) == sorted(climb.holds)


def test_messages_of_the_app_with_settings_and_more_letters() -> None:
    plain = read_moonboard_message(FULL, "l#S69,P4,P82,P8,E53#")
    for settings in ("~D*", "~D,M*", "~M, D*", "~Z,D,M*"):
        assert read_moonboard_message(FULL, settings + "l#S69,L4,R82,M8,E53#") == plain
    # A MoonBoard has no foot holds of its own: a foot is one of the problem's other holds.
    assert read_moonboard_message(FULL, "l#S69,F4,P82,F8,E53#") == plain
    feet = replace(FULL, role_ids={**FULL.role_ids, Role.FOOT: 45})
    assert read_moonboard_message(feet, "l#F4#") == ((plain[1][0], Role.FOOT),)
    assert read_moonboard_message(FULL, "l##") == ()


@pytest.mark.parametrize("message", ["l#S198#", "l#X3#", "l#S#", "l#S1;P2#", "S1,P2"])
def test_texts_that_light_nothing(message: str) -> None:
    with pytest.raises(InputError):
        read_moonboard_message(FULL, message)


def test_other_boards_have_no_such_messages() -> None:
    with pytest.raises(InputError, match="no MoonBoard"):
        moonboard_messages(WALL, ONE)

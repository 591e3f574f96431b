"""LED messages: published vectors byte by byte, and every message decodes to what was encoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setgen.climbing.delivery.led_packets import Led, chunks, color_code, decode, encode, power_scale
from setgen.errors import InputError

MAGENTA, ORANGE, GREEN = "#FF00FF", "#FFB600", "#00FF00"

# The first is the issue's. The others are from boardsesh's tests (github.com/boardsesh/boardsesh,
# packages/shared/ble-protocol/src/__tests__/aurora-spec.test.ts): its worked example, and payloads that it
# captured from Kilter's app or had confirmed on a board. They light corners of boards and are no climbs.
PUBLISHED = [
    ("01 04 27 02 54 A1 00 E3 03", [(161, MAGENTA)]),
    ("01 04 65 02 54 2A 00 1C 03", [(42, GREEN)]),
    (
        "01 13 40 02 54 27 00 E3 85 01 E3 14 00 F4 13 00 F4 01 00 F4 00 00 F4 03",
        [(39, MAGENTA), (389, MAGENTA), (20, ORANGE), (19, ORANGE), (1, ORANGE), (0, ORANGE)],
    ),
    (
        "01 13 E2 02 54 50 00 E3 AE 01 E3 04 00 F4 03 00 F4 17 00 F4 16 00 F4 03",
        [(80, MAGENTA), (430, MAGENTA), (4, ORANGE), (3, ORANGE), (23, ORANGE), (22, ORANGE)],
    ),
    (
        "01 0D BB 02 54 44 00 E3 DC 01 E3 00 00 F4 21 00 F4 03",
        [(68, MAGENTA), (476, MAGENTA), (0, ORANGE), (33, ORANGE)],
    ),
    (
        "01 0D 78 02 54 38 00 E3 37 01 E3 00 00 F4 15 00 F4 03",
        [(56, MAGENTA), (311, MAGENTA), (0, ORANGE), (21, ORANGE)],
    ),
]


@pytest.mark.parametrize(("published", "leds"), PUBLISHED)
def test_published_messages(published: str, leds: list) -> None:
    message = encode([Led(*led) for led in leds])
    assert message == bytes.fromhex(published)
    back, level = decode(message)
    assert level == 3
    assert [led.position for led in back] == [position for position, _ in leds]
    assert [color_code(led.color) for led in back] == [color_code(color) for _, color in leds]


def test_the_issue_s_packet_byte_by_byte() -> None:
    start, length, checksum, open_, letter, low, high, color, close = encode([Led(161, MAGENTA)])
    assert (start, open_, close) == (1, 2, 3)
    assert length == len("T") + 3
    assert chr(letter) == "T"
    assert low + 256 * high == 161
    assert (color >> 5, color >> 2 & 7, color & 3) == (7, 0, 3)  # all of red and blue, no green
    assert (checksum + letter + low + high + color) % 256 == 255


def test_published_level_2_message() -> None:
    """The worked example of boardsesh's AURORA_BLUETOOTH_PROTOCOL_SPEC.md, section 17."""
    leds = [Led(10, "#00FF00"), Led(256, "#0000FF"), Led(500, "#FF0000")]
    message = encode(leds, level=2)
    assert message[4:-1] == bytes.fromhex("50 0A 30 00 0D F4 C1")
    assert decode(message) == (leds, 2)


@pytest.mark.parametrize(
    ("color", "code"),
    [("#FF0000", 0xE0), ("0000ff", 0x03), ("#FFFFFF", 0xFF), ("#000000", 0), ("#FFAA00", 0xF4)],
)
def test_published_colors(color: str, code: int) -> None:
    assert color_code(color) == code


@pytest.mark.parametrize(("level", "letters", "most"), [(3, "RQS", 84), (2, "NMO", 127)])
def test_long_messages_are_several_packets(level: int, letters: str, most: int) -> None:
    """At most 255 bytes in a body, whose first byte is the letter: 84 LEDs of 3 bytes, 127 of 2."""
    leds = [Led(i, "#000000") for i in range(2 * most + 1)]
    message, found, at = encode(leds, level), [], 0
    while at < len(message):
        body = message[at + 4 : at + 4 + message[at + 1]]
        found.append((chr(body[0]), (len(body) - 1) // {2: 2, 3: 3}[level]))
        at += len(body) + 5
    assert found == list(zip(letters, (most, most, 1), strict=True))
    assert encode(leds[:most], level)[4] == {2: ord("P"), 3: ord("T")}[level]
    assert decode(message) == (leds, level)


def test_no_leds_turn_the_board_off() -> None:
    assert encode([]) == bytes([1, 1, ~ord("T") & 255, 2, ord("T"), 3])
    assert decode(encode([])) == ([], 3)


@given(
    # No more than level 2 can light within its power: 90 white ones, two to a hold, at scale 0.4.
    st.lists(st.tuples(st.integers(0, 1023), st.from_regex(r"\A#[4-9A-F][0-9A-F]{5}\Z")), max_size=90),
    st.sampled_from([(2, 1), (2, 2), (3, 1)]),
)
def test_round_trip(pairs: list, setting: tuple[int, int]) -> None:
    level, per_hold = setting
    leds = [Led(*pair) for pair in pairs]
    message = encode(leds, level, per_hold)
    back, found = decode(message)
    assert found == level
    assert [led.position for led in back] == [led.position for led in leds]
    scale = power_scale([led.color for led in leds], per_hold) if level == 2 else 1.0
    for old, new in zip(leds, back, strict=True):
        assert color_code(new.color, level) == color_code(old.color, level, scale)
    # Pieces are 20 bytes, the last one perhaps fewer, and nothing is lost between them.
    pieces = chunks(message)
    assert b"".join(pieces) == message
    assert all(len(piece) == 20 for piece in pieces[:-1])
    assert 1 <= len(pieces[-1]) <= 20


def test_level_2_keeps_to_18_watts() -> None:
    """White at full scale is (3 + 3 + 3)/30 = 0.3 W: 60 fit, 61 do not; 0.8 changes no 2-bit colour."""
    assert power_scale(["#FFFFFF"] * 60) == 1.0
    assert power_scale(["#FFFFFF"] * 61) == 0.6
    assert power_scale(["#FFFFFF"] * 31, per_hold=2) == 0.6
    assert power_scale(["#000000"] * 500) == 1.0
    with pytest.raises(InputError, match="too dim"):
        power_scale(["#FFFFFF"] * 181)  # at 0.4 each is 0.1 W


@pytest.mark.parametrize(
    ("led", "level", "what"),
    [
        (Led(65536, MAGENTA), 3, "beyond 65535"),
        (Led(1024, MAGENTA), 2, "beyond 1023"),
        (Led(-1, MAGENTA), 3, "LED -1"),
        (Led(1, "magenta"), 3, "no colour"),
        (Led(1, "#FF00F"), 2, "no colour"),
        (Led(1, MAGENTA), 4, "no API level 4"),
    ],
)
def test_what_the_protocol_cannot_carry(led: Led, level: int, what: str) -> None:
    with pytest.raises(InputError, match=what):
        encode([led], level)


@given(st.data())
def test_a_flipped_bit_is_found(data: st.DataObject) -> None:
    message = bytearray(encode([Led(161, MAGENTA), Led(3, GREEN)]))
    message[data.draw(st.integers(0, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InputError):
        decode(bytes(message))


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        ("", "no bytes"),
        ("01 04", "opens no packet"),
        ("01 04 27 02 54 A1 00 E3", "does not end"),
        ("01 04 28 02 54 A1 00 E3 03", "damaged"),
        ("01 03 0A 02 54 A1 00 03", "3 bytes an LED"),
        ("01 04 27 02 54 A1 00 E3 03" * 2, "no message"),
        ("01 00 FF 02 03", "no message"),
    ],
)
def test_bytes_that_are_no_message(damaged: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        decode(bytes.fromhex(damaged))
    assert "\n" not in str(caught.value)

"""LED messages of Aurora boards (Kilter, Tension, …) as bytes for Bluetooth, written and read.

A message is one packet or several, and goes to the board in pieces of 20 bytes. A packet is

    01  length of the body  checksum  02  body  03

where the checksum is the complement of the sum of the body's bytes, modulo 256. The body is a letter, then
the LEDs. The letter is T for the only packet of a message, R, Q, S for the first, those between and the last
(P, N, M, O at API level 2). At level 3 an LED is three bytes: its number, low byte first, and its colour with
3 bits of red, 3 of green and 2 of blue. At level 2 it is two bytes: the low byte of its number, then 2 bits
each of red, green and blue above the number's bits 8 and 9. A board says its level at the end of its
Bluetooth name, `@3`; without, it is 2.

LED 161 in magenta, #FF00FF, at level 3: the body is 54 (T), A1 00 (161), E3 (7·32 + 0·4 + 3); its sum is 1D8,
so the checksum is the complement of D8, 27; the packet is 01 04 27 02 54 A1 00 E3 03.

Level 2 leaves it to the app to stay within 18 W: colours are dimmed until the board's LEDs, each of
(r + g + b)/30 W by its 2-bit colour, fit in.

Sources: github.com/1-max-1/fake_kilter_board (README, DataDecoder.pde), github.com/lemeryfertitta/Climbdex
(climbdex/static/js/bluetooth.js), github.com/boardsesh/boardsesh (docs/AURORA_BLUETOOTH_PROTOCOL_SPEC.md,
packages/shared/ble-protocol/src/aurora.ts).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from setgen.errors import InputError

CHUNK = 20
LEVELS = (2, 3)
SCALES = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05)

_LONGEST_BODY = 255
_LARGEST_LED = {2: 0x3FF, 3: 0xFFFF}
_BYTES = {2: 2, 3: 3}
_WATTS = 18.0
# The letter of a packet by (it is the first, it is the last).
_LETTERS = {
    2: {(True, True): b"P", (True, False): b"N", (False, False): b"M", (False, True): b"O"},
    3: {(True, True): b"T", (True, False): b"R", (False, False): b"Q", (False, True): b"S"},
}


class Led(NamedTuple):
    """One LED that is lit: its number on the board, and its colour as #RRGGBB."""

    position: int
    color: str


def encode(leds: Sequence[Led], level: int = 3, per_hold: int = 1) -> bytes:
    """The message that lights these LEDs and no others; none turns all off.

    per_hold: lights behind each number (2 on Kilter), which level 2 counts in its power.
    Raises InputError for a level, number or colour that the protocol cannot carry.
    """
    check_level(level)
    scale = power_scale([led.color for led in leds], per_hold) if level == 2 else 1.0
    coded = [_encode_led(led, level, scale) for led in leds]
    at_once = (_LONGEST_BODY - 1) // _BYTES[level]
    parts = [coded[i : i + at_once] for i in range(0, len(coded), at_once)] or [[]]
    last = len(parts) - 1
    return b"".join(
        _packet(_LETTERS[level][i == 0, i == last] + b"".join(part)) for i, part in enumerate(parts)
    )


def decode(message: bytes) -> tuple[list[Led], int]:
    """(LEDs in their order, API level) of a message; colours as the board shows them.

    Raises InputError for bytes that are no whole message.
    """
    bodies = list(_bodies(message))
    letters = [body[:1] for body in bodies]
    for level in LEVELS:
        last = len(bodies) - 1
        if letters == [_LETTERS[level][i == 0, i == last] for i in range(len(bodies))]:
            break
    else:
        shown = b" ".join(letters).decode("latin-1")
        raise InputError(f"packets {shown!r} are no message: it is T or R, Q …, S (level 2: P or N, M …, O)")
    leds = []
    for body in bodies:
        data, width = body[1:], _BYTES[level]
        if len(data) % width:
            raise InputError(f"a packet of level {level} holds {width} bytes an LED, this one {len(data)}")
        leds += [_decode_led(data[i : i + width], level) for i in range(0, len(data), width)]
    return leds, level


def chunks(message: bytes, size: int = CHUNK) -> list[bytes]:
    """The pieces in which a message is written to the board, one after another."""
    return [message[i : i + size] for i in range(0, len(message), size)]


def color_code(color: str, level: int = 3, scale: float = 1.0) -> int:
    """A colour #RRGGBB as the protocol's bits: 3-3-2 at level 3; 2-2-2, after dimming, at level 2."""
    if not re.fullmatch(r"#?[0-9A-Fa-f]{6}", color):
        raise InputError(f"{color!r} is no colour: write #RRGGBB")
    red, green, blue = bytes.fromhex(color.lstrip("#"))
    if level == 3:
        return (red >> 5) << 5 | (green >> 5) << 2 | blue >> 6
    red, green, blue = (int(part * scale) >> 6 for part in (red, green, blue))
    return red << 4 | green << 2 | blue


def power_scale(colors: Iterable[str], per_hold: int = 1) -> float:
    """How far level 2 dims these colours: the first of SCALES that keeps to 18 W.

    Raises InputError when nothing would be lit any more.
    """
    colors = list(colors)
    for scale in SCALES:
        codes = [color_code(color, 2, scale) for color in colors]
        if scale < 1 and not any(codes):
            break
        if per_hold * sum((c >> 4) + (c >> 2 & 3) + (c & 3) for c in codes) / 30 <= _WATTS:
            return scale
    raise InputError(f"{len(colors)} LEDs at API level 2 would be too dim to see: light fewer")


def check_level(level: int) -> None:
    """Raise InputError for an API level that this module does not write."""
    if level not in LEVELS:
        raise InputError(f"there is no API level {level}: a board's Bluetooth name ends with @3, or it is 2")


def _encode_led(led: Led, level: int, scale: float) -> bytes:
    if not 0 <= led.position <= _LARGEST_LED[level]:
        raise InputError(f"LED {led.position} is beyond {_LARGEST_LED[level]}, the last of API level {level}")
    code = color_code(led.color, level, scale)
    low, high = led.position & 0xFF, led.position >> 8
    return bytes((low, code << 2 | high)) if level == 2 else bytes((low, high, code))


def _decode_led(data: bytes, level: int) -> Led:
    if level == 2:
        low, code = data
        red, green, blue = (round(((code >> shift) & 3) * 255 / 3) for shift in (6, 4, 2))
        return Led(low | (code & 3) << 8, f"#{red:02X}{green:02X}{blue:02X}")
    low, high, code = data
    red, green, blue = round((code >> 5) * 255 / 7), round((code >> 2 & 7) * 255 / 7), (code & 3) * 85
    return Led(low | high << 8, f"#{red:02X}{green:02X}{blue:02X}")


def _packet(body: bytes) -> bytes:
    return bytes((1, len(body), _checksum(body), 2)) + body + b"\x03"


def _checksum(body: bytes) -> int:
    return ~sum(body) & 0xFF


def _bodies(message: bytes) -> Iterable[bytes]:
    """The body of each packet, checked."""
    if not message:
        raise InputError("there are no bytes: a message is one packet or more")
    at = 0
    while at < len(message):
        head = message[at : at + 4]
        if len(head) < 4 or head[0] != 1 or head[3] != 2:
            raise InputError(f"byte {at + 1} opens no packet: it starts with 01, length, checksum, 02")
        end = at + 4 + head[1]
        body, close = message[at + 4 : end], message[end : end + 1]
        if close != b"\x03":
            raise InputError(f"the packet at byte {at + 1} does not end with 03 after {head[1]} bytes")
        if _checksum(body) != head[2]:
            sums = f"{_checksum(body):02X}, not {head[2]:02X}"
            raise InputError(f"the packet at byte {at + 1} is damaged: its checksum is {sums}")
        yield body
        at = end + 1

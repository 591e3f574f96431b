"""Climbs as LED messages of the Aurora board they are on, and the climb that such a message lights.

Which LED a placement has stands in the app database's table `leds`, by size; which colour a role has, in
`placement_roles.led_color`. Both come with the board when it is imported (see `Board`).
"""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.delivery.led_packets import SCALES, Led, color_code, decode, encode, power_scale
from setgen.climbing.roles import Role
from setgen.errors import InputError

# Lights behind one number; boardsesh (aurora.ts) counts two for Kilter and one elsewhere.
_PER_HOLD = {"kilter": 2}


def led_messages(board: Board, climbs: Climbs, level: int = 3) -> list[bytes]:
    """C messages that light C climbs, the holds by placement. level: the board's API level, 3 or 2.

    Raises InputError when the board has no LEDs, or none for a hold or no colour for a role.
    """
    leds, colors = _leds(board), _colors(board)
    messages = []
    for climb in climbs.ordered():
        lit = []
        for placement, role in climb.holds:
            if leds[placement] < 0:
                raise InputError(f"hold p{board.ids[placement]} of {board.name} has no LED")
            if Role(role) not in colors:
                raise InputError(f"{board.name} has no colour for the role {Role(role).label}")
            lit.append(Led(int(leds[placement]), colors[Role(role)]))
        messages.append(encode(lit, level, _PER_HOLD.get(board.family, 1)))
    return messages


def read_led_message(board: Board, message: bytes) -> tuple[tuple[int, int], ...]:
    """(placement index, role) of each hold that a message lights, in its order.

    Raises InputError when it is no message, or a light is no hold's or no role's, or several's.
    """
    leds = _leds(board)
    lit, level = decode(message)
    placements = []
    for led in lit:
        found = np.flatnonzero(leds == led.position)
        if len(found) != 1:
            names = " and ".join(f"p{board.ids[i]}" for i in found)
            what = f"lights {names}, and could mean either" if names else "is no hold's"
            raise InputError(f"LED {led.position} of {board.name} {what}")
        placements.append(int(found[0]))
    roles = _roles(board, lit, level)
    return tuple(zip(placements, map(int, roles), strict=True))


def _roles(board: Board, lit: list[Led], level: int) -> list[Role]:
    """The role of each light by its colour; level 2 may have dimmed all colours by one scale."""
    colors = _colors(board)
    shown = [color_code(led.color, level) for led in lit]
    for scale in SCALES if level == 2 else SCALES[:1]:
        codes = {role: color_code(color, level, scale) for role, color in colors.items()}
        by_code = {code: role for role, code in codes.items()}
        if not set(shown) <= set(by_code):
            continue
        roles = [by_code[code] for code in shown]
        per_hold = _PER_HOLD.get(board.family, 1)
        if level == 2 and power_scale([colors[role] for role in roles], per_hold) != scale:
            continue
        for role in set(roles):
            same = [other.label for other, code in codes.items() if code == codes[role]]
            if len(same) > 1:
                raise InputError(
                    f"{' and '.join(same)} have one colour on {board.name}: its lights do not say which it is"
                )
        return roles
    known = ", ".join(f"{role.label} {color}" for role, color in colors.items())
    seen = ", ".join(sorted({led.color for led in lit}))
    raise InputError(f"colours {seen} are not those of {board.name} ({known})")


def _leds(board: Board) -> np.ndarray:
    if board.leds is None:
        raise InputError(
            f"{board.name} has no LED numbers: import it for one size (--size) from an app database that has "
            "the table `leds`"
        )
    return board.leds


def _colors(board: Board) -> dict[Role, str]:
    """The colour of each role; the one on the app's screen where none is given for LEDs."""
    return {**board.role_colors, **board.led_colors}

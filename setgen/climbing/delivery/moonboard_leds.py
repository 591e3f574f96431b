"""The MoonBoard's LED protocol: one line of text, `l#S5,P9,P13,E18#`, for its Bluetooth serial port.

S is a start, P a hold between, E the end; the number counts along the LED string, which runs up column A,
down column B and so on, 0 at A1. Apps may put settings in front (`~D*`: light the LED above each hold too;
`~M*`; `~D,M*`: both), and write L, R, M for left hand, right hand and match, and F for a
foot; these are read, not written. Problems of a MoonBoard have no foot holds of their own: on a board without
that role, a foot is one of the holds between.

Sources: github.com/FabianRig/ArduinoMoonBoardLED (README, src/main.cpp), github.com/boardsesh/boardsesh
(packages/shared/ble-protocol/src/moonboard.ts and its tests).
"""

from __future__ import annotations

import re

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.delivery.moonboard import check_moonboard, n_rows
from setgen.climbing.roles import Role
from setgen.climbing.sources.moonboard import COLUMNS
from setgen.errors import InputError

MESSAGE = re.compile(r"(?:~[A-Z]+(?:\s*,\s*[A-Z]+)*\*?)?l#([^#]*)#", re.IGNORECASE)

_LETTERS = {Role.START: "S", Role.MIDDLE: "P", Role.FINISH: "E"}
_ROLES = {letter: role for role, letter in _LETTERS.items()} | dict.fromkeys("LRM", Role.MIDDLE)
_ROLES["F"] = Role.FOOT
_HOLD = re.compile(r"([A-Z])(\d{1,3})")


def moonboard_messages(board: Board, climbs: Climbs) -> list[str]:
    """C messages for C climbs. Raises InputError for any other board."""
    leds = _positions(board)
    return [
        "l#" + ",".join(f"{_LETTERS[Role(role)]}{leds[placement]}" for placement, role in climb.holds) + "#"
        for climb in climbs.ordered()
    ]


def read_moonboard_message(board: Board, message: str) -> tuple[tuple[int, int], ...]:
    """(placement index, role) of each hold that a message lights, in its order.

    Raises InputError when it is no such message, or lights what is not on the board.
    """
    placement_of = {led: i for i, led in enumerate(_positions(board).tolist())}
    match = MESSAGE.fullmatch(message.strip())
    if match is None:
        raise InputError("this is no MoonBoard LED message: write for instance l#S5,P9,E17#")
    holds = []
    for word in filter(str.strip, match[1].split(",")):
        hold = _HOLD.fullmatch(word.strip().upper())
        if hold is None or hold[1] not in _ROLES or int(hold[2]) not in placement_of:
            known = ", ".join(_ROLES)
            raise InputError(
                f"{word!r} lights no hold: a letter ({known}) and a number up to {len(board) - 1} do"
            )
        role = _ROLES[hold[1]]
        if role is Role.FOOT and role not in board.role_ids:
            role = Role.MIDDLE
        holds.append((placement_of[int(hold[2])], int(role)))
    return tuple(holds)


def _positions(board: Board) -> np.ndarray:
    """(V,) place of each hold on the LED string."""
    check_moonboard(board)
    rows = n_rows(board)
    column = np.array([COLUMNS.index(name[0]) for name in board.hole_names])
    row = np.array([int(name[1:]) - 1 for name in board.hole_names])
    return column * rows + np.where(column % 2 == 0, row, rows - 1 - row)

"""MoonBoard hold setups: which holds stand in the grid's cells, and which angles that wall is built at.

One cell's name on two setups is two holds. Numbers: the MoonBoard site's of each setup and of its
configurations (an angle), and boardsesh's of the layout and its hold sets (its MOONBOARD_LAYOUTS and
MOONBOARD_SETS, packages/shared/board-config/src/moonboard-config.ts of github.com/boardsesh/boardsesh).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources import rules
from setgen.climbing.sources.texts import lower_keys

ROWS, MINI_ROWS = 18, 12
DEFAULT_ANGLE = 40


@dataclass(frozen=True)
class Setup:
    """A hold setup. id: the MoonBoard site's number; 0 where a file does not say which setup it is of.

    layout: boardsesh's number. angles: degrees by the number of the configuration, as far as they are known.
    sets: boardsesh's number of each hold set.
    """

    id: int
    name: str
    layout: int | None = None
    rows: int | None = ROWS
    angles: Mapping[int, int] = field(default_factory=dict)
    sets: Mapping[str, int] = field(default_factory=dict)

    @property
    def only_angle(self) -> int | None:
        """The angle, where the setup is built at one only."""
        known = set(self.angles.values())
        return known.pop() if len(known) == 1 else None


def _sets(first: int, *names: str) -> dict[str, int]:
    return {name: first + i for i, name in enumerate(names)}


_A, _B, _C, _D, _E, _F = (f"Hold Set {letter}" for letter in "ABCDEF")
_SCHOOL, _FEET = "Original School Holds", "Screw-on Feet"
_WOOD, _WOOD_B, _WOOD_C = "Wooden Holds", "Wooden Holds B", "Wooden Holds C"
_TWO_ANGLES = {1: 40, 2: 25}

NOT_SAID = Setup(0, "MoonBoard", rows=None)
SETUPS = (
    Setup(23, "MoonBoard 2010", 1, sets=_sets(1, _SCHOOL)),
    Setup(1, "MoonBoard 2016", 2, angles={3: 40}, sets=_sets(2, _A, _B, _SCHOOL)),
    Setup(
        21,
        "MoonBoard 2024",
        3,
        angles={2: 25, 3: 40},
        sets=_sets(5, _D, _E, _F, _WOOD, _WOOD_B, _WOOD_C),
    ),
    Setup(
        15,
        "MoonBoard Masters 2017",
        4,
        angles=_TWO_ANGLES,
        sets=_sets(11, _A, _B, _C, _SCHOOL, _FEET, _WOOD),
    ),
    Setup(
        17,
        "MoonBoard Masters 2019",
        5,
        angles=_TWO_ANGLES,
        sets=_sets(17, _A, _B, _SCHOOL, _FEET, _WOOD, _WOOD_B, _WOOD_C),
    ),
    Setup(
        19,
        "Mini MoonBoard 2020",
        6,
        MINI_ROWS,
        {1: 40},
        _sets(24, _SCHOOL, _WOOD, _WOOD_B, _WOOD_C),
    ),
    Setup(22, "Mini MoonBoard 2025", 7, MINI_ROWS, sets=_sets(28, _F, _SCHOOL, _WOOD_B, _WOOD_C)),
)
_BY_ID = {setup.id: setup for setup in SETUPS}
_BY_LAYOUT = {setup.layout: setup for setup in SETUPS}
_BY_YEAR = {setup.name[-4:]: setup for setup in SETUPS}
# What a configuration means on a setup of which no configurations are known: the same on all that are.
_ANY = {number: angle for setup in SETUPS for number, angle in setup.angles.items()}

_DEGREES = re.compile(r"(?<![\d.,+-])(\d{1,2})(?:[.,]0+)?\s*(?:Â?[°º˚]|deg)", re.IGNORECASE)
_DATE = re.compile(r"(?<!\d)(?:\d{4}[-_.]\d{1,2}[-_.]\d{1,2}|\d{1,2}[-_.]\d{1,2}[-_.]\d{4}|\d{8})(?!\d)")
_NAMED_ANGLES = ("25", "40")  # those that MoonBoards are built at


def by_id(number: int) -> Setup | None:
    """The setup of one of the MoonBoard site's numbers."""
    return _BY_ID.get(number)


def by_layout(number: int) -> Setup | None:
    """The setup of one of boardsesh's layout numbers."""
    return _BY_LAYOUT.get(number)


def read_setup(value: Any) -> Setup:
    """The setup that a `holdsetup` names: an object with `apiId`, a number, or a name.

    NOT_SAID where there is none; one without a known number for a number or name that is not known.
    """
    if isinstance(value, Mapping):
        fields, first = lower_keys(value), NOT_SAID
        for key in ("apiid", "id", "description", "name"):
            setup = read_setup(fields.get(key))
            if setup.layout is not None:  # one that is known
                return setup
            first = setup if first is NOT_SAID else first
        return first
    return _plain_setup(value if isinstance(value, str | int | float | None) else str(value))


@lru_cache(10_000)
def _plain_setup(value: str | float | None) -> Setup:
    if rules.is_missing(value):
        return NOT_SAID
    text = str(value).strip()
    if re.fullmatch(r"\d{1,9}(\.0)?", text):
        number = int(float(text))
        return NOT_SAID if number == 0 else _BY_ID.get(number) or Setup(number, f"hold setup {number}")
    return setup_in_name(text) or Setup(-1, text[:40])


def setup_in_name(text: str) -> Setup | None:
    """The one setup whose year stands in a text, such as a file's name."""
    years = set(re.findall(r"(?<!\d)(20\d\d)(?!\d)", _DATE.sub(" ", text))) & set(_BY_YEAR)
    return _BY_YEAR[years.pop()] if len(years) == 1 else None


def angle_in_name(text: str) -> int | None:
    """The one angle, of those that MoonBoards are built at, that stands in a text such as a file's name."""
    found = set(re.findall(r"(?<!\d)(\d{1,2})(?!\d)", _DATE.sub(" ", text))) & set(_NAMED_ANGLES)
    return int(found.pop()) if len(found) == 1 else None


def stated_angle(record: Mapping[str, Any], setup: Setup, *, entry: bool = False) -> int:
    """Degrees that a record (keys in lower case) states, UNKNOWN, or UNREADABLE.

    In `moonBoardConfiguration` (text such as "40° MoonBoard", an object, or a number), `angle` or
    `moonBoardConfigurationId`. entry: the record is one of a problem's `configurations`.
    """
    keys = ["moonboardconfiguration", "angle", "moonboardconfigurationid"]
    if entry:
        keys += ["configuration", "configurationid", "description", "name", "apiid", "id"]
    found = [_one_angle(record[key], key, setup) for key in keys if key in record]
    found = [angle for angle in found if angle != UNKNOWN]
    return next((a for a in found if a != rules.UNREADABLE), rules.UNREADABLE if found else UNKNOWN)


def _one_angle(value: Any, key: str, setup: Setup) -> int:
    if isinstance(value, Mapping):
        return stated_angle(lower_keys(value), setup, entry=True)
    if key == "angle":
        return rules.angle(value)
    if rules.is_missing(value) or str(value).strip() in ("0", "0.0"):
        return UNKNOWN
    text = str(value).strip()
    if match := _DEGREES.search(text):
        return int(match[1])
    number = re.fullmatch(r"(\d{1,9})(?:\.0)?", text)
    return (setup.angles or _ANY).get(int(number[1]), rules.UNREADABLE) if number else rules.UNREADABLE

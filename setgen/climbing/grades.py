"""Grades: one ordered scale of difficulty ids inside, Font and V names at the edges.

The ids are those of the board apps' `difficulty_grades` table; 10 (4a/V0) to 33 (8c+/V16) are in use.
"""

import re
import unicodedata

from setgen.errors import InputError

UNKNOWN = -1
"""Stands for "no grade given" and "no angle given" in every array."""

_SCALE = (
    *("4a/V0", "4b/V0", "4c/V0", "5a/V1", "5b/V1", "5c/V2", "6a/V3", "6a+/V3", "6b/V4", "6b+/V4"),
    *("6c/V5", "6c+/V5", "7a/V6", "7a+/V7", "7b/V8", "7b+/V8", "7c/V9", "7c+/V10", "8a/V11", "8a+/V12"),
    *("8b/V13", "8b+/V14", "8c/V15", "8c+/V16"),
)
FIRST, LAST = 10, 10 + len(_SCALE) - 1

FONT = {FIRST + i: name.split("/")[0] for i, name in enumerate(_SCALE)}
V = {FIRST + i: name.split("/")[1] for i, name in enumerate(_SCALE)}

_BY_FONT = {name: grade for grade, name in FONT.items()}
_BY_FONT.update({"4": 10, "4+": 12, "5": 13, "5+": 15})  # older Font spellings
_BY_V: dict[str, int] = {}
for _grade, _name in V.items():
    _BY_V.setdefault(_name, _grade)


def parse_grade(text: str) -> int:
    """Difficulty id of a Font grade (`7a+`), a V grade (`V6`) or both (`7a/V6`, `V6/7a`), in any case.

    A V grade that spans two Font grades means the lower one. Raises InputError for anything else.
    """
    key = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lower()  # a Japanese keyboard's ７ａ is 7a
    first, _, second = key.partition("/")
    font, v = (second, first) if first.startswith("v") else (first, second)
    if font in _BY_FONT and (not v or v.upper() == V[_BY_FONT[font]]):
        return _BY_FONT[font]
    if not font and v.upper() in _BY_V:
        return _BY_V[v.upper()]
    raise InputError(f"unknown grade {text!r}: use a Font grade ({FONT[FIRST]} to {FONT[LAST]}) or V0 to V16")


def grade_name(grade: int) -> str:
    """`7a/V6` for 22; `?` for an unknown grade."""
    return f"{FONT[grade]}/{V[grade]}" if grade in FONT else "?"

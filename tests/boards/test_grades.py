"""Grades: the scale of the design notes, both ways."""

from __future__ import annotations

import pytest

from setgen.climbing.grades import FIRST, FONT, LAST, V, grade_name, parse_grade
from setgen.errors import InputError


def test_every_name_reads_back_as_its_id() -> None:
    assert (FIRST, LAST) == (10, 33)
    for grade in range(FIRST, LAST + 1):
        assert parse_grade(grade_name(grade)) == grade
        assert parse_grade(FONT[grade].upper()) == grade


def test_known_points_of_the_scale() -> None:
    assert {V[g] for g in (16, 17)} == {"V3"}
    assert parse_grade("7a") == 22 == parse_grade("v6")
    assert parse_grade("V3") == 16  # the lower of the two Font grades
    assert parse_grade("8c+/V16") == 33


@pytest.mark.parametrize("text", ["", "7d", "V17", "7a/V7", "V", "banana", "6a++"])
def test_unknown_grades(text: str) -> None:
    with pytest.raises(InputError, match="unknown grade"):
        parse_grade(text)

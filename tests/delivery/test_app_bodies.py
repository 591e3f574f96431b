"""The body that saves a climb: the app's own fields, and a climb that is read back from them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from walls import PLAIN, WALL, any_climbs, same

from setgen.climbing.climb_files import read_climbs
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.delivery.app import create_climbs
from setgen.climbing.frames import write_frames
from setgen.errors import InputError

CLIMBS = Climbs.from_list([Climb(((4, 0), (9, 2)), 40, 22), Climb(((4, 0), (10, 2)))])


def test_the_fields_are_the_app_s() -> None:
    """Names and types as BoardLib's save_climb sends them; without an angle the field is left out."""
    body, other = create_climbs(WALL, CLIMBS, ["One", "Two"], setter_id=7)
    assert {k: v for k, v in body.items() if k != "uuid"} == {
        "layout_id": 1,
        "setter_id": 7,
        "name": "One",
        "description": "7a/V6",
        "is_draft": True,
        "frames_count": 1,
        "frames_pace": 0,
        "frames": write_frames(WALL, CLIMBS)[0],
        "angle": 40,
    }
    assert set(body) - set(other) == {"angle"}
    assert other["description"] == ""
    assert all(re.fullmatch("[0-9A-F]{32}", b["uuid"]) for b in (body, other))


def test_a_climb_keeps_its_uuid_and_no_other_has_it() -> None:
    def ids(climbs: Climbs, **more) -> list[str]:
        return [b["uuid"] for b in create_climbs(WALL, climbs, ["a"] * len(climbs), **more)]

    assert ids(CLIMBS) == ids(CLIMBS)
    steeper = CLIMBS.with_conditions(CLIMBS.angle + 5, CLIMBS.grade)
    assert len({*ids(CLIMBS), *ids(steeper), *ids(CLIMBS, setter_id=7)}) == 6


def test_what_the_user_says_goes_in() -> None:
    (body,) = create_climbs(WALL, CLIMBS[:1], ["Mond · 月"], description="no kicker", draft=False)
    assert (body["name"], body["description"], body["is_draft"]) == ("Mond · 月", "no kicker", False)


def test_a_board_without_its_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="layout in the app"):
        create_climbs(PLAIN, CLIMBS, ["One", "Two"])


@given(any_climbs(WALL))
def test_bodies_are_read_back_one_a_line_or_as_a_list(tmp_path_factory, climbs: Climbs) -> None:
    bodies = create_climbs(WALL, climbs, ["x"] * len(climbs))
    path = tmp_path_factory.getbasetemp() / "bodies"
    for text in ("\n".join(map(json.dumps, bodies)), json.dumps(bodies, indent=1)):
        path.write_text(text)
        assert same(read_climbs(path, WALL, check=False), climbs, "angle")
    path.write_text(json.dumps(bodies[0], indent=2))
    assert same(read_climbs(path, WALL, check=False), climbs[:1], "angle")

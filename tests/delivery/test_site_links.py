"""Links: the sites' own forms, and frames that come back out of them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from walls import PLAIN, WALL, any_climbs

from setgen.climbing.board import AppIds
from setgen.climbing.climb_files import read_climbs
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.delivery.links import boardsesh_links, climbdex_searches, read_link
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources.moonboard import moonboard
from setgen.climbing.sources.setups import SETUPS
from setgen.errors import InputError

ONE = Climbs.from_list([Climb(((4, 0), (9, 2)), 40, 22)])
FRAMES = "p5r1p10r3"


def test_boardsesh_opens_its_editor_on_the_climb() -> None:
    """/<board>/<layout>/<size>/<sets>/<angle>/create, as constructCreateClimbUrl writes it."""
    assert boardsesh_links(WALL, ONE, ["Mond & Sterne"]) == [
        f"https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames={FRAMES}&forkName=Mond+%26+Sterne"
    ]


def test_climbdex_gets_every_parameter_that_it_needs() -> None:
    """Those that climbdex/db.py reads without a default, and the holds."""
    (link,) = climbdex_searches(WALL, ONE)
    assert link.startswith("https://climbdex.com/results?")
    query = parse_qs(urlsplit(link).query, strict_parsing=True)
    needed = {"layout", "size", "minAscents", "minGrade", "maxGrade", "minRating", "gradeAccuracy", "sortBy"}
    assert needed | {"board", "set", "onlyClassics", "sortOrder"} <= set(query)
    assert query["board"] == ["kilter"]
    assert query["set"] == ["1", "20"]
    assert query["holds"] == [FRAMES]
    assert query["roleMatch"] == ["strict"]
    assert query["onlyClassics"] == ["0"]


def test_boards_have_the_sites_names() -> None:
    soill = replace(WALL, family="so")
    assert boardsesh_links(soill, ONE, ["x"])[0].startswith("https://www.boardsesh.com/soill/")
    with pytest.raises(InputError, match="climbdex has no links"):
        climbdex_searches(soill, ONE)


@given(any_climbs(WALL))
def test_round_trip(climbs: Climbs) -> None:
    frames = write_frames(WALL, climbs)
    angles = [None if a == UNKNOWN else a for a in climbs.angle.tolist()]
    assert [read_link(link) for link in climbdex_searches(WALL, climbs)] == list(
        zip(frames, angles, strict=True)
    )
    steep = climbs.with_conditions(climbs.angle * 0 + 40, climbs.grade)
    links = boardsesh_links(WALL, steep, ["a b"] * len(climbs))
    assert [read_link(link) for link in links] == [(f, 40) for f in frames]


def test_links_by_name_carry_frames_too() -> None:
    link = f"https://www.boardsesh.com/kilter/original/12x12-square/screw_bolt/-5/create?forkFrames={FRAMES}"
    assert read_link(link) == (FRAMES, -5)


@pytest.mark.parametrize(
    ("board", "what"),
    [
        (PLAIN, "no links to climbs"),
        (moonboard(), "hold setup|no links to climbs"),
        (replace(WALL, app=None), "layout and size"),
        (replace(WALL, app=AppIds(1, None, (1, 20))), "layout and size"),
    ],
)
def test_boards_that_the_sites_do_not_have(board, what: str) -> None:
    for write in (lambda: boardsesh_links(board, ONE, ["x"]), lambda: climbdex_searches(board, ONE)):
        with pytest.raises(InputError, match=what):
            write()


def test_boardsesh_needs_an_angle() -> None:
    with pytest.raises(InputError, match="climb 1 has no angle"):
        boardsesh_links(WALL, ONE.with_conditions(ONE.angle * 0 + UNKNOWN, ONE.grade), ["x"])


@given(st.text())
def test_links_without_frames_are_one_line(rest: str) -> None:
    for start in ("https://climbdex.com/kilter/beta/", "https://[", "https://www.boardsesh.com/kilter/?x="):
        with pytest.raises(InputError, match=r"no climb|no link"):
            read_link(start + rest.replace("&", "").replace("?", ""))


MOON = moonboard(setup=next(s for s in SETUPS if s.id == 15))


def test_moonboards_on_boardsesh_both_ways(tmp_path) -> None:
    (link,) = boardsesh_links(MOON, ONE, ["x"])
    assert link.startswith(
        "https://www.boardsesh.com/moonboard/4/1/11,12,13,14,15,16/40/create?forkFrames=p5r42"
    )
    for text in (
        link,
        link.replace("/4/1/", "/masters-2017/standard/"),
        link.replace("/moonboard/4/1/", "/b/home/"),
    ):
        (tmp_path / "links").write_text(text)
        (climb,) = read_climbs(tmp_path / "links", MOON, check=False)
        assert set(climb.holds) == set(ONE.climb(0).holds)


@pytest.mark.parametrize(
    ("board", "path", "what"),
    [
        (MOON, "moonboard/5/1/17/40", "on layout 5 of moonboard"),
        (MOON, "moonboard/2016/standard/a/40", "on layout 2016 of moonboard"),
        (MOON, "kilter/1/10/1/40", "on the board kilter"),
        (WALL, "kilter/8/10/1/40", "on layout 8 of kilter"),
        (WALL, "tension/1/10/1/40", "on the board tension"),
    ],
)
def test_links_of_other_boards_are_not_read_as_this_one_s(board, path: str, what: str, tmp_path) -> None:
    frames = write_frames(board, ONE)[0]
    (tmp_path / "links").write_text(f"https://www.boardsesh.com/{path}/create?forkFrames={frames}\n")
    with pytest.raises(InputError, match=rf"line 1: this link is of a climb {what}"):
        read_climbs(tmp_path / "links", board, check=False)


@pytest.mark.parametrize("end", ["view/some-name-0123456789ABCDEF0123456789ABCDEF", "play/0123"])
def test_links_to_published_climbs_say_what_to_give_instead(end: str) -> None:
    with pytest.raises(
        InputError, match="published climb and does not carry its holds: give --board a dataset"
    ):
        read_link(f"https://www.boardsesh.com/kilter/original/12x12/screw_bolt/40/{end}")

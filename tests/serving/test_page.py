"""The page in a real browser: every control, on a desk and on a phone, and nothing that axe objects to.

Skipped where there is no Chromium.
"""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from matplotlib.image import imread

from setgen.climbing.board import AppIds
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.frames import read_frames, write_frames
from setgen.climbing.grades import parse_grade
from setgen.climbing.rules import legal
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.generators.registry import generator_class
from setgen.serving.model import ServedModel

sync_api = pytest.importorskip("playwright.sync_api")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright")

_DOCS = Path(__file__).resolve().parents[2] / "data" / "results"

DESK, PHONE = (1280, 900), (390, 844)

pytestmark = pytest.mark.slow


@pytest.fixture
def open_page(browser, live):
    """`open_page(size, scheme, fragment, **settings)`: the page of a server of its own, ready. A script's
    error or a request to anywhere else fails the test."""
    contexts, errors = [], []

    def make(size=DESK, scheme="light", fragment="", has_touch=False, models=None, **settings):
        server = live(models, **settings)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            accept_downloads=True,
            has_touch=has_touch,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: None if ours(request.url, server) else errors.append(request.url))
        page.goto(f"{server.url}/{fragment}")
        return page

    def ours(url: str, server) -> bool:
        return url.startswith((server.url, "data:", "blob:"))

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def hold(page, number: int):
    return page.locator(f'[data-id="{number}"]')


def label(page, number: int) -> str:
    return hold(page, number).get_attribute("aria-label")


def frames(page) -> str:
    return page.locator("#frames").input_value()


def ready(page) -> None:
    page.wait_for_selector(".hold")


def propose(page, button: str) -> list[str]:
    """Press a button that brings proposals; their texts."""
    before = page.locator("#proposals").inner_html()
    page.click(button)
    page.wait_for_function("old => document.querySelector('#proposals').innerHTML !== old", arg=before)
    assert page.locator("#proposals button").count() == 8
    return page.locator("#proposals button").all_inner_texts()


def test_a_click_goes_through_the_roles_that_have_room(open_page) -> None:
    page = open_page()
    ready(page)
    seen = []
    for _ in range(5):
        hold(page, 5).click()
        seen.append(label(page, 5))
    assert seen == [
        *(f"G5: {role}, locked" for role in ("start", "hand", "finish", "foot")),
        "G5: not used",
    ]
    for number in (1, 2):
        hold(page, number).click()
    hold(page, 3).click()
    assert label(page, 3) == "G3: hand, locked"


def test_the_keyboard_does_all_that_the_mouse_does(open_page) -> None:
    page = open_page()
    ready(page)
    hold(page, 1).focus()
    for pressed, expected in (
        ("ArrowRight", "G2"),
        ("ArrowUp", "G13"),
        ("ArrowLeft", "G12"),
        ("ArrowDown", "G1"),
    ):
        page.keyboard.press(pressed)
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").split(":")[0] == expected
    assert page.locator('.hold[tabindex="0"]').count() == 1
    for pressed, said in (
        ("Enter", "start, locked"),
        ("f", "finish, locked"),
        ("t", "foot, locked"),
        ("l", "foot"),
        ("m", "hand, locked"),
        ("s", "start, locked"),
        ("Delete", "not used"),
    ):
        page.keyboard.press(pressed)
        assert label(page, 1) == f"G1: {said}"
    page.keyboard.press("Control+z")
    assert label(page, 1) == "G1: start, locked"
    page.keyboard.press("Control+y")
    assert label(page, 1) == "G1: not used"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_complete_take_again_and_harder(open_page, size) -> None:
    page = open_page(size)
    ready(page)
    hold(page, 5).click()
    hold(page, 16).click()
    hold(page, 16).click()
    assert frames(page) == "p5r1p16r2"
    texts = propose(page, "#complete")
    assert all("legal" in text and "holds" in text for text in texts)
    assert len(set(texts)) > 1
    page.locator("#proposals button").nth(2).click()
    taken = frames(page)
    board = synthetic_board()
    assert legal(board, read_frames(board, [taken])).all()
    assert label(page, 5) == "G5: start, locked"
    assert "locked" not in label(page, int(read_frames(board, [taken]).placement[-1]) + 1)
    page.wait_for_selector("#judgement .good")
    assert "legal" in page.inner_text("#judgement")
    count = len(read_frames(board, [taken]).placement)

    for button in ("#again", "#harder", "#easier"):
        propose(page, button)
        page.locator("#proposals button").first.click()
        climb = read_frames(board, [frames(page)])
        assert {(4, 0), (15, 1)} < set(climb.climb(0).holds)
        assert len(climb.placement) == count
    page.click("#undo")
    assert page.is_enabled("#redo")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_a_part_of_a_climb_is_not_judged_and_a_climb_is_made_harder_from_its_own_grade(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2&a=40&g=8a")
    ready(page)
    page.wait_for_selector("#judgement span")
    assert page.inner_text("#judgement") == "2 holds · to be completed: too few finishes"
    with page.expect_request("**/v1/edit") as asked:
        page.click("#easier")
    assert asked.value.post_data_json["grade"] == "7c+"  # of a part only what was asked for is known
    page.goto(page.url.split("#")[0] + "#f=p5r1p16r2p38r2p60r2p104r3&a=40&g=8a")
    page.wait_for_selector("#judgement .good")
    own = re.search(r"about (\S+)/", page.inner_text("#judgement")).group(1)
    assert own != "8a"
    grades = [one["grade"] for one in httpx.get(f"{page.url.split('#')[0]}v1/board").json()["grades"]]
    with page.expect_request("**/v1/edit") as asked:
        page.click("#harder")
    assert asked.value.post_data_json["grade"] == grades[grades.index(own) + 1]


def test_sliders_ask_for_angle_and_grade(open_page) -> None:
    page = open_page()
    ready(page)
    page.locator("#angle").fill("3")
    page.locator("#grade").fill("11")
    assert page.inner_text("#angle-text") == "40°"
    assert page.inner_text("#grade-text") == "6c/V5"
    assert page.get_attribute("#grade", "aria-valuetext") == "6c/V5"
    with page.expect_request("**/v1/generate") as asked:
        page.click("#complete")
    assert asked.value.post_data_json == {
        "angle": 40,
        "grade": "6c",
        "n": 8,
        "best_of": 8,
        "near": True,
    }
    page.wait_for_selector("#proposals button")
    with page.expect_request("**/v1/generate") as asked:
        page.click("#harder")
    assert asked.value.post_data_json["grade"] == "6c+"
    assert page.inner_text("#grade-text") == "6c+/V5"


def test_the_lock_tool_frees_a_hold_for_again(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2p38r2p104r3&l=5.16.38.104")
    ready(page)
    page.get_by_text("Lock", exact=True).click()
    hold(page, 38).click()
    assert label(page, 38) == "G38: hand"
    with page.expect_request("**/v1/edit") as asked:
        page.click("#again")
    assert sorted(asked.value.post_data_json["keep"]) == [5, 16, 104]


def out_of_sight(page, numbers) -> list[str]:
    """Which of these holds' middles are outside the part of the board that is shown, wherever the page is
    scrolled to. Asked in one go, for the page may be scrolling."""
    holds = page.locator("#board .hold").element_handles()
    named = [one for one in holds if int(one.get_attribute("data-id")) in numbers]
    assert len(named) == len(numbers)
    return page.evaluate(
        """holds => {
          const shown = document.querySelector("#board").getBoundingClientRect();
          return holds.filter(hold => {
            const { x, y, width, height } = hold.getBoundingClientRect();
            const [across, down] = [x + width / 2, y + height / 2];
            return across < shown.left || across > shown.right || down < shown.top || down > shown.bottom;
          }).map(hold => hold.getAttribute("aria-label"));
        }""",
        named,
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_forbidden_holds_are_marked_never_proposed_and_come_back(open_page, size) -> None:
    page = open_page(size, fragment="#f=p5r1p16r2p38r2&l=5.16.38", has_touch=size == PHONE)
    ready(page)
    press = "tap" if size == PHONE else "click"
    if size == PHONE:
        page.click("#zoom")  # where holds are too near one another, a touch zooms in first
    page.get_by_text("Forbid", exact=True).click()
    for number in (17, 38, 27):
        getattr(hold(page, number), press)()
    assert frames(page) == "p5r1p16r2"
    assert [label(page, n) for n in (17, 38, 27)] == [f"G{n}: forbidden" for n in (17, 38, 27)]
    assert page.locator("#board .cross").count() == 3
    assert page.locator("#legend .cross").count() == 1
    assert page.inner_text("#limits-text") == ": 3 forbidden"
    with page.expect_request("**/v1/complete") as asked:
        propose(page, "#complete")
    assert asked.value.post_data_json["forbid"] == "p17,p38,p27"
    page.locator("#proposals button").first.click()
    board = synthetic_board()
    taken = {int(board.ids[p]) for p in read_frames(board, [frames(page)]).placement}
    assert {5, 16} < taken
    assert not taken & {17, 27, 38}
    with page.expect_request("**/v1/edit") as asked:
        page.click("#again")
    assert asked.value.post_data_json["forbid"] == "p17,p38,p27"

    assert out_of_sight(page, taken) == []  # zoomed in or, where a climb does not fit there, whole
    if size == PHONE and page.get_attribute("#zoom", "aria-pressed") == "false":
        page.click("#zoom")
    getattr(hold(page, 17), press)()  # once more frees it
    assert label(page, 17) == "G17: not used"
    page.click("#undo")
    assert label(page, 17) == "G17: forbidden"
    page.click("#redo")
    assert label(page, 17) == "G17: not used"
    page.get_by_text("Set role", exact=True).click()
    getattr(hold(page, 27), press)()  # a role frees it too
    assert "forbidden" not in label(page, 27)
    assert page.inner_text("#limits-text") == ": 1 forbidden"
    page.click("#clear")
    assert page.locator("#board .cross").count() == 0
    assert page.inner_text("#limits-text") == ""
    page.click("#undo")
    assert label(page, 38) == "G38: forbidden"
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_keyboard_forbids_too_and_a_link_carries_the_limits(open_page) -> None:
    page = open_page(fragment="#f=p5r1&x=5.17.999&feet=none&most=9&reach=38")
    ready(page)
    assert (label(page, 5), label(page, 17)) == ("G5: start", "G17: forbidden")
    limits = ": 1 forbidden, no marked feet, 9 holds at most, reach 38 inches"
    assert page.inner_text("#limits-text") == limits
    hold(page, 38).focus()
    page.keyboard.press("x")
    assert label(page, 38) == "G38: forbidden"
    sync_api.expect(page.locator("#status")).to_have_text("G38: forbidden.")
    page.locator('input[value="cycle"]').focus()
    page.keyboard.press("ArrowLeft")
    assert page.is_checked('input[value="forbid"]')
    hold(page, 17).focus()
    page.keyboard.press("Enter")
    assert label(page, 17) == "G17: not used"
    page.locator("#most").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("#reach").focus()
    page.keyboard.press("ArrowRight")
    page.select_option("#feet", "marked")
    assert page.get_attribute("#most", "aria-valuetext") == "8"
    assert page.get_attribute("#reach", "aria-valuetext") == "39 inches"
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    ready(page)
    assert label(page, 38) == "G38: forbidden"
    assert page.inner_text("#limits-text") == ": 1 forbidden, marked feet, 8 holds at most, reach 39 inches"
    with page.expect_request("**/v1/complete") as asked:
        propose(page, "#complete")
    found = asked.value.post_data_json
    assert (found["forbid"], found["feet"]) == ("p38", "marked")
    assert (found["max_holds"], found["reach"]) == (8, 39)
    for button in page.locator("#proposals button").all():
        assert int(button.inner_text().split("· ")[1].split(" ")[0]) <= 8
    page.locator("#most").fill("35")
    page.locator("#reach").focus()
    page.keyboard.press("End")
    assert page.get_attribute("#reach", "aria-valuetext") == "any"
    with page.expect_request("**/v1/complete") as asked:
        page.click("#complete")
    assert not {"max_holds", "reach"} & set(asked.value.post_data_json)


def test_limits_that_cannot_be_kept_are_said(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2&most=2")
    ready(page)
    page.click("#complete")
    page.wait_for_selector("#alert:not([hidden])")
    assert "no climb keeps to these constraints" in page.inner_text("#alert")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_messages_are_in_view_beside_the_actions_and_go_with_the_next(open_page, size) -> None:
    page = open_page(size, fragment="#f=p5r1p16r2&most=2")
    ready(page)
    for top in (0, 10_000):
        page.evaluate("top => window.scrollTo(0, top)", top)
        if size == PHONE:
            sync_api.expect(page.locator("#complete")).to_be_in_viewport(ratio=1)
        page.click("#complete")
        sync_api.expect(page.locator("#alert")).to_be_in_viewport(ratio=1)
        hold(page, 38).click()
        sync_api.expect(page.locator("#alert")).to_be_hidden()
        sync_api.expect(page.locator("#status")).to_be_in_viewport(ratio=1)
        page.click("#undo")
        sync_api.expect(page.locator("#status")).to_have_text("")


def test_proposals_say_how_hard_they_are_and_what_was_asked(open_page) -> None:
    page = open_page(fragment="#a=40&g=7a")
    ready(page)
    for text in propose(page, "#complete"):
        assert "(asked 7a/V6)" in text
        assert ": about " in text


def test_what_is_forbidden_has_no_heat(open_page) -> None:
    page = open_page(fragment="#f=p5r1&x=16.17")
    ready(page)
    page.click("#heat")
    page.wait_for_selector(".warm", state="attached")
    assert page.locator(".warm").count() == 147
    assert label(page, 16) == "G16: forbidden"


def test_the_heat_map_shows_what_comes_next_and_follows_changes(open_page) -> None:
    page = open_page(fragment="#f=p5r1")
    ready(page)
    assert page.locator(".warm").count() == 0
    page.click("#heat")
    page.wait_for_selector(".warm", state="attached")
    assert page.get_attribute("#heat", "aria-pressed") == "true"
    assert page.locator(".warm").count() == 149
    assert "% next" in label(page, 16)
    before = label(page, 60)
    hold(page, 16).click()
    page.wait_for_function("old => document.querySelector('[data-id=\"60\"]').ariaLabel !== old", arg=before)
    page.click("#heat")
    assert page.locator(".warm").count() == 0


def test_zoom_makes_holds_large_enough_for_a_thumb(open_page) -> None:
    page = open_page(PHONE)
    ready(page)

    def width() -> float:
        return hold(page, 5).locator(".hit").bounding_box()["width"]

    before = width()
    page.click("#zoom")
    assert width() > 2 * before
    hold(page, 11).click()
    assert label(page, 11) == "G11: start, locked"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.click("#zoom")
    assert width() == before


def test_a_link_carries_the_design(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2p999r1&a=40&g=7a&l=16")
    ready(page)
    assert frames(page) == "p5r1p16r2"
    assert (label(page, 5), label(page, 16)) == ("G5: start", "G16: hand, locked")
    assert (page.inner_text("#angle-text"), page.inner_text("#grade-text")) == ("40°", "7a/V6")
    hold(page, 104).click()
    page.click("#link")
    sync_api.expect(page.locator("#status")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    page.click("#clear")
    assert frames(page) == ""
    page.goto("about:blank")
    page.goto(link)
    ready(page)
    assert frames(page) == "p5r1p16r2p104r1"
    assert label(page, 16) == "G16: hand, locked"


def test_frames_go_in_and_out(open_page) -> None:
    page = open_page()
    ready(page)
    page.fill("#frames", 'p5r1p16r2p38r2,"p104r3')  # a second frame that adds a hold to the first
    page.press("#frames", "Enter")
    sync_api.expect(page.locator("#frames")).to_have_value("p5r1p16r2p38r2p104r3")
    sync_api.expect(page.locator("#status")).to_have_text("4 holds imported.")
    page.click("#copy")
    sync_api.expect(page.locator("#status")).to_have_text("Frames string copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "p5r1p16r2p38r2p104r3"
    page.fill("#frames", "p5r1p999r2")
    page.click("#import")
    page.wait_for_selector("#alert:not([hidden])")
    assert "p999" in page.inner_text("#alert")
    page.fill("#frames", "p5r1p16r2p38r2,p104r3")
    page.click("#import")
    sync_api.expect(page.locator("#alert")).to_contain_text("switches holds off")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "climb.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    assert page.is_hidden("#alert")


def test_a_key_is_asked_for_until_it_is_right(open_page) -> None:
    page = open_page(api_key="open-1")
    key = page.locator("#key")
    for given in ("wrong", "open-1"):
        key.wait_for()
        sync_api.expect(key).to_have_value("")
        key.fill(given)
        page.keyboard.press("Enter")
    ready(page)
    page.click("#complete")
    page.wait_for_selector("#proposals button")


def test_several_calls_that_are_refused_ask_once(open_page) -> None:
    page = open_page(api_key="open-1")
    key = page.locator("#key")
    key.wait_for()
    key.fill("open-1")
    page.keyboard.press("Enter")
    ready(page)
    page.evaluate("sessionStorage.clear()")
    shown = "window.shown = 0; const show = HTMLDialogElement.prototype.showModal;"
    shown += (
        "HTMLDialogElement.prototype.showModal = function () { window.shown++; return show.call(this); };"
    )
    page.evaluate(f"() => {{ {shown} }}")
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status == 401 else None)
    page.evaluate(
        "() => { document.querySelector('#heat').click(); document.querySelector('#complete').click(); }"
    )
    key.wait_for()
    while len(refused) < 2:
        page.wait_for_timeout(20)
    key.fill("open-1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#proposals button")
    page.wait_for_selector(".warm", state="attached")
    assert page.evaluate("window.shown") == 1
    assert page.is_hidden("#key-dialog")


def test_a_server_that_is_gone_is_said(open_page) -> None:
    page = open_page()
    ready(page)
    page.route("**/v1/**", lambda route: route.abort())
    page.click("#complete")
    page.wait_for_selector("#alert:not([hidden])")
    assert "cannot be reached" in page.inner_text("#alert")
    page.unroute("**/v1/**")
    propose(page, "#complete")
    assert page.is_hidden("#alert")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_no_fault(open_page, size, scheme) -> None:
    page = open_page(size, scheme, "#f=p1r1p11r1p104r3&l=1&x=17.18&feet=none&most=12&reach=40")
    ready(page)
    page.wait_for_selector("#limits[open]")
    propose(page, "#complete")
    page.click("#heat")
    page.click("#help summary")
    page.click("#zoom")
    page.wait_for_selector(".warm", state="attached")
    page.wait_for_selector("#judgement .bad")
    without_faults(page)


def without_faults(page) -> None:
    found = axe_api.Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_no_fault_in_what_only_some_servers_and_users_have(open_page, wide, model) -> None:
    page = open_page(PHONE, models=[wide, model], fragment="#f=p1001r1p1020r2p1040r3&a=40")
    ready(page)
    page.click("#boardsesh")
    page.wait_for_selector("#status a")
    without_faults(page)
    for _ in range(2):
        page.click("#save")
        page.click("#right")
    page.wait_for_selector("#models-label:not([hidden])")
    assert page.locator("#saved-climbs li").count() == 2
    without_faults(page)


def test_the_description_needs_no_other_server_and_can_be_tried(open_page) -> None:
    page = open_page(fragment="docs")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == 16
    page.click("#operations-design-generate")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table .response-col_status")
    assert page.inner_text(".live-responses-table .response .response-col_status").startswith("200")


@pytest.fixture(scope="module")
def wide() -> ServedModel:
    """A model of a Kilter-like board: 476 holds, four inches apart, with mirror images."""
    x, y = np.meshgrid(np.arange(17) * 8.0 + 8, np.arange(28) * 5.0 + 8)
    n = x.size
    board = replace(
        synthetic_board(),
        name="Wide Board",
        family="kilter",
        ids=np.arange(n) + 1000,
        xy=np.stack([x.ravel(), y.ravel()], 1),
        hole_names=tuple(f"{chr(65 + i % 17)}{i // 17 + 1}" for i in range(n)),
        hold_set=np.zeros(n, dtype=np.int64),
        app=AppIds(layout=1, size=10, sets=(1, 20)),
        mirror=np.arange(n).reshape(28, 17)[:, ::-1].ravel(),
    )
    kind = generator_class("hold_frequency")
    generator = kind(board, kind.Config())
    rng = np.random.default_rng(0)
    made = [
        [(int(p), r) for p, r in zip(rng.choice(n, 4, False), (0, 1, 1, 2), strict=True)] for _ in range(9)
    ]
    generator.fit_counts(Climbs.from_list([Climb(tuple(holds), 40, 20) for holds in made]))
    return ServedModel(generator, None, None, {})


def test_brushes_set_their_role_and_take_it_off(open_page) -> None:
    page = open_page()
    ready(page)
    words = page.locator("#brushes label").all_inner_texts()
    assert [word.strip() for word in words] == [
        *("Set role", "Start", "Hand", "Finish", "Foot"),
        *("Erase", "Lock", "Forbid"),
    ]
    for brush, number in (("Start", 5), ("Hand", 16), ("Foot", 17), ("Finish", 104)):
        page.get_by_text(brush, exact=True).first.click()
        hold(page, number).click()
        assert label(page, number) == f"G{number}: {brush.lower()}, locked"
    hold(page, 104).click()  # the same brush again
    assert label(page, 104) == "G104: not used"
    for number in (1, 2):
        hold(page, number).click()
    page.get_by_text("Start", exact=True).first.click()
    for number in (6, 7):
        hold(page, number).click()
    assert label(page, 7) == "G7: not used"
    assert "at most 2 start holds" in page.inner_text("#status")
    page.get_by_text("Erase", exact=True).click()
    hold(page, 5).click()
    assert label(page, 5) == "G5: not used"


def test_a_click_beside_a_hold_means_the_nearest_one(open_page) -> None:
    page = open_page()
    ready(page)
    box = hold(page, 60).locator(".hit").bounding_box()
    page.mouse.click(box["x"] + box["width"] + 2, box["y"] + box["height"] / 2 + 1)
    assert label(page, 60) == "G60: start, locked"
    assert page.locator("#board .ring").count() == 1


def test_476_holds_can_be_hit_with_a_thumb(open_page, wide) -> None:
    page = open_page(PHONE, has_touch=True, models=[wide])
    ready(page)

    def apart() -> float:
        boxes = [hold(page, number).locator(".hit").bounding_box() for number in (1200, 1217)]
        return abs(boxes[0]["y"] - boxes[1]["y"])

    assert apart() < 24
    hold(page, 1200).tap()
    assert page.get_attribute("#zoom", "aria-pressed") == "true"
    assert label(page, 1200) == "N12: not used"
    assert apart() >= 24
    sync_api.expect(hold(page, 1200)).to_be_in_viewport()  # it was zoomed in there
    assert "touch the hold again" in page.inner_text("#status")
    hold(page, 1200).tap()
    assert label(page, 1200) == "N12: start, locked"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.fill("#frames", "p1001r1p1003r3")
    page.click("#import")
    sync_api.expect(hold(page, 1001)).to_be_in_viewport()  # the zoom follows the climb
    assert page.get_attribute("#zoom", "aria-pressed") == "true"
    page.fill("#frames", "p1001r1p1440r3")
    page.click("#import")
    sync_api.expect(hold(page, 1440)).to_be_in_viewport()  # which is too large for it: the whole board
    assert page.get_attribute("#zoom", "aria-pressed") == "false"


def test_rows_and_columns_are_labelled_where_names_are_places(open_page, wide) -> None:
    page = open_page(models=[wide])
    ready(page)
    assert page.locator(".axis").all_text_contents() == [
        *(chr(65 + i) for i in range(17)),
        *(str(i + 1) for i in range(28)),
    ]


def test_a_climb_is_mirrored_and_shifted(open_page, wide) -> None:
    page = open_page(models=[wide], fragment="#f=p1001r1p1020r2&l=1001")
    ready(page)
    page.click("#mirror")
    assert frames(page) == "p1015r1p1030r2"
    page.click("#undo")
    page.click("#right")
    assert frames(page) == "p1002r1p1021r2"
    page.click("#up")
    assert frames(page) == "p1019r1p1038r2"
    assert label(page, 1019) == "C2: start, locked"
    page.click("#down")
    page.click("#left")
    page.click("#left")
    page.click("#left")
    assert "cannot be shifted left" in page.inner_text("#alert")


def test_a_climb_is_opened_in_boardsesh_and_pasted_from_there(open_page, wide) -> None:
    page = open_page(models=[wide], fragment="#f=p1001r1p1020r2p1040r3")
    ready(page)
    page.click("#boardsesh")
    sync_api.expect(page.locator("#alert")).to_contain_text("Choose an angle first")
    page.locator("#angle").fill("3")
    with page.context.expect_page():
        page.click("#boardsesh")
    link = page.locator("#status a").get_attribute("href")
    assert link.startswith(
        "https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames=p1001r1p1020r2p1040r3"
    )
    page.click("#clear")
    page.fill("#frames", link)
    page.press("#frames", "Enter")
    sync_api.expect(page.locator("#frames")).to_have_value("p1001r1p1020r2p1040r3")
    page.fill("#frames", link.replace("/kilter/1/", "/tension/9/"))
    page.press("#frames", "Enter")
    sync_api.expect(page.locator("#alert")).to_contain_text("tension")


def test_boards_are_chosen_where_the_server_has_several(open_page, wide, model) -> None:
    page = open_page(models=[model, wide])
    ready(page)
    names = page.locator("#models option").all_inner_texts()
    assert names == ["synthetic board, sweep_set", "Wide Board, hold_frequency"]
    page.select_option("#models", names[1])
    page.wait_for_url("**/boards/wide-board-hold-frequency/**")
    page.wait_for_selector('[data-id="1475"]')
    assert page.inner_text("#board-name") == "Wide Board"
    assert len(propose(page, "#complete")) == 8
    page.select_option("#models", names[0])
    page.wait_for_selector('[data-id="5"]')


def test_texts_of_several_climbs_and_hole_names_are_read(open_page) -> None:
    page = open_page()
    ready(page)
    page.fill("#frames", "G5:start, G16, G104:finish")
    page.press("#frames", "Enter")
    sync_api.expect(page.locator("#frames")).to_have_value("p5r1p16r2p104r3")
    page.fill("#frames", "frames,angle,grade\np5r1p16r2p104r3,40,6c\np5r1p38r2p104r3,30,7a\n")
    page.click("#import")
    sync_api.expect(page.locator("#results-title")).to_have_text("Climbs in the text")
    assert page.locator("#proposals button").count() == 2
    texts = page.locator("#proposals button").all_inner_texts()
    assert [re.search(r"\d: (\S+), judged", text).group(1) for text in texts] == ["6c/V5", "7a/V6"]
    assert not any("asked" in text for text in texts)
    page.locator("#proposals button").nth(1).click()
    assert frames(page) == "p5r1p38r2p104r3"
    assert (page.inner_text("#angle-text"), page.inner_text("#grade-text")) == ("30°", "7a/V6")
    for text, said in (
        ("nonsense here", "nonsense"),
        ("https://example.org/x", "carries no climb"),
        ("", "paste"),
    ):
        page.fill("#frames", text)
        page.click("#import")
        sync_api.expect(page.locator("#alert")).to_contain_text(said)
    assert frames(page) == ""  # what was typed stays; the climb is still there
    assert label(page, 38) == "G38: hand, locked"


def test_what_a_link_has_and_the_board_has_not_is_said(open_page) -> None:
    page = open_page(fragment="#f=p5r1p999r2&a=41")
    ready(page)
    sync_api.expect(page.locator("#alert")).to_contain_text("p999r2 is no hold of this board")
    assert "no angle of 41°" in page.inner_text("#alert")
    assert frames(page) == "p5r1"
    page.fill("#frames", page.url.split("#")[0] + "#f=p998r1p999r2")
    page.click("#import")
    sync_api.expect(page.locator("#alert")).to_contain_text("not for this board")
    assert label(page, 5).startswith("G5: start")


def test_saved_climbs_survive_a_reload(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2p104r3&a=40&g=6c&l=5")
    ready(page)
    assert page.locator("#saved").is_hidden()
    page.click("#save")
    sync_api.expect(page.locator("#status")).to_have_text("Saved on this device.")
    page.click("#save")
    sync_api.expect(page.locator("#status")).to_have_text("It is saved already.")
    page.click("#clear")
    page.reload()
    ready(page)
    assert page.locator("#saved-climbs li").count() == 1
    assert "3 holds · 6c/V5 · 40°" in page.inner_text("#saved-climbs")
    page.locator("#saved-climbs button").first.click()
    assert frames(page) == "p5r1p16r2p104r3"
    assert label(page, 5) == "G5: start, locked"
    page.click("#clear")
    page.fill("#frames", "p5r1p17r2p104r3")
    page.press("#frames", "Enter")
    sync_api.expect(page.locator("#frames")).to_have_value("p5r1p17r2p104r3")
    page.click("#save")
    for left in (1, 0):
        page.locator("#saved-climbs li").last.get_by_text("Remove", exact=True).focus()
        page.keyboard.press("Enter")
        sync_api.expect(page.locator("#status")).to_have_text("Removed.")
        assert page.locator("#saved-climbs li").count() == left
        focused = page.evaluate("document.activeElement.closest('li') ? 'climb' : document.activeElement.id")
        assert focused == ("climb" if left else "save")
    assert page.locator("#saved").is_hidden()


def test_grades_go_in_v_for_who_works_in_v(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2p38r2p60r2p104r3&a=40&g=6c%2B")
    ready(page)
    page.select_option("#scale", "v")
    assert page.inner_text("#grade-text") == "V5"
    sync_api.expect(page.locator("#judgement")).to_contain_text("about V")
    own = int(re.search(r"about V(\d+) ", page.inner_text("#judgement")).group(1))
    page.locator("#angle").fill("4")
    assert "g=6c%2B" in page.url  # another control leaves the grade as it was
    page.locator("#angle").fill("3")
    with page.expect_request("**/v1/edit") as asked:
        page.click("#harder")
    assert parse_grade(f"V{own + 1}") == parse_grade(asked.value.post_data_json["grade"])
    assert page.inner_text("#grade-text") == f"V{own + 1}"
    page.reload()
    ready(page)
    assert page.input_value("#scale") == "v"


def test_a_slider_that_is_moved_step_by_step_is_undone_as_one(open_page) -> None:
    page = open_page(fragment="#f=p5r1")
    ready(page)
    for slider in ("#angle", "#grade"):
        page.locator(slider).focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
    assert page.inner_text("#angle-text") != "any"
    page.click("#undo")
    assert page.inner_text("#grade-text") == "any"
    assert page.inner_text("#angle-text") != "any"
    page.click("#undo")
    assert page.inner_text("#angle-text") == "any"
    assert page.is_disabled("#undo")


def test_whole_and_locked_climbs_say_what_the_buttons_do(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2p38r2p104r3&l=5.16.38.104")
    ready(page)
    page.click("#again")
    sync_api.expect(page.locator("#alert")).to_contain_text("Every hold is locked")
    propose(page, "#complete")
    sync_api.expect(page.locator("#status")).to_contain_text("they add holds to it")
    assert all("new" in text for text in page.locator("#proposals button").all_inner_texts())
    page.goto(page.url.split("#")[0] + "#f=p5r1p16r2&l=5.16")
    with page.expect_request("**/v1/complete"):  # of a part all of which is locked
        page.click("#again")


def test_proposals_say_what_is_new_and_whether_a_known_climb_is_near(open_page, model) -> None:
    known = write_frames(model.board, model.known.climbs[[0]])[0]
    page = open_page(fragment=f"#f={known}")
    ready(page)
    page.wait_for_timeout(300)
    texts = propose(page, "#complete")
    assert all("new" in text and "known climb" in text for text in texts)
    assert any("% as a known climb" in text for text in texts)


def test_proposals_stand_beside_the_board_and_are_swiped_on_a_phone(open_page) -> None:
    page = open_page(fragment="#f=p5r1p16r2")
    ready(page)
    propose(page, "#complete")
    boxes = [page.locator(what).bounding_box() for what in ("#wall", "#results")]
    assert boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"]
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    first, second = (page.locator("#proposals li").nth(i).bounding_box() for i in (0, 1))
    assert first["y"] == second["y"]
    assert first["width"] < PHONE[0] < second["x"] + second["width"]
    page.locator("#proposals").evaluate("list => list.scrollTo(1000, 0)")
    sync_api.expect(page.locator("#proposals li").nth(4)).to_be_in_viewport()


def test_the_files_of_the_page_and_no_others(live) -> None:
    server = live()
    page = httpx.get(f"{server.url}/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    script = httpx.get(f"{server.url}/page/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for name in ("../page.py", "..%2Fapp.py", "%2Fetc%2Fpasswd", "none.js", "%00"):
        assert httpx.get(f"{server.url}/page/{name}").status_code == 404


@pytest.mark.parametrize(("name", "size"), [("page", DESK), ("page-phone", PHONE)])
def test_the_pictures_of_the_readme(open_page, name, size) -> None:
    """Taken anew with a fixed seed; put in place where SETGEN_SCREENSHOTS is set."""

    def seeded(route) -> None:
        body = json.dumps(route.request.post_data_json | {"seed": 3})
        route.continue_(post_data=body)

    page = open_page(size, fragment="#f=p5r1p16r2&a=40&g=6c&l=5.16")
    ready(page)
    page.route("**/v1/complete", seeded)
    propose(page, "#complete")
    page.locator("#proposals button").first.click()
    page.wait_for_selector("#judgement .good")
    page.evaluate("window.scrollTo(0, 0)")
    picture = page.screenshot(full_page=True)
    pixels = imread(io.BytesIO(picture))
    assert pixels.shape[1] == size[0]
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 100
    if os.environ.get("SETGEN_SCREENSHOTS"):
        (_DOCS / f"{name}.png").write_bytes(picture)
    assert imread(_DOCS / f"{name}.png").shape[1] == size[0]

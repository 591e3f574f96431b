"""The page without a server, in a browser: the same climbs and the same judgements as in Python, and offline.

Skipped where there is no Chromium, or npm cannot fetch onnxruntime-web.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import AppIds
from setgen.climbing.choosing import best
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.frames import read_frames, write_frames
from setgen.climbing.grades import FONT, UNKNOWN
from setgen.climbing.judges import judges_for
from setgen.climbing.prompts import make_prompts
from setgen.climbing.roles import OPEN, Role
from setgen.climbing.rules import broken_rules, legal
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.export.registry import exportable
from setgen.export.write import export
from setgen.generators.registry import generator_class
from setgen.runtime.registry import load_exported
from setgen.sets.noise import noise_of
from setgen.web import write as web

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.slow

BOARD = synthetic_board()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> Path:
    try:
        return web.fetch_runtime(tmp_path_factory.mktemp("npm"))
    except InputError as error:
        pytest.skip(str(error))


class Space:
    """A web space: it sends the files of a folder, and no headers of its own but how long they may be kept."""

    def __init__(self, folder: Path, keep: str = "") -> None:
        handler = partial(_Quiet, directory=str(folder), keep=keep)
        self.server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # a page and its service worker ask for all files at once


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments, keep: str = "", **options) -> None:
        self.keep = keep
        super().__init__(*arguments, **options)

    def end_headers(self) -> None:
        if self.keep:
            self.send_header("Cache-Control", self.keep)
        super().end_headers()

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def site(runtime, tmp_path_factory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("web") / "page"
    web.export_web(None, folder, "float32", runtime=runtime)
    space = Space(folder)
    yield space
    space.close()


@pytest.fixture
def open_page(browser):
    """`open_page(url)`: the page, ready; an error of a script fails the test."""
    contexts, errors = [], []

    def make(url: str, size=(1280, 900)):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".hold")
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def propose(page, button: str) -> list[str]:
    before = page.locator("#proposals").inner_html()
    page.click(button)
    done = "old => document.querySelector('#proposals').innerHTML !== old || !document.querySelector('#alert').hidden"
    page.wait_for_function(done, arg=before)
    assert page.inner_text("#alert") == ""
    return page.locator("#proposals button").all_inner_texts()


def frames(page) -> str:
    return page.locator("#frames").input_value()


SAMPLE = """async ([holds, codes, n, wanted, size, noise]) => {
  const { Sampler } = await import(new URL("web/sampling.js", location.href));
  const { limitsOf } = await import(new URL("web/limits.js", location.href));
  const data = await (await fetch("data.json")).json();
  window.sampler ??= await Sampler.load("model", data.model, data.space);
  const limits = limitsOf(data.board, data.space, wanted, holds);
  return window.sampler.sample({ holds, codes }, n, limits, size, 1, noise);
}"""

CASES = {
    "nothing given": ((), None, None, {}, None, 0),
    "two holds, angle and grade": (((4, 0), (15, 1)), 40, 20, {}, None, 0),
    "a size": (((4, 0),), None, None, {}, None, 9),
    "all limits": (
        ((4, 0), (15, 1)), 30, None,
        {"forbid": "p17,p27,p60", "feet": "marked", "max_holds": 8, "reach": 38},
        Constraints(((16, OPEN), (26, OPEN), (59, OPEN)), feet="marked", most=8, reach=38.0),
        0,
    ),
    "no feet": ((), 20, 16, {"feet": "none"}, Constraints(feet="none"), 0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_same_noise_gives_the_same_climbs_as_in_python(open_page, site, tmp_path, case) -> None:
    holds, angle, grade, wanted, constraints, size = CASES[case]
    export(exportable(BUILTIN), tmp_path / "onnx")
    sampler, n = load_exported(tmp_path / "onnx"), 32
    prompt = Climb(holds, UNKNOWN if angle is None else angle, UNKNOWN if grade is None else grade)
    expected = sampler.sample(
        Climbs.from_list([prompt] * n),
        sizes=np.full(n, size),
        constraints=constraints,
        seed=5,
    )
    noise = noise_of(BOARD, 5, np.arange(n)).tolist()
    codes = {
        "angle": 0 if angle is None else 1 + BOARD.angles.index(angle),
        "grade": 0 if grade is None else 1 + BOARD.conditions["grade"].index(grade),
    }
    page = open_page(site.url)
    found = page.evaluate(SAMPLE, [[list(hold) for hold in holds], codes, n, wanted, size, noise])
    same = [
        sorted(map(tuple, one)) == sorted(climb.holds) for one, climb in zip(found, expected, strict=True)
    ]
    assert np.mean(same) == 1


JUDGE = """async (climbs) => {
  const { best, Judges } = await import(new URL("web/judging.js", location.href));
  const data = await (await fetch("data.json")).json();
  window.judges ??= await Judges.load(data);
  const places = new Map(data.board.placements.map((one) => [one.id, one]));
  const full = climbs.map((climb) => ({
    ...climb, holds: climb.holds.map(([id, role]) => ({ ...places.get(id), role })) }));
  const judged = await window.judges.judge(full);
  const chosen = best(judged.map((one, i) => ({ ...one, i })), 8);
  return { judged, chosen: chosen.map(({ i }) => i) };
}"""


def damaged(n: int) -> Climbs:
    """Real climbs, climbs with holds elsewhere, without their finish, with lost roles and with very few holds."""
    real, rng = synthetic_climbs(n, 9), np.random.default_rng(0)
    found = []
    for i, climb in enumerate(real):
        holds = list(climb.holds)
        if i % 5 == 1:
            free = rng.permutation(len(BOARD))[: len(holds)]
            holds = [(int(p), r) for p, (_, r) in zip(free, holds, strict=True)]
        elif i % 5 == 2:
            holds = [hold for hold in holds if hold[1] != Role.FINISH]
        elif i % 5 == 3:
            holds = [(p, int(rng.integers(4))) for p, _ in holds]
        elif i % 5 == 4:
            holds = holds[: int(rng.integers(1, 4))]
        angle, grade = (climb.angle, climb.grade) if i % 3 else (UNKNOWN, UNKNOWN)
        found.append(Climb(tuple(holds), angle, grade))
    return Climbs.from_list(found)


def test_climbs_are_judged_as_in_python(open_page, site) -> None:
    climbs = damaged(200)
    judges = judges_for(BOARD, None)
    soft, hard = judges.rules.broken(climbs), broken_rules(BOARD, climbs)
    grading = judges.grader.grade(climbs)
    sent = [
        {
            "holds": [[int(BOARD.ids[p]), Role(r).label] for p, r in climb.holds],
            "angle": None if climb.angle == UNKNOWN else climb.angle,
            "grade": FONT.get(climb.grade),
        }
        for climb in climbs
    ]
    found = open_page(site.url).evaluate(JUDGE, sent)
    lows, highs = grading.interval()
    seen = set()
    for i, one in enumerate(found["judged"]):
        assert one["breaks"] == [rule for rule, broken in hard.items() if broken[i]]
        if any(rule.startswith("too few") for rule in one["breaks"]):
            assert (one["sensible"], one["predicted"]) == (None, None)
            continue
        unusual = [rule for rule, broken in soft.items() if broken[i]]
        seen |= set(unusual)
        assert (one["unusual"], one["sensible"]) == (unusual, not unusual)
        assert one["predicted"]["difficulty"] == pytest.approx(grading.mean[i], abs=1e-3)
        shown = [one["predicted"][name] for name in ("grade", "lowest", "highest")]
        assert shown == [FONT[int(q[i])] for q in (grading.median, lows, highs)]
    assert len(seen) >= 5
    off = np.where(climbs.grade == UNKNOWN, np.nan, grading.mean - climbs.grade)
    whole = np.array([one["sensible"] is not None for one in found["judged"]])
    kept = np.flatnonzero(whole)
    again = open_page(site.url).evaluate(JUDGE, [sent[i] for i in kept])
    expected = best(climbs[kept], 8, judges.rules.sensible(climbs[kept]), off[kept])
    assert again["chosen"] == expected.tolist()


def test_the_page_completes_draws_anew_and_keeps_to_limits(open_page, site) -> None:
    page = open_page(f"{site.url}#f=p5r1p16r2&a=40&g=6c&l=5.16&x=17&most=9&feet=marked", (390, 844))
    assert page.locator("#heat").is_hidden()
    assert page.locator("#boardsesh").is_hidden()
    texts = propose(page, "#complete")
    assert len(texts) == 8
    assert all("legal" in text and "about" in text and "(asked 6c/V5)" in text for text in texts)
    page.locator("#proposals button").first.click()
    for button in ("#again", "#harder", "#easier"):
        climb = read_frames(BOARD, [frames(page)])
        assert legal(BOARD, climb).all()
        assert {(4, 0), (15, 1)} <= set(climb.climb(0).holds)
        assert not {16} & {p for p, _ in climb.climb(0).holds}
        assert len(climb.placement) <= 9
        assert Role.FOOT in climb.role
        propose(page, button)
        page.locator("#proposals button").first.click()
    page.click("#clear")
    assert len(propose(page, "#complete")) == 8
    page.goto(f"{site.url}#f=p5r1p16r2&most=2")
    page.click("#complete")
    sync_api.expect(page.locator("#alert")).to_contain_text("No climb keeps to these limits")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_texts_go_in_and_what_cannot_be_read_is_said(open_page, site) -> None:
    page = open_page(site.url)
    names = ("G5:start, G16 G104:finish", "G5:Start\nG16;G104:top")
    for text in ("p5r1p16r2p104r3", *names, f"{site.url}#f=p5r1p16r2p104r3"):
        page.click("#clear")
        page.fill("#frames", text)
        page.click("#import")
        sync_api.expect(page.locator("#frames")).to_have_value("p5r1p16r2p104r3")
    for text, said in (
        ("G999", "no hold of this board"),
        ("p5r1p999r2", "p999r2 is no hold"),
        ("https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames=p1r12", "another board"),
        ("https://example.org/", "carries no climb"),
        ("https://[::1/", "This is no link"),
    ):
        page.fill("#frames", text)
        page.click("#import")
        sync_api.expect(page.locator("#alert")).to_contain_text(said)


def test_it_works_without_a_network_once_it_was_open(open_page, runtime, tmp_path) -> None:
    folder = tmp_path / "page"
    web.export_web(None, folder, runtime=runtime)
    space = Space(folder)
    page = open_page(space.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    space.close()
    page.reload()
    page.wait_for_selector(".hold")
    assert len(propose(page, "#complete")) == 8


def test_a_new_page_takes_the_place_of_an_old_one_and_leaves_its_neighbours(
    open_page, runtime, tmp_path
) -> None:
    """Even where the web space lets browsers keep files for long; and two pages of one web space are apart."""
    for name in ("a", "b"):
        web.export_web(None, tmp_path / name, runtime=runtime)
    space = Space(tmp_path, "max-age=3600")
    page = open_page(f"{space.url}a/")
    ready = "navigator.serviceWorker.ready.then(() => true)"
    page.evaluate(ready)
    page.goto(f"{space.url}b/")
    page.wait_for_selector(".hold")
    page.evaluate(ready)
    data = json.loads((tmp_path / "a" / "data.json").read_text())
    data["board"]["name"] = "Another board"
    (tmp_path / "a" / "data.json").write_text(json.dumps(data))
    web._write_worker(tmp_path / "a")
    page.goto(f"{space.url}a/")
    page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update())")
    for _ in range(50):
        page.wait_for_timeout(200)
        page.reload()
        page.wait_for_selector(".hold")
        if page.inner_text("#board-name") == "Another board":
            break
    assert page.inner_text("#board-name").startswith("Another board")
    space.close()
    for name in ("a", "b"):
        page.goto(f"{space.url}{name}/")
        page.wait_for_selector(".hold")


def test_model_and_grader_are_small_and_no_file_is_missing(runtime, tmp_path) -> None:
    folder = tmp_path / "page"
    web.export_web(None, folder, runtime=runtime)
    small = [path for part in ("model", "grader") for path in (folder / part).iterdir()]
    assert sum(path.stat().st_size for path in small) < 5e6
    listed = json.loads((folder / "sw.js").read_text().split("const FILES = ")[1].split(";\n")[0])
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == files - {"index.html", "sw.js"} | {"./"}


def test_another_board_without_judges_and_its_links(open_page, runtime, tmp_path) -> None:
    board = replace(BOARD, name="Kilter", family="kilter", app=AppIds(layout=1, size=10, sets=(1, 20)))
    kind = generator_class("hold_frequency")
    generator = kind(board, kind.Config())
    generator.fit_counts(synthetic_climbs(50, seed=0))
    generator.save(tmp_path / "model")
    web.export_web(tmp_path / "model", tmp_path / "page", "float32", runtime=runtime)
    space = Space(tmp_path / "page")
    frame = write_frames(board, make_prompts(board, holds="G5:start,G16,G104:finish"))[0]
    page = open_page(f"{space.url}#f={frame}&a=40")
    assert page.locator("#boardsesh").is_visible()
    propose(page, "#complete")
    page.evaluate("window.open = () => null")
    page.click("#boardsesh")
    link = page.locator("#status a").get_attribute("href")
    assert link.startswith("https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames=")
    page.click("#clear")
    page.fill("#frames", link)
    page.click("#import")
    sync_api.expect(page.locator("#frames")).to_have_value(frame)
    page.fill("#frames", link.replace("/40/create", "/57/create"))
    page.click("#import")
    sync_api.expect(page.locator("#alert")).to_contain_text("no angle of 57°")
    space.close()

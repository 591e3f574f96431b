"""The report in real Chromium: it loads nothing, pointing at a climb draws it, and it fits a phone.

Skipped where there is no Chromium, or no playwright to drive it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.judging import prompts_of
from experiments.report import DatasetSummary, MetricInfo, Model, Report, Run, Settings, write_report
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climbs import Climbs
from setgen.metrics.context import Context

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright to drive Chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = synthetic_dataset(400, 3)
    values = {"novel": 0.9, "legal": 1.0, "unique": 0.5}
    run = Run(0, values=values, floors=dict.fromkeys(values, 0.95))
    prompts = prompts_of(dataset, 0)
    done = [Climbs.from_list([whole]) for _, whole in prompts]
    train = dataset.part("train")
    report = Report(
        "TEST",
        DatasetSummary("test", {}),
        dataset.board,
        Settings("none", [0]),
        [MetricInfo(name, "share", "up", family="validity") for name in values],
        [
            Model(f"model {i}", "x", "set", 1, [run], train[30 * i : 30 * i + 30], completions=done)
            for i in range(4)
        ],
        dataset.part("test"),
        reference=Context.of_dataset(dataset, 0, grader=None),
        prompts=prompts,
    )
    return write_report(tmp_path_factory.mktemp("report"), report)


def opened(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str], list[str]]:
    """The page with its map drawn; what it asked for, and what went wrong on it, so far and later."""
    page = browser.new_context(**options).new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda r: requests.append(r.url))
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(path.as_uri())
    page.wait_for_selector("#map-wall .held", state="attached")
    return page, requests, errors


def drawn(page: Any) -> set[tuple[str, float, float]]:
    """(role, x, y) of each hold on the map's wall."""
    found = page.eval_on_selector_all(
        "#map-wall .held", "all => all.map(e => ['href', 'x', 'y'].map(a => e.getAttribute(a)))"
    )
    return {(href.removeprefix("#role-"), float(x), float(y)) for href, x, y in found}


def wanted(page: Any, source: int, i: int) -> set[tuple[str, float, float]]:
    """The same of a climb in the page's data."""
    data = json.loads(page.text_content("#map-data"))
    xy = json.loads(page.get_attribute("#map-wall", "data-xy"))
    holds = data["sources"][source]["holds"][i]
    pairs = zip(holds[::2], holds[1::2], strict=True)
    return {(data["roles"][str(role)], *map(float, xy[p])) for p, role in pairs}


def place(page: Any, source: int, i: int) -> tuple[float, float]:
    """Where on the screen the climb's point is."""
    page.locator("#map-plot").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """([s, i]) => {
            const plot = document.getElementById("map-plot"), box = plot.getBoundingClientRect();
            const { xaxis, yaxis } = plot._fullLayout, trace = plot.data[s];
            return [
                box.left + xaxis._offset + xaxis.d2p(trace.x[i]),
                box.top + yaxis._offset + yaxis.d2p(trace.y[i]),
            ];
        }""",
        [source, i],
    )
    return x, y


def lonely(page: Any) -> tuple[int, int]:
    """(source, climb) of the point that is farthest from every other, so that nothing covers it."""
    sources = json.loads(page.text_content("#map-data"))["sources"]
    points = [
        (s, i, x, y)
        for s, o in enumerate(sources)
        for i, (x, y) in enumerate(zip(o["x"], o["y"], strict=True))
    ]

    def alone(one: tuple[int, int, float, float]) -> float:
        others = (p for p in points if p[:2] != one[:2])
        return min((p[2] - one[2]) ** 2 + (p[3] - one[3]) ** 2 for p in others)

    s, i, *_ = max((p for p in points if p[:2] != (0, 0)), key=alone)
    return s, i


def test_pointing_at_a_climb_draws_it_and_nothing_is_loaded(browser, page_path):
    page, requests, errors = opened(browser, page_path, viewport={"width": 1280, "height": 900})
    assert drawn(page) == wanted(page, 0, 0)
    source, i = lonely(page)
    page.mouse.move(*place(page, source, i))
    page.wait_for_function("s => document.getElementById('map-source').value == s", arg=str(source))
    assert drawn(page) == wanted(page, source, i)
    assert drawn(page) != wanted(page, 0, 0)
    assert requests == [page_path.as_uri()]
    assert errors == []


def test_keys_go_from_climb_to_climb_and_from_source_to_source(browser, page_path):
    page, _, errors = opened(browser, page_path)
    page.focus("#map-plot")
    page.keyboard.press("ArrowRight")
    assert drawn(page) == wanted(page, 0, 1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    last = len(json.loads(page.text_content("#map-data"))["sources"][1]["holds"]) - 1
    assert drawn(page) == wanted(page, 1, last)
    assert page.text_content("#map-said").startswith("model 0")
    assert errors == []


def test_a_phone_shows_it_without_scrolling_sideways_and_a_tap_draws(browser, page_path):
    page, _, errors = opened(
        browser, page_path, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    source, i = lonely(page)
    page.touchscreen.tap(*place(page, source, i))
    page.wait_for_function("s => document.getElementById('map-source').value == s", arg=str(source))
    assert drawn(page) == wanted(page, source, i)
    assert errors == []


def test_a_metric_leads_to_its_formula_though_it_is_folded(browser, page_path):
    page, _, _ = opened(browser, page_path)
    page.click("#leaderboard tbody th a")
    assert page.locator(".glossary :target, .glossary > div:target").first.is_visible()


def test_paper_has_every_table_and_the_map_without_script(browser, page_path):
    page, _, _ = opened(browser, page_path)
    page.emulate_media(media="print")
    assert page.locator("#map .static svg").is_visible()
    assert not page.locator("#map-plot").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_to_complain_about(browser, page_path, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe to judge the page")
    page, _, _ = opened(
        browser,
        page_path,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        bypass_csp=True,  # axe is a script of its own
    )
    page.eval_on_selector_all("details", "all => all.forEach(d => d.open = true)")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()

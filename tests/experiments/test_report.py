"""The comparison report: its numbers by hand, one page that loads nothing, and what a tracker gets."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from rich.console import Console
from scipy import stats

from experiments import compare
from experiments.judging import Judged, judge, prompts_of
from experiments.report import Report, drawn, write_report
from experiments.report.climb_map import climb_map
from experiments.report.content import labels_of
from experiments.report.pictures import sections, shelves, usage
from experiments.report.summary import summary
from experiments.report.tables import cells, differences, headlines, number, shown
from experiments.report.track import log_comparison
from experiments.training import RunFacts
from setgen.climbing.board import Board
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climb_files import write_climbs
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.metrics.context import Context
from setgen.metrics.evaluate import Evaluation, MetricValue
from setgen.metrics.likelihood import Likelihood
from setgen.metrics.metric import metrics_of
from setgen.sets.dataset import SetDataset
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items

HEADED = ("bits per hold", "sensible", "novel")
NASTY = '<b>nasty</b> & "$x_" |`*'


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(400, seed=3)


@pytest.fixture(scope="module")
def reference(dataset: Dataset) -> Context:
    return Context.of_dataset(dataset, 0, grader=None)


def value(at: float, half: float = 0.0, floor: float | None = None, floor_half: float = 0.0, note: str = ""):
    found = MetricValue(at, half / 1.96, 100, at - half, at + half, note=note)
    if floor is None:
        return found
    return replace(found, floor=floor, floor_low=floor - floor_half, floor_high=floor + floor_half)


def judged(
    reference: Context,
    label: str,
    values: dict[str, MetricValue],
    bits: list[float] | None = None,
    seed: int = 0,
    kind: str = "set",
    start: int = 0,
    items: list[int] | None = None,
    **facts,
) -> Judged:
    """A run with these values; its samples are training climbs from `start` on."""
    known = metrics_of(reference.space)
    nats = None if bits is None else -np.array(bits) * math.log(2)
    of = None if bits is None else np.array(items or [1] * len(bits))
    likely = None if nats is None or of is None else Likelihood(nats, 2 * nats, of, 1)
    samples = reference.data.part("train")[start : start + 30]
    found = Evaluation(reference.space, values, {k: known[k] for k in values}, {}, samples, 0, likely)
    done = (
        tuple(part[[0, 0]] for part in ())
        if kind == "file"
        else tuple(reference.data.part("test")[[i, i]] for i in range(3))
    )
    told = RunFacts(label, kind, f"note of {label}", seed, **{"n_parameters": 10, "steps": 5} | facts)
    return Judged(label, Path(f"{label}-seed{seed}"), told, "masked_set", found, 100.0, done)


CURVE = {"seconds": [1.0, 2.0], "step": [1, 2], "train_loss": [3.0, 2.0], "valid_bits_per_hold": [6.0, 5.0]}


@pytest.fixture(scope="module")
def report(reference: Context, dataset: Dataset) -> Report:
    """Two models of two seeds, one of one, and a file."""

    def run(label: str, seed: int, at: float, kind: str = "set") -> Judged:
        bits = [at - 1.0, at, at + 1.0]
        values = {
            "bits per hold": value(at, 0.2),
            "legal": value(1.0, floor=1.0),
            "novel": value(0.9 - at / 100, 0.01, 0.95, 0.01),
            "sensible": value(0.5 + at / 100, 0.05, 0.9, 0.05, note="few climbs"),
        }
        return judged(reference, label, values, bits, seed, kind, curve=CURVE, start=10 * seed)

    runs = {
        "good": [run("good", 0, 4.0), run("good", 1, 4.2)],
        NASTY: [run(NASTY, 0, 5.0, "baseline"), run(NASTY, 1, 5.4, "baseline")],
        "once": [run("once", 0, 4.5)],
        "theirs": [
            judged(reference, "theirs", {"novel": value(0.2, 0.01, 0.95, 0.01)}, kind="file", start=60)
        ],
    }
    return Report(
        "Title <i>",
        reference,
        runs,
        {"train": 280, "test": 60},
        ["a note"],
        {"command": "python -m x | y", "seeds": "0, 1"},
        prompts_of(dataset.part("test"), 0),
        "2026-01-01T00:00:00",
    )


@pytest.fixture(scope="module")
def pictures(report: Report):
    return drawn(sections(report))


@pytest.fixture(scope="module")
def folder(report: Report, pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    assert write_report(folder, report, pictures) == folder / "report.html"
    return folder


def strict(text: str):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_means_and_intervals_over_seeds_by_hand(report):
    found = cells(report)
    one = found.loc[("bits per hold", "once")]
    assert (one.value, one.low, one.high, one.seeds) == pytest.approx((4.5, 4.3, 4.7, 1))
    two = found.loc[("bits per hold", "good")]
    half = stats.t.ppf(0.975, 1) * np.std([4.0, 4.2], ddof=1) / math.sqrt(2)
    assert (two.value, two.low, two.high, two.seeds) == pytest.approx((4.1, 4.1 - half, 4.1 + half, 2))


def test_distances_to_the_floor_by_hand(reference):
    def distance(**of) -> pd.Series:
        runs = {"a": [judged(reference, "a", of["values"])]}
        return cells(Report("", reference, runs)).droplevel("model")

    values = {
        "novel": value(0.9, 0.03, 1.0, 0.04),  # ↑
        "unique": value(1.0, 0.01, 0.9, 0.01),  # ↑, better than real ones
        "hold usage": value(0.5, 0.0, 0.1, 0.0),  # ↓, without any error
        "sensible": value(0.9, 0.02, 0.9, 0.02),
        "legal": value(1.0, floor=1.0),
    }
    found = distance(values=values)
    assert found.distance["novel"] == pytest.approx(0.1 / (0.05 / 1.96))
    assert found.distance[["unique", "hold usage", "sensible", "legal"]].tolist() == [0, math.inf, 0, 0]
    assert found.kind[list(values)].tolist() == ["at", "at", "far", "at", "at"]


def test_marks_go_by_the_size_of_the_difference_beside_counting(reference):
    def kinds(**usage: float) -> dict[str, str]:
        runs = {
            label: [
                judged(
                    reference,
                    label,
                    {"hold usage": value(v, 0.001, 0.1, 0.001)},
                    n_parameters=10 * (label != "counts"),
                )
            ]
            for label, v in usage.items()
        }
        found = cells(Report("", reference, runs)).droplevel("metric")
        assert found["size"]["b"] == pytest.approx(0.3)
        return found.kind.to_dict()

    sure = {"counts": 1.1, "a": 0.18, "b": 0.4, "c": 0.6, "d": 1.3, "e": 0.1}
    wanted = {"counts": "far", "a": "at", "b": "near", "c": "off", "d": "far", "e": "at"}
    assert kinds(**sure) == wanted
    assert kinds(b=0.4, worst=1.1)["b"] == "near"  # where nobody counts, the furthest stands for it


def test_counting_that_is_at_the_floor_is_no_scale_and_infinity_is_far(reference):
    def kinds(metric: str, **of: MetricValue) -> dict[str, str]:
        runs = {
            label: [judged(reference, label, {metric: v}, n_parameters=10 * (label != "counts"))]
            for label, v in of.items()
        }
        return cells(Report("", reference, runs)).droplevel("metric").kind.to_dict()

    usage = {"counts": value(0.0205, 0.001, 0.02, 0.001), "a": value(0.0225, 0.0001, 0.02, 0.0001)}
    assert kinds("hold usage", **usage, worst=value(0.1, 0.001, 0.02, 0.001))["a"] == "at"
    novel = {"counts": value(1.0, 0.001, 0.95, 0.001), "a": value(0.93, 0.001, 0.95, 0.001)}
    assert kinds("novel", **novel)["a"] == "at"  # a fiftieth of the floor itself
    bits = {"a": value(4.0, 0.01), "b": value(math.inf)}
    assert kinds("bits per hold", **bits) == {"a": "at", "b": "far"}


def test_the_best_follows_the_direction(reference):
    def best(metric: str, **values: MetricValue) -> list[str]:
        runs = {label: [judged(reference, label, {metric: v})] for label, v in values.items()}
        found = cells(Report("", reference, runs)).droplevel("metric")
        return list(found.index[found.best])

    a, b, c = value(1.0, floor=0.6), value(0.5, floor=0.6), value(0.2, floor=0.6)
    assert best("novel", a=a, b=b, c=c) == ["a"]
    assert best("hold usage", a=a, b=b, c=c) == ["c"]
    assert best("sensible", a=a, b=b, c=c) == ["b"]
    assert best("novel", a=a, b=a) == []


def test_differences_are_paired_and_pooled_by_hand(reference):
    def runs(label: str, *bits: list[float]) -> list[Judged]:
        return [judged(reference, label, {}, b, seed) for seed, b in enumerate(bits)]

    a = runs("a", [1.0, 2.0, 4.0, math.nan], [2.0, 2.0, 2.0, 1.0])
    b = runs("b", [0.0, 2.0, 1.0, 1.0], [1.0, 1.5, 2.5, 1.0])
    row = differences(Report("", reference, {"a": a, "b": b})).iloc[0]
    first, second = np.array([1.0, 0.0, 3.0]), np.array([1.0, 0.5, -0.5, 0.0])
    within = np.mean([first.var(ddof=1) / 3, second.var(ddof=1) / 4])
    means = [first.mean(), second.mean()]
    assert row.bits == pytest.approx(np.mean(means))
    assert row.standard_error == pytest.approx(math.sqrt(within + np.var(means, ddof=1) / 2))
    assert row.seeds == 2


def test_differences_are_of_all_bits_over_all_items(reference):
    sizes = [1, 3, 2]
    a = [judged(reference, "a", {}, [3.0, 5.0, 4.0], items=sizes)]
    b = [judged(reference, "b", {}, [2.0, 2.0, 4.5], items=sizes)]
    row = differences(Report("", reference, {"a": a, "b": b})).iloc[0]
    gap = np.array([1.0, 3.0, -0.5])
    assert row.bits == pytest.approx(gap.sum() / 6)
    beyond = (gap - row.bits * np.array(sizes)) / 2
    assert row.standard_error == pytest.approx(beyond.std(ddof=1) / math.sqrt(3))


def test_a_model_that_finds_a_set_impossible_is_not_flattered(reference):
    runs = {
        "a": [judged(reference, "a", {"bits per hold": value(math.inf)}, [1.0, math.inf])],
        "b": [judged(reference, "b", {"bits per hold": value(9.0, 0.1)}, [9.0, 9.0])],
    }
    report = Report("", reference, runs)
    assert differences(report).empty
    found = cells(report)
    assert list(found.best.droplevel("metric")[lambda best: best].index) == ["b"]
    said = " ".join(summary(report, found))
    assert "b is the only model" in said
    assert "a gives some test climbs probability 0" in said


def test_the_summary_names_the_best_and_says_when_it_is_not_sure(reference):
    def said(gap: float) -> str:
        bits = np.array([4.0, 5.0, 6.0])
        other = bits + gap + np.array([-0.1, 0.0, 0.1])
        runs = {
            "a": [judged(reference, "a", {"bits per hold": value(5.0, 0.1)}, bits.tolist())],
            "b": [judged(reference, "b", {"bits per hold": value(5.0 + gap, 0.1)}, other.tolist())],
        }
        return " ".join(summary(report := Report("", reference, runs), cells(report)))

    assert "a (set generator) needs the fewest bits per hold" in said(0.5)
    assert "b (set generator) needs 0.500 ± 0.058 bits per hold more (8.7 standard errors" in said(0.5)
    assert "cannot be told apart" in said(0.01)
    assert "synthetic" in said(0.5)


def test_json_is_strict_and_markdown_and_page_show_its_numbers(report, folder):
    told = strict((folder / "metrics.json").read_text())
    assert [model["label"] for model in told["models"]] == list(report.runs)
    assert told["models"][0]["runs"][1]["seed"] == 1
    assert told["models"][0]["runs"][1]["evaluation"]["metrics"]["novel"]["value"] == pytest.approx(0.858)
    table = {(row["metric"], row["model"]): row for row in told["table"]}
    assert table["novel", "theirs"]["value"] == 0.2
    assert table["bits per hold", "good"]["value"] == pytest.approx(4.1)
    lines = [line for line in (folder / "report.md").read_text().splitlines() if line.startswith("| ")]
    split = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rows = {cells[0]: cells[4:] for cells in reversed(split)}  # the headlines have a column for every model
    for metric in ("bits per hold", "sensible"):
        for label, cell in zip(report.runs, rows[metric], strict=True):
            if (metric, label) in table:
                assert cell.replace("\\", "").startswith(number(table[metric, label]["value"]))
    page = (folder / "report.html").read_text()
    for row in shown(cells(report)).astype(str).values.ravel():
        assert row in page


class Structure(HTMLParser):
    """Fails where a tag is closed that is not open; notes what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)
        told = dict(attrs)
        self.loads += [v for k, v in told.items() if k in ("src", "href") and v and v[:5] not in ("data:",)]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing(folder, pictures):
    page = (folder / "report.html").read_text()
    parser = Structure()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert all(link.startswith("#") for link in parser.loads)
    targets = set(re.findall(r' id="([^"]+)"', page))
    assert {link[1:] for link in parser.loads} <= targets
    assert "default-src 'none'" in page
    assert page.count("<img") == sum(len(section) for _, section in pictures.values())
    assert len(page) < 12e6


def test_special_characters_stay_text(folder):
    page = (folder / "report.html").read_text()
    assert "&lt;b&gt;nasty" in page
    body = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "<b>nasty" not in body
    assert "Title &lt;i&gt;" in page
    assert r"\<b\>nasty" in (folder / "report.md").read_text()


def test_synthetic_and_the_notes_of_evaluators_are_said(folder):
    page, text = ((folder / name).read_text() for name in ("report.html", "report.md"))
    assert strict((folder / "metrics.json").read_text())["synthetic"] is True
    for said in ("synthetic", "few climbs", "a note", "note of good"):
        assert said in page
        assert said in text


def test_a_row_of_zeros_becomes_a_line_of_text(reference, tmp_path):
    values = {"order sensitivity": value(0.0), "novel": value(0.5, 0.1, 0.9, 0.1)}
    report = Report("", reference, {"a": [judged(reference, "a", values)]})
    text = write_report(tmp_path, report, {}).with_name("report.md").read_text()
    assert "0 for every model and for real ones: order sensitivity" in text
    assert "| novel |" in text


def test_a_folder_that_cannot_be_written_is_one_clear_line(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another report folder"):
        write_report(tmp_path / "file", report, {})


def test_usage_counts_a_hold_once_a_climb(dataset):
    climbs = Climbs.from_list([Climb(((3, 0), (3, 1), (4, 1))), Climb(((4, 1), (900, 1)))])
    found = usage(dataset.board, climbs)
    assert (found[3], found[4], found.sum()) == (0.5, 1.0, 1.5)


def test_shelves_set_climbs_of_one_condition_side_by_side(report):
    found = shelves(report)
    assert 1 <= len(found) <= 4
    for title, row in found.items():
        assert [label for label, _ in row] == ["real", *report.runs]
        for _, climb in row:
            assert climb is None or title.startswith(f"{climb.angle}° · ")


def test_the_map_is_the_same_for_any_order_of_models_and_copies_lie_on_what_they_copy(report):
    found = {c.label: c for c in climb_map(report).clouds}
    turned = replace(report, runs=dict(reversed(report.runs.items())))
    again = {c.label: c for c in climb_map(turned).clouds}
    assert list(found) == ["real", *report.runs]
    for label, cloud in found.items():
        assert np.allclose(cloud.xy, again[label].xy)
        assert len(cloud.xy) == len(cloud.climbs)


def test_pictures_are_sections_of_the_page_with_every_source(pictures, report):
    assert list(pictures) == [
        *("Training", "Sizes", "Largest hops", "Hold usage", "Climbs"),
        *("Nearest, farthest, and what may be copied", "Completions"),
    ]
    assert list(pictures["Nearest, farthest, and what may be copied"][1]) == list(report.runs)
    assert len(pictures["Completions"][1]) == 3


def test_headlines_are_rows_of_the_table(report):
    found = cells(report)
    some = headlines(report, found)
    assert list(some.index.unique("metric")) == [m for m in metrics_of(report.reference.space) if m in HEADED]
    pd.testing.assert_frame_equal(some, found.loc[some.index])


def test_labels_tell_runs_apart(reference):
    def of(label: str, name: str) -> Judged:
        return replace(judged(reference, label, {}), name=name)

    assert labels_of({"x/a": [of("gpt", "x/a")], "x/b": [of("set", "x/b")]}) == {"x/a": "gpt", "x/b": "set"}
    assert labels_of({"x/a": [of("gpt", "x/a")], "x/b": [of("gpt", "x/b")]}) == {"x/a": "a", "x/b": "b"}
    assert labels_of({"x/a": [of("gpt", "x/a")], "y/a": [of("gpt", "y/a")]}) == {"x/a": "x/a", "y/a": "y/a"}


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (4.38159, "4.38"),
        (1234.5, "1,234"),
        (1e-9, "0"),
        (0.000123, "0.000123"),
        (None, "–"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_have_three_digits(at, text):
    assert number(at) == text


def test_prompts_are_halves_of_test_climbs_and_the_same_for_the_same_seed(dataset):
    test = dataset.part("test")
    given, whole = prompts_of(test, 5)
    assert list(given) == list(prompts_of(test, 5)[0])
    assert list(whole) != list(prompts_of(test, 6)[1])
    for part, climb in zip(given, whole, strict=True):
        assert set(part.holds) < set(climb.holds)
        assert len(part.holds) == len(climb.holds) // 2


def test_a_file_of_climbs_is_judged_by_the_climb_metrics(dataset, reference, tmp_path):
    path = tmp_path / "theirs.jsonl"
    write_climbs(path, dataset.board, dataset.part("train")[:30], "jsonl")
    options = OmegaConf.create({"evaluation": {"samples": 12, "seed": 0}})
    found = judge(options, reference, str(path), path, Console(quiet=True), False)
    assert found.evaluation.n == 12
    assert found.evaluation["novel"].value == 0
    assert "bits per hold" not in found.evaluation.values
    assert found.evaluation.likelihood is None
    assert found.facts.kind == "file"


@pytest.mark.slow
def test_baskets_are_compared_without_pictures_of_walls(tmp_path, monkeypatch):
    """The whole command on sets that are no climbs."""
    rng = np.random.default_rng(0)
    space = Items("baskets", tuple("abcdefgh"), (1, 5))
    ones = [
        One(tuple((int(i), 0) for i in rng.choice(8, rng.integers(1, 6), replace=False))) for _ in range(200)
    ]
    split = np.repeat([0, 1, 2], [140, 20, 40]).astype(np.int8)
    ids = np.array([str(i) for i in range(200)], dtype=object)
    SetDataset(space, Sets.of(space, ones), split, ids, {"title": "baskets"}).save(tmp_path / "d")
    monkeypatch.chdir(tmp_path)
    arguments = ["data.path=d", "models=[hold_frequency,masked_set]", "network.width=16", "network.depth=1"]
    arguments += ["network.heads=2", "budget.steps=4", "threads=1", "wandb.mode=disabled"]
    arguments += ["evaluation.samples=30", "evaluation.test_climbs=20", "evaluation.orders=1"]
    monkeypatch.setattr("sys.argv", ["compare", *arguments])
    compare.main()
    (run,) = (tmp_path / "runs" / "compare").iterdir()
    told = strict((run / "metrics.json").read_text())
    assert told["primary"] == "bits per item"
    assert "bits per item" in {row["metric"] for row in told["table"]}
    page = (run / "report.html").read_text()
    assert "Sizes" in page
    assert "Hold usage" not in page
    assert "plotly" not in page


@pytest.mark.slow
def test_wandb_keeps_tables_pictures_and_page_of_a_comparison(report, pictures, folder, tmp_path):
    cfg = OmegaConf.create({"wandb": {"mode": "offline", "project": "test"}})
    log_comparison(cfg, tmp_path, report, pictures, folder / "report.html")
    (kept,) = (tmp_path / "wandb").glob("offline-run-*")
    tables = {p.name.split("_")[0]: json.loads(p.read_text()) for p in kept.glob("files/media/table/*.json")}
    assert set(tables) == {"headlines", "table"}
    assert len(tables["table"]["data"]) == len(cells(report))
    images = list(kept.glob("files/media/images/**/*.png"))
    assert len(images) == sum(len(section) for _, section in pictures.values())
    assert list(kept.glob("files/media/html/*.html"))


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_pointing_at_a_climb_draws_it_and_nothing_is_loaded(folder, report):
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright to drive Chromium")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((folder / "report.html").as_uri())
        page.wait_for_function("document.getElementById('climb-map')?._fullLayout")
        page.evaluate("document.getElementById('climb-map').scrollIntoView()")
        held = page.evaluate(
            """() => {
                const map = document.getElementById('climb-map');
                map.emit('plotly_hover', { points: [{ customdata: map.data[1].customdata[4] }] });
                return map.data[1].customdata[4];
            }"""
        )
        page.wait_for_timeout(500)
        drawn = page.evaluate(
            """() => document.getElementById('climb-map').data.filter((t) => t.meta !== undefined && t.meta !== null)
                .reduce((n, t) => n + t.x.length, 0)"""
        )
        wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        browser.close()
    assert isinstance(report.reference.space, Board)
    assert drawn == len(held.split())
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [
        (folder / "report.html").as_uri()
    ]
    assert errors == []
    assert wide

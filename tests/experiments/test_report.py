"""The comparison report, on made-up numbers and a toy board: nothing here is a result."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from experiments.report.gallery import shelves
from experiments.report.numbers import pair, plain, signed
from experiments.report.paired import pooled_difference
from experiments.report.table import cell_of, families

from experiments.report import (
    Comparison,
    Curve,
    DatasetSummary,
    MetricInfo,
    Model,
    Report,
    Run,
    Settings,
    metric_infos,
    numbers_of,
    write_report,
)
from experiments.report.content import usage
from experiments.report.summary import summary
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.metrics.evaluate import MetricValue, metrics_for

EVALUATED = metrics_for(synthetic_board())
METRICS = (
    MetricInfo("bits per hold", "bits", "down", "−log₂ p(S | c) / n", "made up", "likelihood"),
    MetricInfo("legal", "share", "up", "share of climbs that break no hard rule", "made up", "validity"),
    MetricInfo("novelty", "share", "floor", "share not in train | a bar & <tags>", "made up", "novelty"),
    MetricInfo("size_distance", "holds", "down", "W₁(n)", "made up", "fidelity"),
    MetricInfo("never_measured", "", "down", "", "", "fidelity"),
)


@pytest.fixture
def board() -> Board:
    columns, rows = 7, 9
    xy = np.array([(8.0 * x, 8.0 * y) for y in range(rows) for x in range(columns)])
    return Board(
        name="toy wall",
        family="toy",
        ids=np.arange(100, 100 + len(xy)),
        xy=xy,
        hold_set=np.arange(len(xy)) % 2,
        hold_set_names=("bolt-on", "screw-on"),
        hole_names=tuple(f"h{i}" for i in range(len(xy))),
        role_ids={role: 1 + role for role in Role},
        role_colors=dict(zip(Role, ("#00dd00", "#00ffff", "#ff00ff", "#ffa500"), strict=True)),
        angles=(30, 40),
    )


def toy_climbs(n: int, seed: int) -> Climbs:
    rng = np.random.default_rng(seed)
    climbs = []
    for i in range(n):
        size = int(rng.integers(4, 12))
        middle = rng.choice(np.arange(14, 49), size, replace=False)
        roles = rng.choice([Role.MIDDLE, Role.FOOT], size)
        holds = [(int(rng.integers(7)), 0), *zip(middle.tolist(), roles.tolist(), strict=True)]
        climbs.append(Climb((*holds, (int(rng.integers(56, 63)), 2)), 30 + 10 * (i % 2), 16 + i % 5))
    return Climbs.from_list(climbs)


def toy_run(seed: int, bits: float, *, trained: bool = True) -> Run:
    seconds = np.linspace(2, 60, 12)
    valid: list[float | None] = [*(bits + 3 * np.exp(-seconds / 12)).tolist()[:-1], None]
    return Run(
        seed=seed,
        folder=f"run-{seed}",
        train_seconds=60.0 if trained else 0.1,
        steps=1200 if trained else None,
        climbs_seen=153600 if trained else None,
        samples_per_second=41.25,
        values={"bits per hold": bits, "legal": 1.0, "novelty": 0.9 + bits / 100, "size_distance": math.nan},
        standard_errors={"bits per hold": 0.021, "novelty": 0.004, "size_distance": math.inf},
        floors={"novelty": 0.96, "size_distance": 0.11},
        floor_errors={"novelty": 0.0061},
        curve=Curve(seconds.tolist(), list(range(12)), [1.0] * 12, valid) if trained else None,
    )


@pytest.fixture
def report(board: Board) -> Report:
    seeds = (0, 1, 2)
    rng = np.random.default_rng(5)
    base = rng.normal(4.5, 0.4, 300)
    gpt = [base + 0.08 + 0.02 * s + rng.normal(0, 0.1, 300) for s in seeds]
    ours = [base + 0.01 * s + rng.normal(0, 0.1, 300) for s in seeds]
    counted = base + 1.2
    return Report(
        title="TEST REPORT, made-up numbers",
        dataset=DatasetSummary("toy", {"train": 850, "valid": 50, "test": 300}, notes=["A made-up note."]),
        board=board,
        settings=Settings("python -m compare 'a|b' x=`y`", seeds, 60.0, 200, 4, "cpu", 1, {"legal": True}),
        metrics=METRICS,
        models=[
            Model(
                "frequency", "hold_frequency", "baseline", 0,
                [toy_run(0, float(counted.mean()), trained=False)], toy_climbs(200, 1),
            ),
            Model(
                "GPT", "gpt", "baseline", 860000,
                [toy_run(s, float(gpt[s].mean())) for s in seeds], toy_climbs(200, 2),
            ),
            Model(
                "set", "masked_set", "set", 850000,
                [toy_run(s, float(ours[s].mean())) for s in seeds], toy_climbs(200, 3), "a note",
            ),
        ],
        real=toy_climbs(300, 4),
        comparisons=[Comparison.of("set", "GPT", s, ours[s], gpt[s]) for s in seeds]
        + [Comparison.of("frequency", "set", s, counted, ours[s]) for s in seeds],
        date="2001-02-03",
        versions={"setgen": "0.0"},
    )  # fmt: skip


def written(folder, report: Report) -> tuple[dict, str, str]:
    """The folder's three files; JSON read so that NaN and Infinity, which are not JSON, fail."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    page = write_report(folder, report)
    assert page == folder / "report.html"
    trained = any(run.curve is not None for model in report.models for run in model.runs)
    assert (folder / "curves.png").is_file() == trained
    content = json.loads((folder / "metrics.json").read_text(encoding="utf-8"), parse_constant=refuse)
    return content, (folder / "report.md").read_text(encoding="utf-8"), page.read_text(encoding="utf-8")


class Page(HTMLParser):
    """Collects what a page would load, the tags left open, and the text seen."""

    VOID = {"meta", "br", "link", "img"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.unnamed: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append(tag)
        self.links += [
            v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "srcset", "action", "data")
        ]
        self.ids += [named["id"]] if "id" in named else []
        if tag == "svg" and not named.get("aria-label") and "aria-hidden" not in named:
            self.unnamed.append(self.get_starttag_text() or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_json_is_strict_and_complete(tmp_path, report):
    content, _, _ = written(tmp_path, report)
    assert [m["label"] for m in content["models"]] == ["frequency", "GPT", "set"]
    run = content["models"][2]["runs"][1]
    assert run["values"]["bits per hold"] == report.models[2].runs[1].values["bits per hold"]
    assert run["values"]["size_distance"] is None  # was NaN
    assert run["standard_errors"]["size_distance"] is None  # was infinite
    assert run["curve"]["valid_bits_per_hold"][-1] is None
    assert len(content["comparisons"]) == 6
    assert content["settings"]["command"] == report.settings.command


def test_every_number_of_the_markdown_table_is_the_one_in_the_json(tmp_path, report):
    content, markdown, _ = written(tmp_path, report)
    labels = [m["label"] for m in content["models"]]
    rows = {r["metric"]: r for family in content["table"] for r in family["rows"]}
    seen = set()
    for line in markdown.split("## Models")[0].splitlines():
        columns = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        name = columns[0].rstrip(" ↑↓≈").replace("\\", "") if columns else ""
        if len(columns) != 3 + len(labels) or name not in rows:
            continue
        seen.add(name)
        row = rows[name]
        floor, _, floor_error = columns[2].partition("±")
        assert_shown(floor, row["floor"])
        assert_shown(floor_error, row["floor_standard_error"])
        for label, text in zip(labels, columns[3:], strict=True):
            cell = row["cells"][label]
            assert ("★" in text) == (cell["mark"] == "best")
            assert ("☆" in text) == (cell["mark"] == "close")
            assert ("†" in text) == (cell["error_over"] == "climbs")
            value, _, error = re.sub("[★☆†]", "", text).partition("±")
            assert_shown(value, cell["mean"])
            assert_shown(error, cell["standard_error"])
    assert seen == set(rows)
    assert len(seen) >= 8
    differences = re.findall(
        r"^\| \w+ − \w+ \| (\S+) ± (\S+) \| (\S+) \| (\d+) \| (\d+) \|$", markdown, re.MULTILINE
    )
    for shown, d in zip(differences, content["differences"], strict=True):
        in_errors = d["mean"] / d["standard_error"]
        wanted = (d["mean"], d["standard_error"], in_errors, d["seeds"], d["climbs"])
        for text, value in zip(shown, wanted, strict=True):
            assert_shown(text, value)


def assert_shown(text: str, value: float | None) -> None:
    """`text` is `value` to within half of its last digit, and is missing only where the value is."""
    text = text.strip().replace(",", "")
    if value is None:
        assert text in ("", "–")
        return
    decimals = len(text.partition(".")[2])
    assert abs(float(text) - value) <= 0.5 * 10.0**-decimals + 1e-12


def test_html_is_one_well_formed_page_that_loads_nothing(tmp_path, report):
    _, _, html = written(tmp_path, report)
    page = Page(html)
    assert page.open == []
    assert "script" not in page.tags
    assert page.links
    assert [link for link in page.links if not link.startswith("#")] == []
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "@import" not in html
    assert not re.search(r"url\((?!['\"]?#)", html)
    assert page.unnamed == []
    assert html.count('class="wall"') >= 4 + 3 + 4 * 5  # usage, differences, five shelves of four
    assert len(html) < 2_000_000


def test_special_characters_stay_text(tmp_path, report):
    label = "a|b <script>alert(1)</script> & \"q\" 'p' $x_1$ `c` *s* é"
    models = [replace(report.models[1], label=label), *report.models[2:]]
    comparisons = [replace(c, b=label) for c in report.comparisons if c.b == "GPT"]
    content, markdown, html = written(
        tmp_path, replace(report, models=models, comparisons=comparisons, title=label)
    )
    page = Page(html)
    assert "script" not in page.tags
    assert label in page.text
    assert content["models"][0]["label"] == label
    header = next(line for line in markdown.splitlines() if line.startswith("| metric | unit"))
    assert len(re.split(r"(?<!\\)\|", header)) == 3 + 2 + 2
    assert "<script" not in re.sub(r"\\.", "", markdown)


def test_one_seed_says_that_its_error_is_over_climbs(tmp_path, report):
    models = [replace(m, runs=m.runs[:1]) for m in report.models]
    single = replace(report, models=models, comparisons=[c for c in report.comparisons if c.seed == 0])
    content, markdown, html = written(tmp_path, single)
    cell = next(r for f in content["table"] for r in f["rows"] if r["metric"] == "bits per hold")["cells"][
        "set"
    ]
    assert (cell["error_over"], cell["standard_error"]) == ("climbs", 0.021)
    assert "0.021†" in markdown
    assert "0.021†" in html
    assert "GPT and set were trained with one seed" in html


def test_a_model_without_a_network_without_samples_and_without_runs(tmp_path, report):
    bare = Model("bare", "hold_frequency", "baseline", 0, [])
    counted = replace(report.models[0], samples=None)
    content, markdown, html = written(tmp_path, replace(report, models=[bare, counted], comparisons=[]))
    assert "seconds of training" not in html  # no curve to draw
    assert "Hold usage" not in html
    assert content["models"][0]["runs"] == []
    assert "| bare |" in markdown
    assert "frequency is the only model with a likelihood" in content["summary"][0]


def test_nothing_measured_at_all(tmp_path, report):
    empty = replace(report, models=[], real=Climbs.from_list([]), comparisons=[])
    content, _, html = written(tmp_path, empty)
    assert content["summary"][0].startswith("No model has a likelihood")
    assert Page(html).open == []


def test_samples_with_holds_that_are_not_on_the_board_are_drawn_without_them(tmp_path, report):
    broken = Climbs.from_list([Climb(((2, 0), (999, 1), (5, 9)), 30, 16), Climb((), 40, 17)])
    models = [replace(report.models[2], samples=broken)]
    content, _, _ = written(tmp_path, replace(report, models=models))
    drawn = [c["holds"] for c in content["gallery"][0]["climbs"] if c["of"] == "set"]
    assert drawn == [[{"placement": 102, "role": "start"}]]


def test_a_board_without_hops_has_no_histogram_of_hops(tmp_path, report):
    middles = Climbs.from_list([Climb(((1, 1), (9, 1)), 30, 16), Climb(((3, 1),), 40, 17)])
    models = [replace(m, samples=middles) for m in report.models]
    _, _, html = written(tmp_path, replace(report, models=models, real=middles))
    assert "Holds</h3>" in html
    assert "hop</h3>" not in html.lower()


def test_synthetic_is_said_in_all_three_files(tmp_path, report):
    synthetic = replace(report, dataset=replace(report.dataset, synthetic=True))
    for text in map(str, written(tmp_path, synthetic)):
        assert "The climbs are synthetic" in text
    for text in map(str, written(tmp_path, report)):
        assert "synthetic" not in text.replace("'synthetic': False", "")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, report):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write .*choose another") as error:
        write_report(tmp_path / "file" / "report", report)
    assert "\n" not in str(error.value)


def test_mean_and_error_over_seeds_by_hand(report):
    runs = [Run(s, values={"m": v}) for s, v in enumerate([1.0, 2.0, 3.0])]
    cell = cell_of(Model("x", "g", "set", 1, runs), "m")
    assert (cell.mean, cell.error_over, cell.seeds) == (2.0, "seeds", 3)
    assert cell.standard_error == pytest.approx(1 / math.sqrt(3))
    with_nan = Model("x", "g", "set", 1, [*runs, Run(3, values={"m": math.nan})])
    assert cell_of(with_nan, "m") == cell


def mark_of(report: Report, direction: str, values: list[float | None], errors: float = 0.01) -> list[str]:
    metric = MetricInfo("m", direction=direction)  # type: ignore[arg-type]
    models = [
        Model(
            f"m{i}",
            "g",
            "set",
            1,
            [Run(0, values={"m": v}, standard_errors={"m": errors}, floors={"m": 0.5})],
        )
        for i, v in enumerate(values)
    ]
    (row,) = (
        r
        for f in families(replace(report, metrics=[metric], models=models))
        for r in f.rows
        if r.metric == metric
    )
    return [c.mark for c in row.cells]


def test_marks_follow_the_direction(report):
    values = [0.1, 0.45, 0.9, None]
    assert mark_of(report, "down", values) == ["best", "", "", ""]
    assert mark_of(report, "up", values) == ["", "", "best", ""]
    assert mark_of(report, "floor", values) == ["", "best", "", ""]
    assert mark_of(report, "none", values) == ["", "", "", ""]
    assert mark_of(report, "up", [1.0, 1.0]) == ["", ""]  # nothing to choose between
    assert mark_of(report, "down", [0.0, 9e-8], errors=1e-9) == ["", ""]  # rounding
    assert mark_of(report, "up", [0.9, None]) == ["", ""]
    assert mark_of(report, "down", [0.50, 0.52, 0.54]) == ["best", "close", ""]  # 2 · √2 · 0.01 = 0.028


def test_pooled_difference_by_hand(report):
    pairs = [Comparison("a", "b", 0, -0.1, 0.03, 50), Comparison("b", "a", 1, 0.3, 0.04, 50)]
    pooled = pooled_difference(replace(report, comparisons=pairs), "a", "b")
    assert pooled is not None
    assert pooled.mean == pytest.approx(-0.2)
    # climbs: (0.03² + 0.04²) / 2; seeds: variance of (−0.1, −0.3) is 0.02, over 2 seeds
    assert pooled.standard_error == pytest.approx(math.sqrt(0.00125 + 0.01))
    other_way = pooled_difference(replace(report, comparisons=pairs), "b", "a")
    assert other_way is not None
    assert other_way.mean == pytest.approx(0.2)
    assert pooled_difference(report, "set", "nobody") is None


def test_comparison_is_paired_and_leaves_out_what_is_missing():
    a, b = np.array([1.0, 2.0, 4.0, np.nan]), np.array([0.5, 1.5, 2.5, 1.0])
    found = Comparison.of("a", "b", 0, a, b)
    assert (found.mean_difference, found.climbs) == (pytest.approx(2.5 / 3), 3)
    assert found.standard_error == pytest.approx(np.std([0.5, 0.5, 1.5], ddof=1) / math.sqrt(3))
    assert math.isnan(Comparison.of("a", "b", 0, a[:1], b[:1]).standard_error)


def test_a_model_that_finds_a_climb_impossible_is_not_flattered(tmp_path, report):
    compared = Comparison.of("a", "b", 0, np.array([1.0, np.inf, np.inf]), np.array([2.0, 2.0, np.inf]))
    assert (compared.mean_difference, compared.climbs) == (math.inf, 2)
    runs = [replace(r, values={**r.values, "bits per hold": math.inf}) for r in report.models[2].runs]
    models = [*report.models[:2], replace(report.models[2], runs=[*report.models[2].runs[:2], runs[2]])]
    comparisons = [
        Comparison("set", "GPT", s, b, math.nan, 300) for s, b in enumerate((-0.1, -0.1, math.inf))
    ]
    content, markdown, html = written(tmp_path, replace(report, models=models, comparisons=comparisons))
    assert content["summary"][0].startswith("GPT (baseline) needs the fewest")
    assert any("set gives some test climbs probability 0" in line for line in content["summary"])
    cell = next(r for f in content["table"] for r in f["rows"] if r["metric"] == "bits per hold")["cells"][
        "set"
    ]
    assert (cell["mean"], cell["infinite"], cell["mark"]) == (None, True, "")
    assert "| ∞ |" in markdown
    assert ">∞<" in html
    assert content["differences"] == []


def test_summary_names_the_best_and_says_when_it_is_not_sure(report):
    lines = summary(report)
    assert lines[0].startswith("set (set generator) needs the fewest bits per hold")
    assert lines[1].startswith("GPT (baseline) needs")
    assert "standard errors" in lines[1]
    unsure = replace(report, comparisons=[Comparison("set", "GPT", 0, -0.01, 0.02, 300)])
    assert "cannot be told apart from GPT" in summary(unsure)[1]
    assert "no paired comparison" in summary(replace(report, comparisons=[]))[1]
    worse = [replace(m, kind="set" if m.kind == "baseline" else "baseline") for m in report.models]
    assert summary(replace(report, models=worse))[0].startswith("set (baseline)")


def test_a_row_of_zeros_becomes_a_line_of_text(tmp_path, report):
    metrics = [*METRICS, MetricInfo("illegal: too many starts", "share", "down", family="validity")]
    run = replace(report.models[2].runs[0], floors={"illegal: too many starts": 0.0})
    runs = [replace(run, values={**run.values, "illegal: too many starts": v}) for v in (0.0, 0.25)]
    for r, folded in zip(runs, (True, False), strict=True):
        models = [replace(report.models[2], runs=[r])]
        content, markdown, html = written(tmp_path, replace(report, metrics=metrics, models=models))
        assert ("0 for every model and for real climbs: illegal: too many starts." in html) == folded
        assert ("0 for every model and for real climbs: illegal: too many starts." in markdown) == folded
        assert "illegal: too many starts" in {r["metric"] for f in content["table"] for r in f["rows"]}


def test_metrics_and_numbers_come_from_the_evaluators(tmp_path, report):
    infos = metric_infos(EVALUATED)
    assert [i.name for i in infos] == [m.name for m in EVALUATED]
    assert {"validity", "novelty", "diversity", "fidelity"} <= {i.family for i in infos}
    assert {i.direction for i in infos} <= {"up", "down", "floor", "none"}
    values = {m.name: MetricValue(0.25, 0.01, 90, 0.23, 0.27, 0.5, 0.02, 90) for m in EVALUATED}
    model = Model("x", "g", "set", 1, [Run(0, **numbers_of(values))])
    content, _, _ = written(tmp_path, replace(report, metrics=infos, models=[model], comparisons=[]))
    rows = {r["metric"]: r for f in content["table"] for r in f["rows"]}
    assert rows["legal"]["cells"]["x"]["mean"] == 0.25
    assert rows["legal"]["cells"]["x"]["gap"] == -0.25
    assert rows["legal"]["floor_standard_error"] == 0.02
    assert set(rows) == {m.name for m in EVALUATED} | {"parameters"}


def test_usage_counts_a_hold_once_a_climb(board):
    climbs = Climbs.from_list([Climb(((3, 0), (3, 1), (4, 1))), Climb(((3, 1), (70, 1)))])
    shares = usage(board, climbs)
    assert shares[3] == 1.0
    assert shares[4] == 0.5
    assert shares.sum() == 1.5


def test_gallery_sets_climbs_of_one_condition_side_by_side(report):
    found = shelves(report)
    assert len(found) == 6
    assert [s.grade for s in found] == sorted(s.grade for s in found)
    for shelf in found:
        assert [label for label, _ in shelf.climbs] == ["real", "frequency", "GPT", "set"]
        assert {(c.angle, c.grade) for _, c in shelf.climbs if c} == {(shelf.angle, shelf.grade)}


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (4.38211, 0.0123, "4.382 ± 0.012"),
        (4.38211, None, "4.382"),
        (1.0, 0.0, "1 ± 0"),
        (153600, None, "153,600"),
        (math.nan, 0.1, "–"),
        (None, None, "–"),
        (2.5, math.nan, "2.5"),
        (123.4, 12.0, "123 ± 12"),
        (0.00001234, None, "1.23e-05"),
    ],
)
def test_numbers_have_the_digits_their_error_supports(value, error, text):
    assert pair(value, error) == text


def test_signs_are_always_shown():
    assert [signed(v) for v in (0.1234, -2.0, 0.0, None)] == ["+0.123", "-2.00", "±0", "–"]
    assert plain(12.345, 1) == "12.3"

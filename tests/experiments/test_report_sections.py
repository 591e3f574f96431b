"""The report's sections that need real climbs of both splits, on a small synthetic dataset, ungraded."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from experiments.report.hold_usage import hold_usage
from experiments.report.images import images
from experiments.report.leaderboard import class_of, leaderboard
from experiments.report.near_far import near_far
from experiments.report.numbers import decimals_of, interval
from experiments.report.parallel import losses
from experiments.report.table import FAMILIES, Cell
from omegaconf import OmegaConf
from rich.console import Console

from experiments.judging import judge_file, prompts_of
from experiments.report import (
    Comparison,
    DatasetSummary,
    MetricInfo,
    Model,
    Report,
    Run,
    Settings,
    write_report,
)
from experiments.report.climb_map import climb_map, map_json
from experiments.report.write import columns
from experiments.tracking import log_comparison
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climb_files import write_climbs
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.metrics.context import Context
from setgen.metrics.metric import metrics_of


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(400, 3)


@pytest.fixture(scope="module")
def reference(dataset) -> Context:
    return Context.of_dataset(dataset, 0, grader=None)


def run(value: float, error: float = 0.1) -> Run:
    return Run(
        0,
        values={"novel": value, "W₁ size": 1.0, "bits per hold": value},
        standard_errors={"novel": error, "bits per hold": error},
        floors={"novel": 0.5, "W₁ size": 0.5},
        floor_errors={"novel": 0.0},
        intervals={"novel": (value - 0.2, value + 0.2)},
    )


METRIC_INFOS = (
    MetricInfo("bits per hold", "bits", "down", family="likelihood"),
    MetricInfo("novel", "share", "up", family="novelty"),
    MetricInfo("hold usage", "bits", "down", family="fidelity"),
)


@pytest.fixture
def report(dataset, reference) -> Report:
    prompts = prompts_of(dataset, 0)
    done = [Climbs.from_list([whole]) for _, whole in prompts]
    copies = dataset.part("train")[:20]
    return Report(
        "TEST",
        DatasetSummary("test", {}),
        dataset.board,
        Settings("none", [0]),
        METRIC_INFOS,
        [
            Model("copies </script>", "x", "set", 1, [run(0.6)], copies, completions=done),
            Model("poor", "y", "baseline", 1, [run(0.0)], dataset.part("valid")),
        ],
        dataset.part("test"),
        reference=reference,
        prompts=prompts,
    )


def test_every_family_of_the_evaluators_has_a_heading():
    assert {m.family for m in metrics_of(synthetic_board()).values()} <= set(FAMILIES)


def test_a_metric_of_any_family_is_shown_without_a_change_here(report, tmp_path):
    """In the table and the glossary under a heading of its own, and on the leaderboard."""
    infos = [
        MetricInfo("new one", "ants", "down", "a formula", "a source", family="ant-hills", wants="77 ants")
    ]
    runs = [Run(0, values={"new one": v}, notes={"new one": "counted by hand"}) for v in (0.25, 0.75)]
    models = [replace(m, runs=[r]) for m, r in zip(report.models, runs, strict=True)]
    changed = replace(report, metrics=infos, models=models)
    assert [line.row.metric.name for line in leaderboard(changed)] == ["new one"]
    page = write_report(tmp_path, changed).read_text(encoding="utf-8")
    assert page.count("<h3>Ant-hills</h3>") == 2
    assert page.count(">new one</a>") == 2
    assert "counted by hand" in page
    assert "wants 77 ants" in page
    (anchor,) = set(re.findall(r'href="#(metric-\d+)">new one<', page))
    assert re.findall(rf'id="{anchor}"><dt>(.*?)<', page) == ["new one"]


def test_a_cell_without_a_value_says_why(report, tmp_path):
    silent = Run(0, values={"novel": math.nan}, notes={"novel": "no climb has a start"})
    models = [replace(report.models[0], runs=[silent]), report.models[1]]
    page = write_report(tmp_path, replace(report, models=models)).read_text(encoding="utf-8")
    assert page.count("no climb has a start") == 2  # leaderboard and table


def test_heat_maps_keep_their_scale_beside_a_collapsed_model(report, dataset):
    real = hold_usage(report)
    one = dataset.part("train")[:1]
    collapsed = replace(report.models[0], samples=Climbs.from_list([one.climb(0)] * 50))
    found = hold_usage(replace(report, models=[collapsed, report.models[1]]))
    assert real is not None
    assert found is not None
    assert found.sources[1].most == 1.0
    assert found.full == pytest.approx(1.5 * found.sources[0].most)
    for u in found.sources[1:]:
        assert np.array_equal(u.difference, u.shares - found.sources[0].shares)


def test_the_page_states_its_own_weight(report, tmp_path):
    page = write_report(tmp_path, report)
    said = re.search(r"One file of ([\d.]+) MB, ([\d.]+) MB of it plotly", page.read_text(encoding="utf-8"))
    assert said is not None
    assert float(said[1]) == pytest.approx(page.stat().st_size / 1e6, abs=0.051)
    assert float(said[2]) < float(said[1])


def test_rows_of_a_gallery_are_of_equal_length_where_they_can_be():
    assert [columns(n) for n in (1, 4, 6, 7, 8)] == [
        "--columns: 1; --paper: 1",
        "--columns: 4; --paper: 4",
        "--columns: 6; --paper: 3",
        "--columns: 7; --paper: 4",
        "--columns: 4; --paper: 4",
    ]


def test_a_row_has_the_decimals_that_its_narrowest_interval_supports():
    cells = [Cell(9.9, low=6.0, high=17.9), Cell(318.4, low=289.0, high=352.0), Cell(None)]
    assert decimals_of(cells) == 1  # four digits of 318.4
    assert decimals_of([Cell(0.97913, low=0.978, high=0.98)]) == 4
    assert decimals_of([Cell(4.0)]) is None
    assert interval(cells[0], 1) == "6.0 to 17.9"
    assert interval(Cell(0.0, low=0.0, high=0.0), 1) == ""


def test_leaderboard_distances_by_hand(report):
    lines = {line.row.metric.name: line for line in leaderboard(report)}
    assert list(lines) == ["bits per hold", "novel"]  # hold usage was never measured
    novel = lines["novel"]
    assert [p.distance for p in novel.places] == [0.0, pytest.approx(5.0)]  # better than real; 0.5 / 0.1
    assert [p.kind for p in novel.places] == ["at", "near"]
    assert (novel.places[0].cell.low, novel.places[0].cell.high) == (pytest.approx(0.4), pytest.approx(0.8))
    bits = lines["bits per hold"]  # no floor: against the best, which needs 0 bits
    assert bits.to_best
    assert [p.distance for p in bits.places] == [pytest.approx(0.6 / math.hypot(0.1, 0.1)), 0.0]


def test_distances_to_the_best_are_paired_as_in_the_summary(report):
    bits = np.random.default_rng(0).normal(0.0, 1.0, 100)
    paired = Comparison.of("copies </script>", "poor", 0, bits + 0.6 + 0.01 * bits, bits)
    (line, _) = leaderboard(replace(report, comparisons=[paired]))
    assert line.places[0].distance == pytest.approx(0.6 / paired.standard_error)


def test_farther_is_never_a_better_class():
    order = ["at", "near", "off", "far"]
    ranks = [order.index(class_of(d)) for d in (0, 1.9, 2.1, 9, 11, 39, 41, math.inf)]
    assert all(a <= b for a, b in pairwise(ranks))
    assert (ranks[0], ranks[-1]) == (0, 3)


def test_parallel_axes_end_at_the_floor_and_at_the_farthest_model(report):
    share = losses(leaderboard(report))
    assert share.min() == 0
    assert np.allclose(share.max(axis=1), 1)


def test_copies_are_found_beside_what_they_copy(report):
    copied, honest = near_far(report)
    assert copied.copies[0].distance == 0
    assert set(copied.copies[0].climb.holds) == set(copied.copies[0].neighbour.holds)
    for one in (copied, honest):
        assert max(f.distance for f in one.near) <= min(f.distance for f in one.far)


def test_the_map_is_the_same_for_any_order_of_models_and_holds_what_it_draws(report, dataset):
    found = climb_map(report)
    assert found is not None
    assert found.space == "shape"  # no grader
    text = map_json(found)
    assert "<" not in text
    sources = json.loads(text)["sources"]
    assert sources[1]["label"] == "copies </script>"
    drawn = {tuple(sorted(map(tuple, np.reshape(h, (-1, 2)).tolist()))) for h in sources[1]["holds"]}
    assert drawn == {tuple(sorted(c.holds)) for c in dataset.part("train")[:20]}
    report.models.reverse()
    again = climb_map(report)
    assert again is not None
    assert np.array_equal(found.clouds[1].xy, again.clouds[2].xy)


def test_the_page_runs_its_own_scripts_alone_and_loads_nothing(report, tmp_path):
    page = write_report(tmp_path, report).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "unsafe-inline" not in policy[1].split("script-src")[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy[1]) == hashes
    assert len(hashes) == 2
    bare = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert not re.findall(r'(?:src|srcset)="', bare)
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', bare))
    assert len(page.encode()) < 8e6
    assert page.count("given") > sum(len(given.holds) for given, _ in report.prompts)
    assert "There is no grader for this data" in page


def test_prompts_are_halves_of_test_climbs_and_the_same_for_the_same_seed(dataset):
    prompts = prompts_of(dataset, 5)
    assert prompts == prompts_of(dataset, 5)
    assert prompts != prompts_of(dataset, 6)
    for given, whole in prompts:
        assert set(given.holds) < set(whole.holds)
        assert len(given.holds) == len(whole.holds) // 2


def test_a_file_of_climbs_is_judged_by_the_climb_metrics(dataset, reference, tmp_path):
    path = tmp_path / "theirs.jsonl"
    write_climbs(path, dataset.board, dataset.part("train")[:30], "jsonl")
    options = OmegaConf.create({"evaluation": {"samples": 100, "seed": 0}})
    judged = judge_file(options, reference, str(path), path, Console(quiet=True))
    options.evaluation.samples = 12
    assert len(judge_file(options, reference, str(path), path, Console(quiet=True)).samples) == 12
    assert judged.evaluation["novel"].value == 0
    assert "bits per hold" not in judged.evaluation.values
    assert judged.bits is None
    assert judged.facts.kind == "file"


def test_pictures_for_a_tracker_are_the_page_s_sections(report):
    found = images(report)
    assert all(png.startswith(b"\x89PNG") for png in found.values())
    kinds = {name.split("/")[0] for name in found}
    assert {"climbs", "usage", "usage minus real", "nearest and farthest", "completions", "map"} <= kinds
    assert {name for name in found if name.startswith("usage/")} == {
        "usage/real",
        *(f"usage/{m.label}" for m in report.models),
    }


@pytest.mark.slow
def test_wandb_keeps_tables_pictures_and_page_of_a_comparison(report, tmp_path):
    page = write_report(tmp_path, report)
    cfg = OmegaConf.create({"wandb": {"mode": "offline", "project": "test"}})
    log_comparison(cfg, tmp_path, report, page)
    (kept,) = (tmp_path / "wandb").glob("offline-run-*")
    tables = {p.name.split("_")[0]: json.loads(p.read_text()) for p in kept.glob("files/media/table/*.json")}
    assert set(tables) == {"leaderboard", "table"}
    board = [
        dict(zip(tables["leaderboard"]["columns"], row, strict=True)) for row in tables["leaderboard"]["data"]
    ]
    assert [row["metric"] for row in board] == [line.row.metric.name for line in leaderboard(report)]
    assert board[1]["poor class"] == "near"
    assert board[1]["poor distance"] == pytest.approx(5.0)
    pictures = list(kept.glob("files/media/images/**/*.png"))
    assert len(pictures) == len(images(report))
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in pictures)
    assert list(kept.glob("files/media/html/*.html"))

"""experiments.samplers: every way of its config is measured once, and the page shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.samplers import MEASURED, bits, counted_rows, way_of
from experiments.samplers import main as samplers
from setgen.climbing.build import synthetic_dataset
from setgen.errors import InputError
from setgen.generators.denoiser import DenoiserConfig
from setgen.generators.hold_canvas import HoldCanvas
from setgen.generators.sampling import Sampling
from setgen.generators.unmasking import Unmasking
from setgen.metrics.context import Context

CONF = Path(__file__).parents[2] / "experiments" / "conf"


@pytest.fixture(scope="module")
def dataset():
    return synthetic_dataset(400, seed=3)


@pytest.fixture(scope="module")
def canvas(dataset):
    torch.manual_seed(0)
    model = HoldCanvas(dataset.board, DenoiserConfig(width=16, depth=1, heads=2)).eval()
    model.fit_counts(dataset.part("train"))
    return model


def test_every_way_of_the_config_is_a_way():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("samplers")
    made = {name: way_of(name, options, (2.0, 1.0)) for name, options in cfg.ways.items()}
    assert len(set(made.values())) == len(made)
    assert next(iter(made.values())) == Sampling()
    with pytest.raises(InputError, match="'odd'"):
        way_of("odd", OmegaConf.create({"call": 3}), ())


def test_calls_are_counted_by_rows(dataset, canvas):
    asked = Context.of_dataset(dataset).asking(canvas, 40).raw
    with counted_rows(canvas) as rows:
        climbs = canvas.sample(asked, unmasking=Unmasking(calls=2))
    assert sum(rows) == 80
    with counted_rows(canvas) as rows:
        climbs = canvas.sample(asked)
    assert sum(rows) == climbs.sizes.sum()


def test_bits_are_given_where_the_process_has_a_likelihood(dataset, canvas):
    cfg = OmegaConf.create({"test_climbs": 20, "orders": 2})
    real = Context.of_dataset(dataset)
    one, many = (
        bits(canvas, real, Sampling(unmasking=how), cfg) for how in (Unmasking(), Unmasking(calls=35))
    )
    assert one == pytest.approx(many)
    for how in (Unmasking(block_bits=3), Unmasking(calls=2, schedule="confident"), Unmasking(refinements=1)):
        assert bits(canvas, real, Sampling(unmasking=how), cfg) is None
    assert bits(canvas, real, Sampling(guidance=1), cfg) is None


@pytest.mark.slow
def test_the_command_measures_and_resumes(dataset, canvas, tmp_path, monkeypatch, capsys):
    dataset.save(tmp_path / "data")
    canvas.save(tmp_path / "canvas")
    words = [
        "samplers",
        f"models=[{tmp_path / 'canvas'}]",
        f"data.path={tmp_path / 'data'}",
        f"runs={tmp_path}",
        "samples=40",
        "test_climbs=10",
        "seeds=[0]",
        'only=["one hold a call","even, 2"]',
    ]
    monkeypatch.setattr("sys.argv", words)
    samplers()
    (folder,) = (tmp_path / "samplers").iterdir()
    points = json.loads((folder / "points.json").read_text())
    assert [p["way"] for p in points] == ["one hold a call", "even, 2"]
    assert set(MEASURED) <= set(points[0])
    page = (folder / "samplers.md").read_text()
    assert "| even, 2 |" in page
    assert (folder / "samplers.png").stat().st_size > 10_000
    monkeypatch.setattr("sys.argv", ["samplers", f"resume={folder}"])
    samplers()
    assert json.loads((folder / "points.json").read_text()) == points


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "there is nothing to measure"),
        (["models=[no/such]"], "no/such is not a folder"),
        (["models=[MODEL]", "samples=0"], "samples is 0"),
        (["models=[MODEL]", "only=[odd]"], "there is no way 'odd'"),
        (["models=[OTHER]"], "of another board"),
    ],
)
def test_wrong_input_is_one_line(words, what, dataset, canvas, tmp_path, refusal) -> None:
    dataset.save(tmp_path / "data")
    canvas.save(tmp_path / "canvas")
    board = replace(dataset.board, ids=dataset.board.ids + 1)
    HoldCanvas(board, DenoiserConfig(width=8, depth=1, heads=1)).save(tmp_path / "other")
    places = {"MODEL": str(tmp_path / "canvas"), "OTHER": str(tmp_path / "other")}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    assert what in refusal(samplers, f"data.path={tmp_path / 'data'}", f"runs={tmp_path}", *words)
    assert not (tmp_path / "samplers").exists()

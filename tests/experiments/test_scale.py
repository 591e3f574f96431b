"""Scale: nested subsets, cells that are kept, laws that find what they were made of, the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from experiments import scale
from experiments.model_config import MODELS
from experiments.scaling import cells
from experiments.scaling.cells import Ground, nested, numbers_of_climbs
from experiments.scaling.law import Law, fit, fit_law
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError

CLIMBS = np.array([1000, 3000, 10_000, 30_000, 100_000])
TINY = ["networks=[tiny]", "budget.steps=3", "training.valid_climbs=8", "evaluation.test_climbs=12"]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(400, seed=3)


def config(*overrides: str):
    with initialize_config_dir(str(MODELS.parent), version_base="1.3"):
        return compose("scale", list(overrides))


def _main(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["experiments", *arguments])
    try:
        scale.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_a_law_finds_the_numbers_it_was_made_of():
    law = fit_law(CLIMBS.astype(float), Law(3.8, 0.9, 0.4).at(CLIMBS))
    assert law.floor == pytest.approx(3.8, abs=1e-3)
    assert law.scale == pytest.approx(0.9, abs=1e-3)
    assert law.power == pytest.approx(0.4, abs=1e-3)
    assert law.at(1000) == pytest.approx(4.7, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "least"), [(1, 28), (3, 33)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(seeds, least):
    law, rng = Law(3.8, 0.9, 0.4), np.random.default_rng(0)
    hits = 0
    for i in range(40):
        noisy = {int(n): [float(law.at(n) + rng.normal() * 0.01) for _ in range(seeds)] for n in CLIMBS}
        fitted = fit(noisy, draws=100, seed=i)
        assert fitted is not None
        low, high = fitted.interval(350_000)
        hits += low <= law.at(350_000) <= high
    assert hits >= least  # 38 would be right


def test_intervals_grow_with_noise_and_with_distance():
    def interval(noise: float, climbs: int) -> float:
        rng = np.random.default_rng(0)
        noisy = {int(n): list(Law(3.8, 0.9, 0.4).at(n) + rng.normal(size=3) * noise) for n in CLIMBS}
        fitted = fit(noisy, draws=40)
        assert fitted is not None
        low, high = fitted.interval(climbs)
        return high - low

    assert interval(0.001, 350_000) < interval(0.01, 350_000)
    assert interval(0.01, 30_000) < interval(0.01, 10_000_000)


def test_a_law_needs_more_numbers_than_it_has():
    assert fit({1000: [4.0], 2000: [3.9], 4000: [3.8]}) is None


def test_fewer_climbs_are_among_more_and_nothing_else_changes(dataset):
    few, more = nested(dataset, 50), nested(dataset, 120)
    assert len(few.part("train")) == 50
    assert len(more.part("train")) == 120
    rows = [set(np.flatnonzero(d.split == 0)) for d in (few, more)]
    assert rows[0] < rows[1]
    for part in ("valid", "test"):
        assert len(few.part(part)) == len(dataset.part(part))


def test_all_means_all_training_climbs(dataset):
    most = len(dataset.part("train"))
    assert numbers_of_climbs(config("climbs=[all,30]"), dataset) == [30, most]
    with pytest.raises(InputError, match=f"1 to {most} training climbs"):
        numbers_of_climbs(config("climbs=[100000]"), dataset)


@pytest.mark.slow
def test_truth_is_for_synthetic_climbs_only(dataset):
    from dataclasses import replace

    ground = Ground.of(dataset, 20)
    assert 3 < ground.truth.sum() / ground.test.sizes.sum() < 4.5  # bits per hold, and not of whole climbs
    assert Ground.of(replace(dataset, card={**dataset.card, "source": {"kind": "csv"}}), 20).truth is None


@pytest.mark.slow
def test_a_grid_is_kept_grows_and_is_told(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dataset.save(tmp_path / "d")
    grid = ["models=[sweep_set]", "climbs=[40,80,160]", *TINY, "data.path=d"]
    assert _main(monkeypatch, *grid) == 0
    (folder,) = (tmp_path / "runs" / "scale").iterdir()
    page = (folder / "scale.md").read_text()
    assert "No law is fitted" in page
    assert "Gap to the truth" in page

    train, trained = cells.train, []
    monkeypatch.setattr(cells, "train", lambda *a: trained.append(a[3].name) or train(*a))
    more = ["models=[sweep_set,hold_frequency]", "climbs=[40,80,160,all]"]
    assert _main(monkeypatch, f"resume={folder}", *more) == 0
    most = len(dataset.part("train"))
    assert len(trained) == 5
    assert f"sweep_set-tiny-{most}-seed0" in trained
    found = json.loads((folder / "scale.json").read_text())
    assert len(found) == 8
    for cell in found:
        assert cell["gap"] > 0
        assert cell["gap"] < cell["bits"]
    assert "Laws" in (folder / "scale.md").read_text()
    for ending in ("png", "svg"):
        assert (folder / f"scale.{ending}").stat().st_size > 1000
    assert not list(Path(folder).glob("cells/*/checkpoints"))

    assert _main(monkeypatch, f"resume={folder}", "budget.steps=9") == 2
    assert "only climbs, models, networks, seeds, target can be changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models=[]"], "models is empty"),
        (["models=[gtp]"], "gtp"),
        (["networks=[huge]"], "not one of"),
        (["climbs=[0]"], "climbs has 0"),
        (["target=0"], "target is 0"),
        (["evaluation.orders=0"], "evaluation.orders"),
        (["budget.minutes=-1"], "budget.minutes"),
        (["resume=nowhere"], "not a run folder"),
    ],
)
def test_wrong_input_is_said_and_ends_with_2(arguments, message, dataset, tmp_path, monkeypatch, refusal):
    monkeypatch.chdir(tmp_path)
    dataset.save(tmp_path / "d")
    extra = [] if "resume" in arguments[0] else ["data.path=d"]
    assert message in refusal(scale.main, *extra, *arguments)

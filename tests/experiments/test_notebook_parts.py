"""What the notebooks call: trainings that repeat, tables that add up, charts of what they are given."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import PIL.Image
import pytest
import torch

from experiments.charts import draw_curves
from experiments.notebook.charts import draw_counts, draw_thresholds, show
from experiments.notebook.damage_charts import draw_matrix, draw_series
from experiments.notebook.tables import card_table, damage_list, rules_table, training_table
from experiments.notebook.training import Trained, train_model
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.heatmaps import draw_heatmaps
from setgen.climbing.sensible import SensibleRules
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.figures import figure_to_png
from setgen.metrics.damage import damages_of
from setgen.metrics.proof import Series

DAMAGE = damages_of(synthetic_board())
SEEN = Series("a", "holds replaced", "↓", (1, 1, 5, 6, 7), (0,) * 5, (1,) * 5, (0,) * 5, (2,) * 5)
MISSED = Series("b", "holds replaced", "↑", (1, 1, 1, 1, 1), (0,) * 5, (1,) * 5, (0,) * 5, (2,) * 5)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(400, 1)


@pytest.fixture(scope="module")
def trained(dataset: Dataset) -> dict[str, Trained]:
    return {name: train_model(name, dataset, steps=2) for name in ("hold_frequency", "masked_set")}


def test_a_training_of_steps_repeats_itself(dataset: Dataset, trained: dict[str, Trained]) -> None:
    again, other = (train_model("masked_set", dataset, steps=2, seed=seed) for seed in (0, 1))
    weights = [t.generator.state_dict() for t in (trained["masked_set"], again, other)]
    assert trained["masked_set"].facts.steps == 2
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_a_training_takes_one_budget(dataset: Dataset) -> None:
    for budget in ({}, {"seconds": 1.0, "steps": 1}):
        with pytest.raises(InputError, match="either"):
            train_model("masked_set", dataset, **budget)


def test_tables_say_what_the_dataset_and_the_runs_say(dataset: Dataset, trained: dict[str, Trained]) -> None:
    counts = card_table(dataset.card)["count"]
    assert counts["rows kept"] == sum(counts[f"{part}: rows"] for part in ("train", "valid", "test")) == 400
    train = dataset.part("train")
    rules = SensibleRules.fit(dataset.board, train)
    table = rules_table(rules, train, dataset.part("test"))
    hop = rules.broken(train)["hop too long"].mean()
    assert table.loc["hop too long", "broken by train climbs"] == f"{hop:.1%}"
    assert list(training_table(trained)["steps"]) == ["0", "2"]
    assert list(damage_list(list(DAMAGE.values())).index) == list(DAMAGE)
    for damage in DAMAGE.values():
        assert damage.said in damage_list(list(DAMAGE.values())).to_html()


def test_the_matrix_holds_the_least_degree_that_is_seen() -> None:
    assert (SEEN.seen_from, MISSED.seen_from) == (2, None)
    axes = draw_matrix([SEEN, MISSED], {"holds replaced": DAMAGE["holds replaced"]}).axes[0]
    assert [(t.get_text(), t.get_position()) for t in axes.texts] == [("2", (0, 0))]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a ↓", "b ↑"]


def test_points_past_the_floor_are_filled() -> None:
    axes = draw_series([SEEN], {"holds replaced": DAMAGE["holds replaced"]}, ["a"]).axes[0]
    filled = [
        line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "white"
    ]
    assert [tuple(line.get_xdata()) for line in filled] == [(2, 3, 4)]


def test_charts_show_what_they_are_given(dataset: Dataset, trained: dict[str, Trained]) -> None:
    axes = draw_counts({"size": {"5": 3, "6": 1}}).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [3, 1]
    axes = draw_thresholds({"hop": (np.array([1.0, np.nan, 3.0]), 2.5)}).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 2
    assert axes.lines[0].get_xdata()[0] == 2.5
    curve = trained["masked_set"].facts.curve
    (line,) = draw_curves({"masked_set": [curve]}).axes[0].lines
    assert list(line.get_ydata()) == curve["valid_bits_per_hold"]
    assert trained["hold_frequency"].facts.curve is None  # counting has none


def test_a_picture_is_a_png_of_few_colours_and_they_stay_true() -> None:
    board = synthetic_board()
    weights = np.linspace(-0.02, 0.02, len(board))
    weights[40] = 1.0  # the one saturated dot among hundreds of pale ones
    figure = draw_heatmaps(board, {str(i): weights for i in range(4)}, signed=True)
    picture = PIL.Image.open(BytesIO(show(figure, 80).data))
    assert (picture.format, picture.mode) == ("PNG", "P")
    full = PIL.Image.open(BytesIO(figure_to_png(figure, 80))).convert("RGB")
    assert np.abs(np.asarray(full, int) - np.asarray(picture.convert("RGB"), int)).max() <= 16

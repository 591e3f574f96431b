"""evaluate: the same numbers whatever the order of rows, floors from the same code, plain JSON out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from measuring import reordered

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.metrics.grader import grader_of
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.metrics import diversity
from setgen.metrics import metric as registry
from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate, mean
from setgen.metrics.evaluate import evaluate, judge, metrics_for

METRICS = metrics_for(synthetic_board())


def plain(evaluation):
    return json.dumps(evaluation.to_json(), allow_nan=False)


@pytest.mark.slow
def test_identical_numbers_for_every_order_of_rows_and_holds(dataset, real, monkeypatch):
    monkeypatch.setattr(diversity, "MOST_PAIRWISE", 100)  # so that a subsample is drawn
    rng = np.random.default_rng(0)
    other = reordered(real, rng)
    assert list(other) != list(real)
    shuffled = rng.permutation(len(dataset.climbs))
    same_data = replace(
        dataset, sets=dataset.climbs[shuffled], split=dataset.split[shuffled], ids=dataset.ids[shuffled]
    )
    assert plain(evaluate(other, same_data, seed=3)) == plain(evaluate(real, dataset, seed=3))


def test_the_seed_decides_subsamples_and_says_so(dataset, judged, real, monkeypatch):
    def diverse(seed):
        by = Context.of_dataset(dataset, seed, grader=None)
        return judged(real, "internal diversity", by=by)["internal diversity"]

    whole = diverse(0)
    assert whole.note == ""
    monkeypatch.setattr(diversity, "MOST_PAIRWISE", 100)
    first, again, other = (diverse(seed) for seed in (0, 0, 1))
    assert first == again
    assert first.value != other.value
    assert first.n == 100
    assert "100 of 600 climbs" in first.note
    assert first.value == pytest.approx(whole.value, abs=5 * first.standard_error)


@pytest.mark.slow
def test_a_floor_is_the_metric_itself_on_real_climbs(dataset, reference):
    """With the stand-ins as samples, value and floor are one number."""
    on_test = evaluate(dataset.part("test"), reference)
    for metric in METRICS:
        if metric.floor == "test":
            assert on_test[metric.name].value == on_test[metric.name].floor, metric.name
    train = np.flatnonzero(dataset.split == 0)
    split = dataset.split.copy()
    split[train[400:]] = 1
    small = Context.of_dataset(replace(dataset, split=split), grader=grader_of(reference))
    on_train = evaluate(small.data.part("train"), small)
    for metric in METRICS:
        if metric.floor == "train":
            assert on_train[metric.name].value == on_train[metric.name].floor, metric.name


def test_floors_are_as_large_as_the_sample(dataset, judged, real):
    found = judged(real[:200], "W₁ size", "legal")
    assert found["W₁ size"].floor_n == 200
    assert found["legal"].floor_n == len(dataset.part("test"))


def test_too_few_climbs_of_either_kind_are_said(dataset, judged, real):
    wanting = "precision (shape)", "recall (shape)", "MMD (Jaccard)", "two-sample AUC (trees)"
    few = judged(real[:150], "legal", *wanting)
    assert few["legal"].note == ""
    for name in wanting:
        assert "wants 300 climbs" in few[name].note, name
        assert "test climbs" not in few[name].note, name
    test = np.flatnonzero(dataset.split == 2)
    split = dataset.split.copy()
    split[test[200:]] = 1
    by = Context.of_dataset(replace(dataset, split=split), grader=None)
    small = judged(real, "precision (shape)", "Vendi score", by=by)
    assert small["precision (shape)"].note == "wants 300 test climbs"
    assert small["Vendi score"].note == ""


@pytest.mark.slow
def test_every_metric_says_what_it_is(reference, real):
    found = evaluate(real, reference)
    assert list(found.values) == [metric.name for metric in METRICS]
    assert not found.left_out
    table = json.loads(plain(found))
    assert table["n"] == len(real)
    assert table["soft_rules"]
    for name, row in table["metrics"].items():
        assert row["formula"], name
        assert row["source"], name
        assert row["unit"], name
        assert row["direction"] in ("↑", "↓", "=", "none"), name
        assert row["value"] is not None, name
        assert row["floor"] is not None, name
        assert row["standard_error"] is not None, name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "climbs",
    [
        [Climb(())],
        [Climb(((3, 0),))],
        [Climb(((3, 1), (3, 1), (3, 1))), Climb(())],
        [Climb(((-1, 1), (5000, 2), (4, 9)))],
        [Climb(tuple((p, 1) for p in range(150)))],
        [Climb(((1, 0), (2, 2)))] * 3,
    ],
)
def test_climbs_of_any_kind_are_judged_without_a_crash(reference, climbs):
    found = evaluate(Climbs.from_list(climbs), reference)
    assert found["legal"].value in (0, 1)
    json.loads(plain(found))


def test_nothing_to_compare_is_one_clear_line(dataset):
    with pytest.raises(InputError, match="no climbs to evaluate"):
        evaluate(Climbs.from_list([]), dataset)
    for name, empty in (("test", 2), ("training", 0)):
        without = replace(dataset, split=np.where(dataset.split == empty, 1, dataset.split).astype(np.int8))
        with pytest.raises(InputError, match=f"no {name} climbs"):
            evaluate(dataset.climbs[:5], without)


def test_the_example_of_how_to_add_a_metric_works(reference, real, monkeypatch):
    """The code in CONTRIBUTING.md, as it stands there."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = text.split("## Add a metric")[1].split("```python\n")[1].split("```")[0]
    monkeypatch.setattr(registry, "_REGISTRY", list(registry._REGISTRY))
    exec(code, {"metric": registry.metric, "Context": Context, "Estimate": Estimate, "mean": mean})
    added = registry.metrics_of(reference.space)["mean size"]
    assert (added.unit, added.formula) == ("holds", "Mean number of holds of the climbs")
    found = judge(reference.judging(real), added)
    assert found.value == pytest.approx(real.sizes.mean())
    assert found.floor is not None

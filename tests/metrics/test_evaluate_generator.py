"""evaluate_generator: one call, the same for every model, that knows nothing but the Generator interface."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_generators import LastItemDecides, UniformSets

from setgen.climbing.roles import Role
from setgen.climbing.rules import legal
from setgen.errors import InputError
from setgen.generators.registry import generator_class
from setgen.metrics.context import Context, samples
from setgen.metrics.evaluate import evaluate_generator
from setgen.metrics.likelihood import likelihood
from setgen.metrics.metric import metrics_of


@pytest.fixture(scope="module")
def reference_1(dataset):
    return Context.of_dataset(dataset, 1)


@pytest.fixture(scope="module")
def found(dataset, reference_1):
    return evaluate_generator(UniformSets(dataset.board), reference_1, n=100)


def test_it_has_every_metric_and_what_was_judged(found, dataset):
    assert list(found.values) == list(metrics_of(found.space))
    assert len(found.samples) == 100
    assert legal(dataset.board, found.samples).all()
    report = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert report["generator"] == "uniform_sets"
    assert report["parameters"] == 3
    assert report["likelihood"]["orders"] == 4


def test_its_values_are_those_of_the_parts(found, dataset):
    values = found.values
    expected = likelihood(UniformSets(dataset.board), dataset.part("test"), seed=1)
    assert values["bits per hold"].value == pytest.approx(np.average(expected.bits, weights=expected.items))
    assert values["bits per hold"].n == len(dataset.part("test"))
    assert values["order sensitivity"].value == pytest.approx(0, abs=1e-9)
    assert values["legal"].value == 1
    assert values["legal without masks"].value < 0.7
    asked = Context.of_dataset(dataset, 1).asking(UniformSets(dataset.board), 100)
    assert values["legal without masks"].value == legal(dataset.board, samples(asked, False)).mean()


def test_a_model_that_reads_orders_is_found_out(dataset, reference):
    found = evaluate_generator(LastItemDecides(dataset.board), reference, n=50, test_sets=40)
    assert found["order sensitivity"].value > 0.2
    assert found["bits per hold"].n == 40


def test_conditions_are_those_of_the_test_climbs(dataset):
    test = dataset.part("test")
    conditions = Context.of_dataset(dataset).asking(UniformSets(dataset.board), 2 * len(test) + 7).raw
    assert len(conditions) == 2 * len(test) + 7
    assert (conditions.sizes == 0).all()

    def counts(climbs):
        pairs = np.stack([climbs.angle, climbs.grade], 1)
        return {tuple(p): n for p, n in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True)}

    asked, real = counts(conditions), counts(test)
    assert asked.keys() == real.keys()
    assert all(2 * real[p] <= asked[p] <= 3 * real[p] for p in real)


@pytest.mark.slow
def test_one_seed_one_result(found, dataset):
    again = evaluate_generator(UniformSets(dataset.board), dataset, n=100, seed=1, batch_size=64)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt", "sweep_set"])
def test_neither_threads_nor_batches_change_a_digit_of_a_network(dataset, name):
    torch.manual_seed(0)
    cls = generator_class(name)
    generator = cls(dataset.board, cls.Config(width=48, depth=2, heads=2, dropout=0.0))
    generator.fit_counts(dataset.part("train")[:500])
    reference, before, found = Context.of_dataset(dataset, grader=None), torch.get_num_threads(), []
    try:
        for threads, batch_size in ((1, 256), (2, 17)):
            torch.set_num_threads(threads)
            judged = evaluate_generator(
                generator, reference, n=40, test_sets=15, orders=2, batch_size=batch_size
            )
            found.append(json.dumps(judged.to_json()))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_a_model_of_another_board_is_refused(dataset):
    other = replace(dataset.board, ids=dataset.board.ids + 1)
    with pytest.raises(InputError, match="trained on another board"):
        evaluate_generator(UniformSets(other), dataset)


def test_a_model_of_other_roles_is_refused(dataset):
    roles = {role: number for role, number in dataset.board.role_ids.items() if role != Role.FOOT}
    with pytest.raises(InputError, match="trained on another board"):
        evaluate_generator(UniformSets(replace(dataset.board, role_ids=roles)), dataset)


@pytest.mark.parametrize("nothing", [{"n": 0}, {"orders": 0}, {"test_sets": 0}])
def test_nothing_to_judge_is_one_line(nothing, dataset):
    with pytest.raises(InputError, match="at least one of each"):
        evaluate_generator(UniformSets(dataset.board), dataset, **nothing)

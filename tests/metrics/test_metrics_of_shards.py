"""Sets in shards are judged as all of them together are: the same values, intervals, floors and notes."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.errors import InputError
from setgen.metrics.context import Context, per_set_functions
from setgen.metrics.estimate import each_resample, resamples
from setgen.metrics.evaluate import estimate, evaluate, evaluate_shards, metrics_for
from setgen.metrics.shards import look
from setgen.sets.dataset import load_dataset
from setgen.sets.shards import Shards

N = 300


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "d"
    synthetic_dataset(200, 1).save(folder)
    return folder


@pytest.fixture(scope="module")
def climbs(data):
    """More than there are training climbs: legal ones, broken ones, copies of training climbs and of one another."""
    broken = synthetic_climbs(60, 5)
    broken = broken.kept(np.random.default_rng(0).random(len(broken.item)) < 0.5)
    train = load_dataset(data).part("train")[:30]
    made = synthetic_climbs(N - 120, 2)
    return made.concatenate([made, broken, train, made[:30]])


@pytest.fixture(scope="module")
def shards(climbs, data, tmp_path_factory):
    found = Shards.begin(tmp_path_factory.mktemp("s") / "s", load_dataset(data).space, N, 70, {})
    for shard in range(len(found)):
        found.write(shard, climbs[found.rows(shard)])
    return found


@pytest.fixture(scope="module")
def both(climbs, shards, data):
    """Contexts that look at all climbs together, and at the shards."""
    reference = Context.of_dataset(load_dataset(data), 0, grader=None)
    return reference.judging(climbs), reference.on(look(shards, reference, data))


def test_what_is_said_of_each_set_does_not_depend_on_the_others(both):
    """Every function of its kind, on all sets at once and shard by shard; the order is that of all of them."""
    whole, looked = both[0], both[1].raw
    assert list(looked[np.arange(N)].ones()) == list(whole.raw.ones())
    compared = 0
    for name, compute in per_set_functions(whole.space).items():
        if isinstance(looked.numbers[name], str):
            assert looked.numbers[name]  # why there are none
            continue
        compared += 1
        expected = compute(whole)
        assert looked.found(name).keys() == expected.keys()
        for what, values in looked.found(name).items():
            np.testing.assert_array_equal(values, expected[what], err_msg=f"{name} {what}")
    assert compared >= 4


def test_sums_are_those_of_all_sets(both):
    whole, parts = both
    table = {m.name: m for m in metrics_for(whole.space)}
    for name in ("legal", "illegal: too few starts", "sensible", "novel", "nearest training climb"):
        expected = estimate(whole, table[name])
        assert estimate(parts, table[name]) == expected
        assert expected.n == N
        assert 0 < expected.value < 1


def test_another_board_is_refused(shards, data):
    other = replace(shards, space=replace(shards.space, ids=shards.space.ids + 1))
    with pytest.raises(InputError, match="another board"):
        evaluate_shards(other, data)


def test_resamples_are_the_same_one_at_a_time(monkeypatch):
    held = resamples(40, 3)
    monkeypatch.setattr("setgen.metrics.estimate._HELD", 10)
    np.testing.assert_array_equal(np.stack(list(each_resample(40, 3))), held)


@pytest.mark.slow
def test_the_whole_table_is_that_of_all_sets_here_and_on_ray(two_cores, climbs, shards, data, tmp_path):
    """Every metric, with the grader: exactly, but for what a network says of sets, which it reads many at once."""
    few = Shards.begin(tmp_path / "few", shards.space, 3, 2, {})
    for shard in (0, 1):
        few.write(shard, climbs[few.rows(shard)])
    assert evaluate_shards(few, data).n == 3
    expected = evaluate(climbs, load_dataset(data))
    for ray in (None, two_cores):
        found = evaluate_shards(shards, data, ray=ray)
        assert found.n == N
        assert found.left_out == expected.left_out
        assert found.values.keys() == expected.values.keys()
        for name, value in found.values.items():
            graded = "grade" in name
            for key, number in asdict(value).items():
                wanted = getattr(expected[name], key)
                same = (
                    pytest.approx(wanted, rel=1e-4, abs=1e-5, nan_ok=True)
                    if isinstance(wanted, float)
                    else wanted
                )
                assert number == (same if graded or wanted != wanted else wanted), (name, key)

"""The critic: a function of the set and what was asked, and what it chooses is more like what is real."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.frequency import Frequency, FrequencyConfig
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.errors import InputError
from setgen.generators.config import NetworkConfig
from setgen.generators.critic import (
    Critic,
    Schedule,
    chosen,
    cross_entropy,
    fit_critic,
    load_critic,
    sample_by,
)
from setgen.sets.dataset import SetDataset
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items

TINY = NetworkConfig(width=16, depth=1, heads=2)
QUICK = Schedule(draws=1000, judged=200, steps=200, learning_rate=5e-3)
SPACE = Items("pairs", tuple("abcdef"), (2, 2), values={"kind": ("first", "second")})


def pairs(n, seed):
    """ab or ac where the first kind is asked for, de or df where the second is."""
    rng = np.random.default_rng(seed)
    kinds, seconds = rng.integers(0, 2, n), rng.integers(1, 3, n)
    return Sets.of(
        SPACE,
        [
            One(((3 * k, 0), (3 * k + s, 0)), (("kind", int(k)),))
            for k, s in zip(kinds.tolist(), seconds.tolist(), strict=True)
        ],
    )


@pytest.fixture(scope="module")
def dataset():
    split = np.repeat(np.arange(3), [1200, 300, 300]).astype(np.int8)
    return SetDataset(SPACE, pairs(1800, 0), split, np.arange(1800).astype(str).astype(object), {})


@pytest.fixture(scope="module")
def generator(dataset):
    """It draws items one by one, whatever is asked for: of four pairs of its sets, one or so is real."""
    made = Frequency(SPACE, FrequencyConfig())
    made.fit_counts(dataset.part("train"))
    return made


@pytest.fixture(scope="module")
def critic(generator, dataset):
    return fit_critic(generator, dataset, 0, config=TINY, schedule=QUICK)


def real(sets):
    return np.array(
        [
            (3 * kind, 3 * kind + 1) == tuple(items) or (3 * kind, 3 * kind + 2) == tuple(items)
            for items, kind in zip(np.sort(sets.item.reshape(-1, 2), 1), sets.conditions["kind"], strict=True)
        ]
    )


def test_what_it_chooses_is_what_was_asked_for(critic, generator, dataset):
    prompts = dataset.part("test").emptied()
    share = {
        "bare": real(generator.sample(prompts, seed=1)).mean(),
        **{
            way: real(sample_by(critic, generator, prompts, 8, way, 1)).mean()
            for way in ("best", "resampled")
        },
    }
    assert share["bare"] < 0.2
    # One of eight draws is real with a chance of 1 − 0.87⁸ = 0.67.
    assert share["best"] > 0.55
    assert share["resampled"] > 0.5
    assert cross_entropy(critic, dataset.part("test"), generator.sample(prompts, seed=1)) < 0.4


def test_draws_are_the_models_own_and_answer_their_prompts(critic, generator, dataset):
    prompts = dataset.part("test")[:20].emptied()
    found = sample_by(critic, generator, prompts, 3, "resampled", 5)
    draws = generator.sample(prompts[np.repeat(np.arange(20), 3)], seed=5)
    among = [[draws.one(3 * i + j) for j in range(3)] for i in range(20)]
    assert all(found.one(i) in among[i] for i in range(20))
    assert list(sample_by(critic, generator, prompts, 1, seed=5).ones()) == list(
        generator.sample(prompts, seed=5).ones()
    )
    with pytest.raises(InputError, match="k is 0"):
        sample_by(critic, generator, prompts, 0)


def test_resampling_takes_each_draw_as_often_as_its_odds_say():
    scores = np.tile(np.log([1.0, 2.0, 5.0]), (20_000, 1))
    counts = np.bincount(chosen(scores, "resampled", 3), minlength=3)
    assert counts / 20_000 == pytest.approx(np.array([1, 2, 5]) / 8, abs=0.015)
    assert set(chosen(scores, "best").tolist()) == {2}
    with pytest.raises(InputError, match="'worst'"):
        chosen(scores, "worst")


def test_neither_order_nor_batch_nor_unknown_items_change_a_score():
    board = synthetic_dataset(60, 1).board
    torch.manual_seed(0)
    critic, climbs = Critic(board, TINY).eval(), synthetic_climbs(600, 3)
    whole = critic.score(climbs)
    assert whole.std() > 0
    backwards = type(climbs).from_list(
        [climb._replace(holds=(*climb.holds[::-1], (99_999, 1))) for climb in climbs[:50]]
    )
    np.testing.assert_array_equal(critic.score(backwards), critic.score(climbs[:50]))
    np.testing.assert_allclose(critic.score(climbs[590:]), whole[590:], atol=1e-5)
    other = climbs.with_conditions(climbs.angle, climbs.grade[::-1])
    assert not np.allclose(critic.score(other), whole)
    assert critic.score(climbs[:0]).shape == (0,)


def test_the_same_seed_gives_the_same_critic(generator, dataset):
    short = Schedule(draws=50, judged=20, batch_size=16, steps=4, validations=2)
    one, again, other = (
        fit_critic(generator, dataset, seed, config=TINY, schedule=short).score(dataset.part("test"))
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_saved_critic_is_the_same_critic(critic, dataset, tmp_path):
    critic.save(tmp_path / "c")
    again = load_critic(tmp_path / "c")
    np.testing.assert_array_equal(again.score(dataset.part("test")), critic.score(dataset.part("test")))
    assert again.config == critic.config


def test_wrong_folders_and_spaces_are_one_clear_line(critic, generator, dataset, tmp_path):
    with pytest.raises(InputError, match="holds no critic"):
        load_critic(tmp_path)
    critic.save(tmp_path / "c")
    head = json.loads((tmp_path / "c" / "critic.json").read_text())
    (tmp_path / "c" / "critic.json").write_text(json.dumps(head | {"format": 99}))
    with pytest.raises(InputError, match="newer setgen"):
        load_critic(tmp_path / "c")
    (tmp_path / "c" / "critic.json").write_text("[1]")
    with pytest.raises(InputError, match="damaged"):
        load_critic(tmp_path / "c")
    (tmp_path / "c" / "critic.json").write_text(json.dumps(head))
    (tmp_path / "c" / "weights.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="copy the folder again"):
        load_critic(tmp_path / "c")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        critic.save(tmp_path / "file")
    with pytest.raises(InputError, match="another space"):
        fit_critic(generator, synthetic_dataset(60, 1))
    nothing = replace(dataset, split=np.zeros(len(dataset.split), dtype=np.int8))
    with pytest.raises(InputError, match="no valid sets"):
        fit_critic(generator, nothing)

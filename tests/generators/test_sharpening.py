"""Sampling: guidance, nucleus and top-k, for every generator that knows them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from contract import WALL, assert_given_first, random_prompts
from test_contract import build

from setgen.climbing.climbs import Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.rules import legal
from setgen.errors import InputError
from setgen.generators.sampling import Sampling

WAYS = {"guided": Sampling(guidance=1.5), "narrow": Sampling(top_p=0.7, top_k=5)}


@pytest.fixture(params=["masked_set", "hold_canvas", "sweep_set", "gpt"])
def make(request):
    return lambda board: build(request.param, {}, board)


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_given_holds_come_back_first_and_every_climb_is_legal(make, how):
    generator, prompts = make(WALL), random_prompts(WALL, 120, seed=1)
    climbs = generator.sample(prompts, how, seed=2)
    assert_given_first(prompts, climbs)
    assert legal(WALL, climbs).all()


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_row_depends_on_seed_and_row_alone(make, how):
    generator, prompts = make(WALL), random_prompts(WALL, 30, seed=4)
    one = list(generator.sample(prompts, how, seed=5, batch_size=30))
    assert one == list(generator.sample(prompts, how, seed=5, batch_size=7))
    assert one != list(generator.sample(prompts, seed=5))


def test_strong_guidance_breaks_no_constraint(make):
    """Logits so far apart that what is allowed has, beside what is not, a probability of 0 in float32."""
    generator = make(WALL).float()
    with torch.no_grad():
        (generator.gpt.token if generator.name == "gpt" else generator.pointer).weight *= 20
    laid = Constraints(region=(0.0, 0.0, 70.0, 140.0))
    prompts = Climbs.prompts(64, angle=20, grade=18)
    climbs = generator.sample(prompts, seed=3, constraints=laid, guidance=100.0)
    assert legal(WALL, climbs).all()
    broken = laid.broken(WALL, np.zeros(64, dtype=int), climbs)
    assert not any(rows.any() for rows in broken.values())


def test_at_minus_one_the_condition_is_not_heard(make):
    generator, sizes = make(WALL), np.full(200, 5)  # sizes are not guided
    asked, nothing = Climbs.prompts(200, angle=20, grade=18), Climbs.prompts(200)
    unguided = generator.sample(nothing, sizes=sizes, seed=9)
    deaf = generator.sample(asked, sizes=sizes, seed=9, guidance=-1.0)
    heard = generator.sample(asked, sizes=sizes, seed=9)
    assert [c.holds for c in deaf] == [c.holds for c in unguided]
    assert [c.holds for c in heard] != [c.holds for c in unguided]


def test_the_likeliest_alone_is_temperature_zero(make):
    generator, prompts, sizes = make(WALL), Climbs.prompts(20, angle=20, grade=18), np.full(20, 5)
    one = generator.sample(prompts, sizes=sizes, top_k=1)
    coldest = generator.sample(prompts, sizes=sizes, temperature=0.0)
    assert [c.holds for c in one] == [c.holds for c in coldest]


def test_narrowed_keeps_the_nucleus():
    log_p = torch.tensor([[0.5, 0.2, 0.2, 0.1], [0.05, 0.9, 0.03, 0.02]]).log()
    kept = Sampling(top_p=0.6).narrowed(log_p).isfinite().tolist()
    assert kept == [[True, True, False, False], [False, True, False, False]]
    assert Sampling(top_k=1).narrowed(log_p).isfinite().sum(1).tolist() == [1, 1]
    assert Sampling().narrowed(log_p) is log_p
    assert Sampling(top_p=1e-9).narrowed(log_p).isfinite().sum(1).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("settings", "what"),
    [({"top_k": 0}, "at least 1"), ({"top_p": 0.0}, "share"), ({"guidance": float("nan")}, "guidance")],
)
def test_what_cannot_be_is_one_line(settings, what):
    with pytest.raises(InputError, match=what) as error:
        Sampling(**settings)
    assert "\n" not in str(error.value)

"""Unmasking: plans add up, the optimal one is optimal, every way of revealing keeps prompts and rules."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from contract import (
    PROMPTS,
    TOY,
    WALL,
    assert_follow,
    assert_given_first,
    completions,
    random_prompts,
    universe,
)
from test_contract import build

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.roles import OPEN
from setgen.climbing.rules import legal
from setgen.errors import InputError
from setgen.generators.denoiser import Denoiser
from setgen.generators.orders import all_orders
from setgen.generators.unmasking import Unmasking, entropy_bits, optimal_blocks
from setgen.sets.batch import to_batch

PROFILE = (7.0, 5.0, 4.5, 4.3, 4.2)
WAYS = {
    "one call": Unmasking(calls=1),
    "two even": Unmasking(calls=2),
    "two optimal": Unmasking(calls=2, schedule="optimal", profile=PROFILE),
    "ancestral": Unmasking(calls=4, schedule="ancestral"),
    "confident": Unmasking(calls=3, schedule="confident"),
    "entropy": Unmasking(block_bits=3.0),
    "refined": Unmasking(calls=1, refinements=2),
}


@pytest.fixture(params=["masked_set", "hold_canvas"])
def make(request):
    return lambda board: build(request.param, {}, board)


@pytest.fixture
def network_calls(monkeypatch) -> list[int]:
    """Rows of each network call made."""
    rows, real = [], Denoiser.element_logits
    monkeypatch.setattr(Denoiser, "element_logits", lambda *a: rows.append(len(a[1])) or real(*a))
    return rows


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_given_holds_come_back_first_and_every_climb_is_legal(make, how):
    generator, prompts = make(WALL), random_prompts(WALL, 120, seed=1)
    climbs = generator.sample(prompts, seed=2, unmasking=how)
    assert_given_first(prompts, climbs)
    assert legal(WALL, climbs).all()


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_constraints_hold_however_holds_are_revealed(make, how):
    forbidden = tuple((p, OPEN) for p in range(0, 20, 3))
    prompts = Climbs.prompts(60, angle=20, grade=18)
    climbs = make(WALL).sample(
        prompts, seed=3, unmasking=how, constraints=Constraints(forbidden=forbidden, most=6)
    )
    assert legal(WALL, climbs).all()
    assert (climbs.sizes <= 6).all()
    assert not set(climbs.placement.tolist()) & set(range(0, 20, 3))


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_row_depends_on_seed_and_row_alone(make, how):
    generator, prompts = make(WALL), random_prompts(WALL, 30, seed=4)
    one = list(generator.sample(prompts, seed=5, batch_size=30, unmasking=how))
    assert one == list(generator.sample(prompts, seed=5, batch_size=7, unmasking=how))
    assert one != list(generator.sample(prompts, seed=6, unmasking=how))


@pytest.mark.parametrize(("calls", "schedule"), product((1, 2, 3, 40), ("even", "optimal", "ancestral")))
def test_plans_reveal_everything_in_no_more_calls_than_asked(calls, schedule):
    how = Unmasking(calls=calls, schedule=schedule, profile=PROFILE)
    size = torch.randint(2, 36, (200,))
    known = (torch.rand(200) * size).long()
    plan = how.plan(known, size, torch.rand(200, 36, dtype=torch.float64))
    assert (plan.sum(1) == size - known).all()
    assert (plan >= 0).all()
    assert plan.shape[1] <= calls
    assert ((plan > 0).long().diff(dim=1) <= 0).all()  # zeros last
    if schedule == "even":
        ends = torch.where(plan > 0, plan, size[:, None]).amin(1)
        assert (plan.amax(1) - ends <= 1).all()


def test_calls_are_what_they_say(make, network_calls):
    generator, prompts, sizes = make(WALL), Climbs.prompts(6), np.full(6, 8)
    for how, calls, rows in (
        (Unmasking(), 8, 6),
        (Unmasking(calls=3), 3, 6),
        (Unmasking(calls=20), 8, 6),
        (Unmasking(calls=3, schedule="confident"), 3, 6),
        (Unmasking(calls=2, refinements=3), 5, 6),
        (Unmasking(block_bits=0.0), 8, 6),
        (Unmasking(block_bits=1e9), 1, 6),
    ):
        network_calls.clear()
        generator.sample(prompts, sizes=sizes, unmasking=how)
        assert len(network_calls) == calls
        assert network_calls[0] == rows


def test_optimal_blocks_lose_least_of_all_plans():
    known, size, calls = 2, 9, 3
    f = np.interp(np.arange(known, size) / size, np.linspace(0, 1, len(PROFILE)), PROFILE)

    def loss(blocks):
        starts = np.cumsum([0, *blocks])
        return sum((f[a] - f[a:b]).sum() for a, b in pairwise(starts) if b > a)

    plans = [b for b in product(range(size - known + 1), repeat=calls) if sum(b) == size - known]
    chosen = optimal_blocks(PROFILE, known, size, calls)
    assert sum(chosen) == size - known
    assert loss(chosen) == pytest.approx(min(map(loss, plans)))
    assert loss(chosen) < loss((3, 2, 2)) - 0.1


@pytest.mark.parametrize("prompt", [Climb((), 20, 18), *PROMPTS], ids=lambda c: f"{len(c.holds)} given")
@pytest.mark.parametrize("calls", [1, 2])
def test_blocks_follow_their_own_likelihood(make, prompt, calls):
    """The likelihood of the process with fewer calls sums to 1, and its samples follow it."""
    generator, how, held, n = make(TOY), Unmasking(calls=calls), len(prompt.holds), 3000
    climbs = completions(universe(TOY, only_legal=True), prompt)
    exact = np.empty(len(climbs))
    for size in np.unique(climbs.sizes):
        rows = np.flatnonzero(climbs.sizes == size)
        new = all_orders(int(size) - held) + held
        orders = torch.cat([torch.arange(held).expand(*new.shape[:2], held), new], 2).expand(
            -1, len(rows), -1
        )
        given = torch.full((len(rows),), held)
        terms = generator.log_likelihood(
            to_batch(TOY, climbs[rows]), orders, given=given, unmasking=how
        ).logsumexp(1) - np.log(len(orders))
        exact[rows] = terms.detach().numpy()
    assert abs(np.exp(exact).sum() - 1) < 1e-9
    assert_follow(generator.sample(Climbs.prompts(n, *prompt), seed=7, unmasking=how), climbs, exact)


@pytest.mark.slow
def test_ancestral_reveals_with_many_calls_are_the_plain_law(make):
    """With a fine clock nearly every call reveals one hold, so samples follow the exact likelihood."""
    generator, n = make(TOY), 3000
    climbs = universe(TOY, only_legal=True)
    how = Unmasking(calls=5000, schedule="ancestral")
    terms = []
    for climb in climbs:
        batch = to_batch(TOY, Climbs.from_list([climb]))
        each = generator.log_likelihood(batch, all_orders(len(climb.holds)))[0]
        terms.append(float(each.detach().logsumexp(0) - np.log(len(each))))
    drawn = generator.sample(Climbs.prompts(n, angle=20, grade=18), seed=8, unmasking=how)
    assert_follow(drawn, climbs, np.array(terms))


def test_entropy_is_in_bits():
    logits = torch.tensor(
        [[0.0, 0.0, -torch.inf, 0.0, 0.0], [-torch.inf, 3.0, -torch.inf, -torch.inf, -torch.inf]]
    )
    assert entropy_bits(logits).tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"calls": 0}, "at least one network call"),
        ({"schedule": "quick"}, "even, optimal, ancestral, confident"),
        ({"schedule": "optimal", "calls": 2}, "profile"),
        ({"schedule": "confident"}, "needs calls"),
        ({"calls": 10**7}, "at most"),
        ({"block_bits": -1.0}, "0 or more"),
        ({"block_bits": 1.0, "calls": 2}, "one of them"),
        ({"refinements": -1}, "refinements"),
        ({"hidden": 0.0}, "hidden"),
    ],
)
def test_what_cannot_be_is_one_line(settings, what):
    with pytest.raises(InputError, match=what) as error:
        Unmasking(**settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("how", [Unmasking(calls=2, schedule="ancestral"), Unmasking(block_bits=2.0)])
def test_a_process_without_a_likelihood_gets_none(make, how):
    batch = to_batch(TOY, universe(TOY, only_legal=True)[:3])
    orders = torch.arange(batch.width).expand(1, 3, -1)
    with pytest.raises(InputError, match="not known"):
        make(TOY).log_likelihood(batch, orders, unmasking=how)

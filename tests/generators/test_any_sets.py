"""Every registered generator on spaces that are no boards: enumerated, sampled, completed, saved."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats
from test_contract import PARAMS, SMALL

from setgen.errors import InputError
from setgen.generators.orders import all_orders, random_orders
from setgen.generators.registry import generator_class, load_generator
from setgen.sets.batch import to_batch
from setgen.sets.bounds import legal
from setgen.sets.rules import Limits
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label

BASKET = Items("basket", tuple("abcde"), (1, 3))
ROOMS = Items(
    "rooms",
    tuple("abcd"),
    (1, 3),
    (Label("left", 0, 1), Label("right", 1, 2), Label("none", 0, 0)),
    {"size": ("small", "large"), "light": ("dim", "bright"), "floor": ("1", "2", "3")},
    np.random.default_rng(0).uniform(0, 9, (4, 3)),
    np.array([0, 1, 1, 0]),
    ("wood", "steel"),
)
LINE = Items("line", tuple("abcd"), (1, 4), xy=np.array([[3.0], [1.0], [2.0], [7.0]]))
SPACES = [BASKET, ROOMS, LINE]


def universe(space: Items) -> Sets:
    """Every set within the bounds."""
    sets = []
    for n in range(1, space.widest + 1):
        for items in combinations(range(len(space)), n):
            for labels in product(range(space.n_labels), repeat=n):
                sets.append(One(tuple(zip(items, labels, strict=True)), told(space)))
    every = Sets.of(space, sets)
    return every[legal(space, every)]


def told(space: Items) -> tuple[tuple[str, int], ...]:
    return tuple((name, values[-1]) for name, values in space.conditions.items())


@pytest.fixture(params=PARAMS)
def make(request):
    def build(space):
        name, settings = request.param
        cls = generator_class(name)
        known = {f.name for f in fields(cls.Config)}
        torch.manual_seed(0)
        generator = cls(space, cls.Config(**{k: v for k, v in SMALL.items() if k in known} | settings))
        with torch.no_grad():
            for parameter in generator.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        every = universe(space)
        generator.fit_counts(every[np.random.default_rng(1).integers(len(every), size=40)])
        return generator.double().eval()

    return build


def exact(generator, sets: Sets) -> np.ndarray:
    """(C,) log p by summing over all orders."""
    found = np.empty(len(sets))
    for n in np.unique(sets.sizes):
        rows = np.flatnonzero(sets.sizes == n)
        orders = all_orders(int(n)).expand(-1, len(rows), -1)
        with torch.no_grad():
            terms = generator.log_likelihood(to_batch(generator.space, sets[rows]), orders)
        found[rows] = (terms.logsumexp(1) - np.log(terms.shape[1])).numpy()
    return found


@pytest.mark.parametrize("space", SPACES, ids=[s.name for s in SPACES])
def test_probabilities_sum_to_one_and_samples_follow_them(make, space):
    generator, sets = make(space), universe(space)
    log_p = exact(generator, sets)
    assert abs(np.exp(log_p).sum() - 1) < 1e-6
    prompts = Sets.of(space, [One((), told(space))] * 2500)
    drawn = generator.sample(prompts, seed=1)
    assert legal(space, drawn).all()
    place = {frozenset(s.elements): i for i, s in enumerate(sets.ones())}
    observed = np.bincount([place[frozenset(s.elements)] for s in drawn.ones()], minlength=len(sets))
    expected = np.exp(log_p) * len(drawn)
    rare = expected < 5
    parts = [np.append(x[~rare], x[rare].sum()) for x in (observed, expected)]
    keep = parts[1] > 0
    observed, expected = parts[0][keep], parts[1][keep]
    assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("space", SPACES, ids=[s.name for s in SPACES])
def test_given_items_stay_and_the_next_is_a_distribution(make, space):
    generator = make(space)
    label = int(np.flatnonzero(space.label_occurs)[0])
    prompts = Sets.of(space, [One(((2, label),), told(space)), One(((0, label),))] * 20)
    drawn = generator.sample(prompts, seed=2)
    assert legal(space, drawn).all()
    for before, after in zip(prompts.ones(), drawn.ones(), strict=True):
        assert after.elements[:1] == before.elements
        assert after.conditions == before.conditions
    log_p = generator.next_log_probs(to_batch(space, prompts))
    assert (log_p.logsumexp(1)).abs().max() < 1e-9


@pytest.mark.parametrize("space", SPACES, ids=[s.name for s in SPACES])
def test_limits_are_kept(make, space):
    generator, elements = make(space), np.ones((len(space), space.n_labels), bool)
    elements[1] = False
    drawn = generator.sample(
        Sets.of(space, [One(())] * 200), seed=3, constraints=Limits(elements, sizes=(2, 2))
    )
    assert legal(space, drawn).all()
    assert (drawn.sizes == 2).all()
    assert not (drawn.item == 1).any()
    nothing = Limits(np.zeros_like(elements))
    with pytest.raises(InputError, match="is left for new ones"):
        generator.sample(Sets.of(space, [One(())]), constraints=nothing)


def test_it_learns_and_is_saved(make, tmp_path):
    generator, sets = make(ROOMS), universe(ROOMS)
    if generator.n_parameters:
        generator = generator.float()
    assert generator.train().loss(to_batch(ROOMS, sets)).isfinite()
    generator.eval().save(tmp_path / "model")
    again = load_generator(tmp_path / "model")
    orders = random_orders(sets.sizes, 2, 0)
    batch = to_batch(ROOMS, sets)
    assert torch.equal(again.log_likelihood(batch, orders), generator.log_likelihood(batch, orders))

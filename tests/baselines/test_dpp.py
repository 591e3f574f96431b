"""Determinantal point processes against determinants of whole matrices, worked in NumPy over every set there is."""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest
import torch
from scipy import stats

from baselines.dpp import DPP, DPPConfig
from setgen.errors import InputError
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label

ITEMS = 6
KERNELS = {
    "symmetric": {"rank": 4, "skew_rank": 0},
    "nonsymmetric": {"rank": 3, "skew_rank": 4},
    "mostly skew": {"rank": 1, "skew_rank": 6},
    "low": {"rank": 2, "skew_rank": 0, "floor": 1e-2},
}
SEASONS = {"season": ("winter", "summer")}


def items(n: int = ITEMS, labels: int = 1, most: int | None = None, **known) -> Items:
    named = tuple(Label(str(r)) for r in range(labels))
    return Items("toy", tuple(map(str, range(n))), (1, most or n), named, known.get("values", SEASONS))


def random_sets(space: Items, n: int, seed: int) -> Sets:
    rng = np.random.default_rng(seed)
    ones = []
    for _ in range(n):
        chosen = rng.permutation(len(space))[: rng.integers(1, space.largest + 1)].tolist()
        labelled = tuple((i, int(rng.integers(space.n_labels))) for i in chosen)
        ones.append(One(labelled, tuple((name, int(rng.integers(2))) for name in space.conditions)))
    return Sets.of(space, ones)


def make(space: Items, **settings) -> DPP:
    torch.manual_seed(0)
    generator = DPP(space, DPPConfig(**settings))
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    generator.fit_counts(random_sets(space, 30, seed=1))
    return generator.double().eval()


def subsets(n: int) -> list[tuple[int, ...]]:
    return list(chain.from_iterable(combinations(range(n), k) for k in range(n + 1)))


def asked(space: Items, sets: list[tuple[int, ...]], season: int = 0) -> SetBatch:
    """Sets of element numbers, in this order, as a batch."""
    labels, told = space.n_labels, (("season", season),)
    return to_batch(space, Sets.of(space, [One(tuple(divmod(e, labels) for e in s), told) for s in sets]))


def whole(generator: DPP, season: int = 0) -> np.ndarray:
    """(N, N) L written out from the weights."""
    w, config = {k: v.numpy() for k, v in generator.state_dict().items()}, generator.config
    half = config.skew_rank // 2
    v, b, d = np.split(w["vectors"], [config.rank, config.rank + half], axis=1)
    log_q = w["frequency"] + w["quality"] @ w["asked.season.weight"][season + 1]
    root = np.diag(np.exp(log_q / 2))
    return root @ (v @ v.T + b @ d.T - d @ b.T + config.floor * np.eye(len(v))) @ root


def log_p(kernel: np.ndarray, sets: list[tuple[int, ...]]) -> np.ndarray:
    z = np.linalg.det(kernel + np.eye(len(kernel)))
    return np.array([math.log(np.linalg.det(kernel[np.ix_(s, s)]) / z) for s in sets])


def chained(generator: DPP, batch: SetBatch, given: int | None = None, legal: bool = True) -> np.ndarray:
    order = torch.arange(batch.width).expand(1, len(batch), -1)
    held = None if given is None else torch.full((len(batch),), given)
    return generator.log_likelihood(batch, order, legal, held)[:, 0].numpy()


@pytest.fixture(params=KERNELS.values(), ids=KERNELS)
def settings(request) -> dict:
    return request.param


def test_probabilities_are_those_of_whole_determinants(settings):
    generator, sets = make(items(), **settings), subsets(ITEMS)
    for season in (0, 1):
        ours = generator.log_det_probability(asked(items(), sets, season)).detach().numpy()
        assert np.abs(ours - log_p(whole(generator, season), sets)).max() < 1e-9
        assert abs(np.exp(ours).sum() - 1) < 1e-12
    assert ours.std() > 0.1


def test_no_principal_minor_is_negative(settings):
    kernel = whole(make(items(), **settings))
    assert (settings["skew_rank"] > 0) == (np.abs(kernel - kernel.T).max() > 1e-3)
    assert all(np.linalg.det(kernel[np.ix_(s, s)]) > 0 for s in subsets(ITEMS))


@pytest.mark.parametrize("legal", [True, False])
def test_the_chain_is_the_dpp_of_sets_that_are_not_empty(settings, legal):
    generator, sets = make(items(), **settings), subsets(ITEMS)[1:]
    exact = log_p(whole(generator), sets)
    exact -= math.log(np.exp(exact).sum())
    assert np.abs(chained(generator, asked(items(), sets), legal=legal) - exact).max() < 1e-9


@pytest.mark.parametrize("given", [(2,), (5,), (4, 1), (0, 3, 5)])
def test_given_items_are_conditioned_on_wherever_they_lie(settings, given):
    generator = make(items(), **settings)
    rest = [s for s in subsets(ITEMS) if not set(s) & set(given)]
    sets = [given + s for s in rest]
    exact = log_p(whole(generator), sets)
    exact -= math.log(np.exp(exact).sum())
    assert np.abs(chained(generator, asked(items(), sets), len(given)) - exact).max() < 1e-9


@pytest.mark.parametrize("given", [(), (2,), (4, 1)])
def test_what_comes_next_is_an_item_of_the_rest_at_random(settings, given):
    generator = make(items(), **settings)
    rest = [s for s in subsets(ITEMS) if s and not set(s) & set(given)]
    p = np.exp(log_p(whole(generator), [given + s for s in rest]))
    expected = np.zeros(ITEMS)
    for share, s in zip(p, rest, strict=True):
        expected[list(s)] += share / len(s)
    batch = asked(items(), [given])
    ours = generator.next_log_probs(batch)[0].exp().numpy()
    assert np.abs(ours - expected / expected.sum()).max() < 1e-9


@pytest.mark.parametrize("given", [(), (4,)])
def test_samples_follow_the_determinants(given):
    generator, n = make(items(), **KERNELS["nonsymmetric"]), 4000
    sets = [given + s for s in subsets(ITEMS) if not set(s) & set(given) and given + s]
    exact = np.exp(log_p(whole(generator), sets))
    prompts = Sets.of(items(), [One(tuple((i, 0) for i in given), (("season", 0),))] * n)
    drawn = generator.sample(prompts, seed=5, batch_size=n)
    place = {frozenset(s): i for i, s in enumerate(sets)}
    seen = [place[frozenset(i for i, _ in one.elements)] for one in drawn.ones()]
    observed, expected = np.bincount(seen, minlength=len(sets)), n * exact / exact.sum()
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    assert (~rare).sum() >= 10
    keep = expected > 0
    assert stats.chisquare(observed[keep], expected[keep]).pvalue > 1e-3


def test_an_element_comes_without_the_other_labels_of_its_item():
    # The chain of proper sets, every step worked out over all 2^(V R) sets of elements.
    space = items(3, labels=2)
    generator = make(space, rank=3, skew_rank=2)
    every = subsets(6)
    weight = dict(zip(every, np.exp(log_p(whole(generator), every)), strict=True))

    def next_of(known: tuple[int, ...]) -> dict[int | None, float]:
        """Element, or None for the end → p, nothing but `known` being in up to its item."""
        line = max(known, default=-1) // 2
        terms: dict[int | None, float] = {None: weight[known]} if known else {}
        for e in range(2 * (line + 1), 6):
            cut = 2 * (e // 2 + 1)
            terms[e] = sum(w for s, w in weight.items() if tuple(f for f in s if f < cut) == (*known, e))
        total = sum(terms.values())
        return {e: w / total for e, w in terms.items()}

    proper = [s for s in every if s and len({e // 2 for e in s}) == len(s)]
    expected = []
    for s in proper:
        steps = [next_of(s[:n])[(*s, None)[n]] for n in range(len(s) + 1)]
        expected.append(np.log(steps).sum())
    ours = chained(generator, asked(space, proper))
    assert np.abs(ours - np.array(expected)).max() < 1e-9
    assert abs(np.exp(ours).sum() - 1) < 1e-9


def test_sets_larger_than_the_rank_keep_some_probability():
    space = items(12)
    generator = make(space, rank=2, skew_rank=2, floor=1e-3)
    batch = asked(space, [tuple(range(9)), (3, 1, 8)])
    exact = log_p(whole(generator), [tuple(range(9)), (1, 3, 8)])
    assert np.abs(generator.log_det_probability(batch).detach().numpy() - exact).max() < 1e-6
    empty = math.exp(log_p(whole(generator), [()])[0])
    assert np.abs(chained(generator, batch) - (exact - math.log1p(-empty))).max() < 1e-6


def test_prompts_of_a_batch_do_not_mix():
    generator, space = make(items(), rank=3, skew_rank=2), items()
    sets = random_sets(space, 200, seed=3)  # more than are held at once, with equal ones among them
    batch = to_batch(space, sets)
    given = torch.arange(200) % 3
    order = torch.arange(batch.width).expand(1, 200, -1)
    together = generator.log_likelihood(batch, order, given=given.clamp(max=batch.size))
    for row in (0, 77, 199):
        alone = generator.log_likelihood(
            batch.rows([row]), order[:, :1], given=given.clamp(max=batch.size)[[row]]
        )
        assert abs(float(alone - together[row])) < 1e-10


def test_frequencies_are_where_it_begins():
    space = items(values={})
    train = random_sets(space, 50, seed=4)
    generator = DPP(space, DPPConfig())
    generator.fit_counts(train)
    share = (np.bincount(train.item, minlength=ITEMS) + 0.5) / 51
    assert np.allclose(generator.frequency.numpy(), np.log(share / (1 - share)), atol=1e-5)


def test_training_lowers_the_loss_of_repelling_and_attracting_items():
    # 0 and 1 come together or not at all, 2 and 3 never do: the first needs a skew part.
    space = items(4, values={})
    ones = [(0, 1), (0, 1, 2), (0, 1, 3), (2,), (3,)]
    batch = to_batch(space, Sets.of(space, [One(tuple((i, 0) for i in s)) for s in ones]))
    found = {}
    for skew_rank in (0, 4):
        torch.manual_seed(0)
        generator = DPP(space, DPPConfig(rank=4, skew_rank=skew_rank, regularisation=1e-3))
        generator.fit_counts(Sets.of(space, [One(tuple((i, 0) for i in s)) for s in ones]))
        optimizer = torch.optim.Adam(generator.parameters(), lr=0.05)
        before = generator.loss(batch).item()
        for _ in range(150):
            optimizer.zero_grad()
            generator.loss(batch).backward()
            optimizer.step()
        assert generator.loss(batch).item() < before - 0.05
        found[skew_rank] = generator.log_det_probability(batch).mean().item()
    assert found[4] > found[0] + 0.2


def test_a_label_that_does_not_occur_never_comes():
    space = Items("toy", tuple("abc"), (1, 3), (Label("kept"), Label("gone", 0, 0)), SEASONS)
    generator = make(space, rank=3, skew_rank=2)
    gone = asked(space, [(1,), (0, 5)])
    assert (generator.log_det_probability(gone) == -torch.inf).all()
    kept = [tuple(2 * i for i in s) for s in subsets(3)]
    assert abs(generator.log_det_probability(asked(space, kept)).exp().sum().item() - 1) < 1e-12


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"rank": 0}, "at least 1"),
        ({"skew_rank": 3}, "even"),
        ({"skew_rank": -2}, "even"),
        ({"floor": 0.0}, "above 0"),
        ({"regularisation": -1.0}, "0 or more"),
        ({"condition_dropout": 1.5}, "share"),
    ],
)
def test_impossible_settings_are_one_clear_line(settings, what):
    with pytest.raises(InputError, match=what):
        DPPConfig(**settings)

"""Completion metrics: closed forms on generators that are known, and prompts that are the same for all."""

from math import comb, lgamma, log

import numpy as np
import pytest
from toy_generators import Impossible, KnowsTheAnswer, OrderDecides, UniformSets

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.rules import legal
from setgen.metrics import completion
from setgen.metrics.completion import DRAWN, MOST, SHARES, Hidden, chances_of_top, prompted
from setgen.metrics.context import Context, scored
from setgen.metrics.evaluate import metrics_for

BITS = [f"bits per hidden hold ({n} % hidden)" for n in (25, 50, 75)]
RECALL = [f"recall@10 ({n} % hidden)" for n in (25, 50, 75)]
LEGAL, DIVERSITY = "completions legal without masks", "diversity of completions"
DISTANCE = "completion to hidden holds"


def asked(dataset, model, *, seed=0, n=10, **options):
    return Context.of_dataset(dataset, seed).asking(model, n, **options)


def fresh(c, *, seed=None, **options):
    """The same question with other options, nothing computed."""
    options = {"orders": c.orders, "most_tests": c.most_tests} | options
    return asked(c.data, c.generator, seed=c.seed if seed is None else seed, **options)


def measure(trial):
    table = metrics_for(trial.space, generator=True)
    return {m.name: m.compute(trial) for m in table if m.family == "completion"}


class SameEachTime(UniformSets):
    """One completion for each prompt, whatever the draw: the lowest free placements."""

    def sample(self, prompts, **options):
        climbs = []
        for holds, angle, grade in prompts:
            free = [p for p in range(len(self.space)) if p not in {q for q, _ in holds}]
            climbs.append(Climb((*holds, *((p, 1) for p in free[:5])), angle, grade))
        return Climbs.from_list(climbs)


@pytest.fixture(scope="module")
def trial(dataset):
    return asked(dataset, UniformSets(dataset.board), seed=3)


@pytest.fixture(scope="module")
def uniform(trial):
    return measure(trial)


# --- prompts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", SHARES)
def test_given_and_hidden_holds_are_the_climb(trial, part):
    hidden, test = prompted(trial, part), {(frozenset(c.holds), *c[1:]) for c in scored(trial)}
    sizes = hidden.sets.sizes
    assert len(hidden.sets) == MOST
    for climb, prompt, holds in zip(hidden.sets, hidden.prompts, hidden.items, strict=True):
        assert (frozenset(climb.holds), *climb[1:]) in test
        assert prompt.holds + holds.holds == climb.holds
        assert prompt[1:] == climb[1:]
    assert np.array_equal(hidden.prompts.sizes, hidden.given)
    assert np.array_equal(hidden.items.sizes, hidden.count)
    assert (hidden.given >= 1).all()
    assert (hidden.count >= 1).all()
    assert (np.abs(hidden.count - part * sizes) <= 0.5).all()


@pytest.mark.parametrize(
    ("size", "counts"), [(1, (1, 1, 1)), (2, (1, 1, 1)), (3, (1, 2, 2)), (12, (3, 6, 9))]
)
def test_at_least_one_hold_is_hidden_and_one_given_where_there_are_two(size, counts):
    climbs = Climbs.from_list([Climb(tuple((p, 1) for p in range(size)))])
    assert tuple(int(Hidden.of(climbs, part, 0).count[0]) for part in SHARES) == counts


def test_what_is_hidden_is_random_and_stays_hidden_at_a_larger_share():
    climbs = Climbs.from_list([Climb(tuple((p, 1) for p in range(8)))] * 4000)
    few, half, most = (Hidden.of(climbs, part, 5).items for part in SHARES)
    for a, b, c in zip(few, half, most, strict=True):
        assert set(a.holds) <= set(b.holds) <= set(c.holds)
    assert np.abs(np.bincount(half.placement, minlength=8) / 4000 - 0.5).max() < 0.03
    assert not np.array_equal(Hidden.of(climbs, 0.5, 6).items.placement, half.placement)


def test_every_model_meets_the_same_prompts_and_orders(dataset):
    met = []
    for cls in (UniformSets, SameEachTime):
        heard = []

        class Listens(cls):
            def next_log_probs(self, prompts, legal=True, heard=heard):
                heard.append(prompts.element)
                return super().next_log_probs(prompts, legal)

            def sample(self, prompts, heard=heard, **options):
                heard.append(prompts.placement)
                return super().sample(prompts, **options)

        model = Listens(dataset.board)
        measure(asked(dataset, model, seed=3, orders=2))
        met.append([*heard, *(x for batch, orders in model.calls for x in (batch.element, orders))])
    assert len(met[0]) == len(met[1]) > 8
    for a, b in zip(*met, strict=True):
        np.testing.assert_array_equal(a, b)


# --- closed forms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "part"), zip(BITS, SHARES, strict=True))
def test_bits_of_uniform_sets_are_those_of_the_binomial_coefficient(trial, uniform, name, part):
    """−log₂ [ h! / (21 − g) / Π_{g ≤ i < n} (V − i)·4 ] = log₂ (21 − g) + log₂ C(V − g, h) + 2 h."""
    hidden, v = prompted(trial, part), len(trial.space)
    expected = [
        (log(21 - g) + log(comb(v - g, h)) + h * log(4)) / log(2) / h
        for g, h in zip(hidden.given.tolist(), hidden.count.tolist(), strict=True)
    ]
    assert uniform[name].value == pytest.approx(np.average(expected, weights=hidden.count), rel=1e-6)
    beyond = (np.array(expected) - uniform[name].value) * hidden.count / hidden.count.mean()
    assert uniform[name].standard_error == pytest.approx(np.std(beyond, ddof=1) / np.sqrt(MOST), rel=1e-6)
    assert uniform[name].low < uniform[name].value < uniform[name].high


@pytest.mark.parametrize(("name", "part"), zip(RECALL, SHARES, strict=True))
def test_recall_of_a_model_that_knows_nothing_is_that_of_random_holds(trial, uniform, name, part):
    """Of V − g free placements ten are picked blindly: h · 10 / (V − g) hits on average."""
    hidden = prompted(trial, part)
    by_chance = hidden.count * 10 / (len(trial.space) - hidden.given) / np.minimum(hidden.count, 10)
    assert uniform[name].value == pytest.approx(by_chance.mean(), rel=1e-6)


def test_a_model_that_knows_the_answer_has_recall_one_and_one_completion(dataset):
    known = scored(asked(dataset, UniformSets(dataset.board), most_tests=60))
    found = measure(asked(dataset, KnowsTheAnswer(dataset.board, known), most_tests=60))
    assert [found[name].value for name in RECALL] == pytest.approx([1, 1, 1])
    assert found[DISTANCE].value == found[DIVERSITY].value == 0
    assert found[LEGAL].value == 1


def test_ties_favour_nobody():
    scores = np.array(
        [[3.0, 1.0, 1.0, 1.0, 0.0, -np.inf], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0], [5, 4, 3, 2, 1, 0]]
    )
    third = 1 / 3
    expected = [[1, third, third, third, 0, 0], [third] * 6, [1, 1, 0, 0, 0, 0]]
    np.testing.assert_allclose(chances_of_top(scores, 2), expected)
    # Rounding noise is a tie too, and what is impossible is never among the best, not even with room.
    np.testing.assert_allclose(chances_of_top(np.array([[1.0, 1.0 + 1e-9, 0.0]]), 1), [[0.5, 0.5, 0]])
    np.testing.assert_allclose(chances_of_top(np.array([[1.0, -np.inf, -np.inf]]), 2), [[1, 0, 0]])
    np.testing.assert_allclose(chances_of_top(np.zeros((1, 3)), 10), [[1, 1, 1]])


def test_recall_divides_by_ten_at_most():
    """Of more than ten hidden holds ten can be found at best: a model that finds ten has recall 1."""
    dataset = synthetic_dataset(400, seed=2)
    long = dataset.part("test")
    long = long[long.sizes >= 15]
    assert len(long)
    trial = asked(dataset, KnowsTheAnswer(dataset.board, long))
    hidden = Hidden.of(long, 0.75, 0)
    assert (hidden.count > 10).any()
    assert completion.recall(trial, hidden) == pytest.approx(np.ones(len(long)))


def test_diversity_and_distance_of_independent_random_holds_agree(dataset):
    """Five of V free placements drawn twice: the distance is that of two random sets, worked out by hand."""
    trial = asked(dataset, RandomFive(dataset.board), seed=1)
    found, hidden = measure(trial), prompted(trial, 0.5, DRAWN)

    def expected(free, h):
        chances = [comb(h, k) * comb(free - h, 5 - k) / comb(free, 5) for k in range(min(h, 5) + 1)]
        return sum(p * (1 - k / (5 + h - k)) for k, p in enumerate(chances))

    free = len(dataset.board) - hidden.given
    within = np.mean([expected(f, 5) for f in free.tolist()])
    across = np.mean([expected(f, h) for f, h in zip(free.tolist(), hidden.count.tolist(), strict=True)])
    assert found[DIVERSITY].n == found[DISTANCE].n == DRAWN
    assert abs(found[DIVERSITY].value - within) < 4 * found[DIVERSITY].standard_error
    assert abs(found[DISTANCE].value - across) < 4 * found[DISTANCE].standard_error


class RandomFive(UniformSets):
    """Five middles anywhere behind the given holds."""

    def sample(self, prompts, *, seed=0, **options):
        rng, climbs = np.random.default_rng(seed), []
        for holds, angle, grade in prompts:
            free = np.setdiff1d(np.arange(len(self.space)), [p for p, _ in holds])
            new = rng.choice(free, 5, replace=False).tolist()
            climbs.append(Climb((*holds, *((p, 1) for p in new)), angle, grade))
        return Climbs.from_list(climbs)


# --- guard rails ------------------------------------------------------------------------------------


def test_one_completion_for_each_prompt_has_no_diversity_and_is_far_from_the_real_one(dataset, uniform):
    found = measure(asked(dataset, SameEachTime(dataset.board), seed=3))
    assert found[DIVERSITY].value == 0
    assert uniform[DIVERSITY].value > 0.8
    assert found[DISTANCE].value > 0.8


def test_illegal_completions_are_found_out(trial, uniform):
    prompts = prompted(trial, 0.5).prompts
    assert uniform[LEGAL].value == legal(trial.space, trial.complete(prompts, legal=False)).mean()
    assert uniform[LEGAL].value < 0.9
    assert uniform[LEGAL].n == MOST


def test_impossible_climbs_make_the_bits_infinite_and_are_counted(dataset):
    found = measure(asked(dataset, Impossible(dataset.board), most_tests=150))
    for name in BITS:
        assert found[name].value == np.inf
        assert "probability 0" in found[name].note


def test_the_number_of_prompts_is_said(trial, uniform):
    assert all(
        uniform[n].note == f"{MOST} of {len(scored(trial))} test climbs" for n in (*BITS, *RECALL, LEGAL)
    )
    assert all(
        uniform[n].note == f"{DRAWN} of {len(scored(trial))} test climbs" for n in (DIVERSITY, DISTANCE)
    )
    few = measure(fresh(trial, most_tests=30))
    assert {estimate.n for estimate in few.values()} == {30}
    assert {estimate.note for estimate in few.values()} == {""}


def test_batch_size_changes_nothing_and_the_seed_does(dataset):
    trial = asked(dataset, OrderDecides(dataset.board), orders=2, most_tests=50)
    once = measure(trial)
    assert measure(fresh(trial, batch_size=7)) == once
    other = measure(fresh(trial, seed=1))
    assert all(other[name] != once[name] for name in (*BITS, *RECALL, DIVERSITY, DISTANCE))


def test_the_mean_over_orders_is_over_the_hidden_holds_alone(dataset):
    """OrderDecides says −(the first placement of the order), which is a given hold: no order changes it."""
    trial = asked(dataset, OrderDecides(dataset.board), orders=3, most_tests=50)
    hidden = prompted(trial, 0.25)
    first = hidden.sets.placement[hidden.sets.offsets[:-1]]
    value = measure(trial)[BITS[0]].value
    assert value == pytest.approx(first.sum() / hidden.count.sum() / log(2))


def test_log_factorial_is_that_of_the_hidden_holds(dataset):
    """Against the whole: with the given holds' bits and orders taken out nothing else is left."""
    trial = asked(dataset, UniformSets(dataset.board), most_tests=40)
    hidden = prompted(trial, 0.5)
    g, n = hidden.given, hidden.sets.sizes
    bits = completion.likelihood(trial.generator, hidden.sets, given=g).bits * (n - g)
    whole = completion.likelihood(trial.generator, hidden.sets).bits * n
    part = completion.likelihood(trial.generator, hidden.prompts).bits * g
    chosen = np.array([lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1) for a, b in zip(n, g, strict=True)])
    expected = whole - part + (chosen + np.log(21 - g)) / log(2)
    np.testing.assert_allclose(bits, expected)

"""The page from scratch does what its head says."""

from __future__ import annotations

import math
import re
from itertools import combinations, permutations, product

import numpy as np
import pytest
import torch

from experiments import from_scratch as page
from setgen.climbing.frames import read_frames
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label

BOARD = synthetic_board()


def toy(labels: tuple[Label, ...]) -> Items:
    """Four places in a square, sets of one to three of them."""
    xy = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    return Items("toy", ("a", "b", "c", "d"), (1, 3), labels, {"season": ("wet", "dry")}, xy)


def network(space, seed: int = 0, width: int = 16) -> page.SetTransformer:
    """An untrained network in float64 whose logits vary as a trained one's do."""
    torch.manual_seed(seed)
    model = page.SetTransformer(space, width=width).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def every_set(space: Items) -> list[tuple[tuple[int, int], ...]]:
    """Every set that the bounds allow."""
    found = []
    for n in range(space.sizes[0], space.sizes[1] + 1):
        for items in combinations(range(len(space)), n):
            for labels in product(range(space.n_labels), repeat=n):
                counts = np.bincount(labels, minlength=space.n_labels)
                if ((counts >= space.label_bounds[:, 0]) & (counts <= space.label_bounds[:, 1])).all():
                    found.append(tuple(zip(items, labels, strict=True)))
    return found


def batch_of(space, sets) -> SetBatch:
    return to_batch(space, Sets.of(space, [One(tuple(s), (("season", 1),)) for s in sets]))


@torch.no_grad()
def log_paths(model, space: Items, elements) -> torch.Tensor:
    """(n!,) log p(n | c) + log p(σ) of every order σ, one network call an element."""
    n, found = len(elements), []
    for order in permutations(elements):
        empty = batch_of(space, [()])
        log_p = page.log_size(model(empty, torch.zeros(1).long())[1], space, empty)[0, n]
        for k, (item, label) in enumerate(order):
            seen = batch_of(space, [order[:k]])
            logits = model(seen, torch.tensor([n - k]))[0]
            log_next = page.log_next(logits, space, seen, torch.tensor([n]))
            log_p = log_p + log_next[0, item * space.n_labels + label]
        found.append(log_p)
    return torch.stack(found)


@pytest.mark.parametrize("labels", [(Label(""),), (Label("lead", 1, 1), Label("rest"))])
def test_sets_sum_to_one_and_the_bound_is_the_mean_over_all_orders(labels):
    space = toy(labels)
    model = network(space)
    total, gaps = 0.0, []
    for elements in every_set(space):
        n, paths = len(elements), log_paths(model, space, elements)
        exact = float(paths.logsumexp(0))
        total += math.exp(exact)
        bits = page.bits(model, space, batch_of(space, list(permutations(elements))))
        bound = -float(bits.mean()) * n * math.log(2)
        assert bound == pytest.approx(float(paths.mean()) + math.log(math.factorial(n)), abs=1e-9)
        gaps.append(exact - bound)
    assert total == pytest.approx(1, abs=1e-9)
    assert min(gaps) > -1e-9
    assert max(gaps) > 1e-4  # or the network would be too tame to tell a bound from the truth


def test_a_model_that_knows_nothing_needs_log_of_the_number_of_sets():
    """p(S) = 1/3 · 1/C(4, n), where all orders are alike and the bound is the truth."""
    space = toy((Label(""),))
    sets = every_set(space)
    bits = page.bits(
        lambda a, _: (torch.zeros(len(a), 4), torch.zeros(len(a), 4)), space, batch_of(space, sets)
    )
    for found, elements in zip(bits.tolist(), sets, strict=True):
        n = len(elements)
        assert found == pytest.approx(math.log2(3 * math.comb(4, n)) / n, abs=1e-5)


@pytest.mark.slow
def test_the_loss_is_the_bound_on_average():
    space = toy((Label("lead", 1, 1), Label("rest")))
    model, elements = network(space), ((0, 1), (2, 0), (3, 1))
    with torch.no_grad():
        draws = torch.stack([page.loss(model, space, batch_of(space, [elements])) for _ in range(1500)])
    bound = page.bits(model, space, batch_of(space, list(permutations(elements)))).mean() * math.log(2)
    assert abs(draws.mean() - bound) < 5 * draws.std() / len(draws) ** 0.5


def test_the_network_sees_no_order_and_no_padding():
    batch = to_batch(BOARD, synthetic_climbs(32, seed=2))
    model, masked = network(BOARD), torch.full((32,), 3)
    with torch.no_grad():
        logits, sizes = model(batch, masked)
        shuffled = model(batch.shuffled(), masked)
        padded = model(batch.columns(batch.width + 5), masked)
        fewer = model(batch.leading(batch.size - 1), masked)
    for other in (shuffled, padded):
        torch.testing.assert_close(other[0], logits, rtol=0, atol=1e-10)
        torch.testing.assert_close(other[1], sizes, rtol=0, atol=1e-10)
    assert ((fewer[0] - logits).abs().amax(1) > 1e-3).all()  # it does see what is there


@pytest.mark.parametrize("given", [0, 1, 5, 30])
def test_completions_are_legal_sets_that_keep_what_was_given(given):
    climbs = synthetic_climbs(200, seed=3)
    whole = to_batch(BOARD, climbs).shuffled()
    prompts = whole.leading(torch.full((200,), given)).columns(given)
    before = prompts.item.clone(), prompts.label.clone(), prompts.present.clone()
    grown = page.complete(network(BOARD), BOARD, prompts)
    for kept, was in zip((prompts.item, prompts.label, prompts.present), before, strict=True):
        assert torch.equal(kept, was)
    fewest, most = BOARD.sizes
    assert (grown.size > prompts.size).any()
    for row in range(200):
        elements = grown.element[row, grown.present[row]].tolist()
        assert set(prompts.element[row, prompts.present[row]].tolist()) <= set(elements)
        items, labels = zip(*(divmod(e, BOARD.n_labels) for e in elements), strict=True)
        assert len(set(items)) == len(items)
        assert fewest <= len(items) <= most
        counts = np.bincount(labels, minlength=BOARD.n_labels)
        assert ((BOARD.label_bounds[:, 0] <= counts) & (counts <= BOARD.label_bounds[:, 1])).all()


def test_samples_follow_the_probabilities():
    space = toy((Label("lead", 1, 1), Label("rest")))
    model, sets, draws = network(space), every_set(space), 20_000
    expected = np.array([math.exp(log_paths(model, space, s).logsumexp(0)) for s in sets]) * draws
    grown = page.complete(model, space, batch_of(space, [()] * draws))
    number = {frozenset(i * 2 + label for i, label in s): at for at, s in enumerate(sets)}
    found = np.zeros(len(sets))
    for elements, present in zip(grown.element, grown.present, strict=True):
        found[number[frozenset(elements[present].tolist())]] += 1
    common = expected >= 5
    chi_square = ((found - expected) ** 2 / expected)[common].sum()
    assert chi_square < common.sum() + 5 * (2 * common.sum()) ** 0.5


def test_the_loss_falls():
    torch.manual_seed(0)
    losses = page.train(page.SetTransformer(BOARD), BOARD, to_batch(BOARD, synthetic_climbs(500, seed=0)), 60)
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.5


@pytest.mark.slow
def test_the_page_runs(capsys):
    ours, counted = page.main(steps=60, climbs=1000)
    told = capsys.readouterr().out
    assert ours < counted
    assert f"{ours:.3f} bits per hold, frequencies {counted:.3f}" in told
    drawn = re.findall(r"^(p\d+r\d[pr\d]+) (\d+)$", told, re.MULTILINE)
    assert len(drawn) == 4
    for climb in read_frames(BOARD, [frames for frames, _ in drawn]):
        assert {(3, 0), (5, 0)} <= set(climb.holds)

"""MaskedSet beyond the contract: its loss is the bound, blocks match enumeration, sizes add up."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from setgen.climbing.board import Board, Limits
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.errors import InputError
from setgen.generators.denoiser import DenoiserConfig
from setgen.generators.masked_set import MaskedSet
from setgen.generators.orders import all_orders
from setgen.generators.unmasking import Unmasking
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.rules import Partial

BOARD = Board(
    name="toy",
    family="synthetic",
    ids=np.arange(10, 14),
    xy=np.array([[0.0, 0.0], [20.0, 10.0], [5.0, 40.0], [30.0, 60.0]]),
    hold_set=np.array([0, 0, 1, 1]),
    hold_set_names=("a", "b"),
    hole_names=("A1", "B1", "C1", "D1"),
    role_ids={role: int(role) + 1 for role in Role},
    role_colors={},
    angles=(30, 40),
    limits=Limits(holds=(2, 3)),
)


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def generator() -> MaskedSet:
    torch.manual_seed(0)
    return MaskedSet(BOARD, DenoiserConfig(width=16, depth=2, heads=2, dropout=0.0, copies=3)).eval()


def batch_of(*climbs: Climb) -> SetBatch:
    return to_batch(BOARD, Climbs.from_list(climbs))


CLIMB = Climb(((0, 0), (2, 1), (3, 2)), 30, 22)


def test_logits_are_the_same_for_every_order_of_the_known_holds(generator):
    known = batch_of(*[Climb(order, 30, 22) for order in permutations(CLIMB.holds)])
    logits = generator.element_logits(known, torch.ones(6, dtype=torch.int64), generator.elements())
    assert (logits - logits[0]).abs().max() < 1e-10


def test_loss_is_an_unbiased_estimate_of_the_bound(generator):
    """Averaged over subsets it is −mean over all orders of log p(S) / n, by enumeration."""
    batch = batch_of(CLIMB)
    exact = -generator.log_likelihood(batch, all_orders(3), legal=False).mean().item() / 3
    many = batch_of(*[CLIMB] * 500)
    torch.manual_seed(1)
    with torch.no_grad():
        draws = np.array([generator.loss(many).item() for _ in range(20)])
    assert abs(draws.mean() - exact) < 5 * draws.std(ddof=1) / math.sqrt(len(draws)) + 1e-9


def test_loss_does_not_see_the_order_of_storage(generator):
    """With one seed, the same subsets of a climb give the same loss however its holds are stored."""
    losses = []
    for order in permutations(range(3)):
        climb = Climb(tuple(CLIMB.holds[i] for i in order), 30, 22)
        torch.manual_seed(2)
        with torch.no_grad():
            losses.append([generator.loss(batch_of(*[climb] * 2000)).item() for _ in range(3)])
    spread = np.std(losses, axis=0)
    assert (spread < 0.02 * np.mean(losses)).all()


def test_one_call_draws_without_replacement_from_one_distribution(generator):
    """Blocks: every set's frequency against enumeration of all orders under the first call's logits."""
    n = 4000
    drawn = generator.sample(
        Climbs.prompts(n, angle=30, grade=22),
        sizes=np.full(n, 3),
        seed=3,
        temperature=2.0,
        unmasking=Unmasking(calls=1),
    )
    logits = (
        generator.element_logits(batch_of(Climb((), 30, 22)), torch.tensor([3]), generator.elements())[0]
        / 2.0
    )
    expected: dict[frozenset, float] = {}

    def grow(chosen: tuple[tuple[int, int], ...], probability: float) -> None:
        if len(chosen) == 3:
            expected[frozenset(chosen)] = expected.get(frozenset(chosen), 0.0) + probability
            return
        state = Partial.of(BOARD, batch_of(Climb(chosen, 30, 22)))
        left = torch.tensor([3 - len(chosen)])
        allowed = generator.rules().allowed(state, left, left).flatten()
        for element, p in enumerate(logits.masked_fill(~allowed, -torch.inf).softmax(0).tolist()):
            if p > 0:
                grow((*chosen, (element // 4, element % 4)), probability * p)

    with torch.no_grad():
        grow((), 1.0)
    assert sum(expected.values()) == pytest.approx(1.0)
    counts: dict[frozenset, int] = {}
    for climb in drawn:
        counts[frozenset(climb.holds)] = counts.get(frozenset(climb.holds), 0) + 1
    assert set(counts) <= set(expected)
    keys = list(expected)
    assert chisquare([counts.get(k, 0) for k in keys], [expected[k] * n for k in keys]).pvalue > 1e-3


def test_fewer_calls_make_fewer_network_calls(generator, monkeypatch):
    calls = []
    logits = MaskedSet.element_logits
    monkeypatch.setattr(MaskedSet, "element_logits", lambda *a: calls.append(1) or logits(*a))
    for asked, made in ((None, 3), (2, 2), (1, 1)):
        calls.clear()
        generator.sample(Climbs.prompts(8), sizes=np.full(8, 3), unmasking=Unmasking(calls=asked))
        assert len(calls) == made


def test_sizes_are_a_distribution_that_follows_the_counts(generator):
    climbs = Climbs.from_list([CLIMB] * 9 + [Climb(CLIMB.holds[::2], 30, 22)])
    generator.sizes.shift[-1].weight.data.zero_()
    generator.sizes.shift[-1].bias.data.zero_()
    generator.fit_counts(climbs)

    def sizes(*holds):
        prompt = batch_of(Climb(holds))
        return generator.size_log_probs(prompt, Partial.of(BOARD, prompt), generator.rules()).exp()[0]

    probabilities = sizes()
    assert probabilities.sum().item() == pytest.approx(1.0)
    assert probabilities[:2].sum() == 0
    assert probabilities[3].item() == pytest.approx(9.1 / 10.2)
    assert sizes((0, 0), (1, 1))[3].item() == pytest.approx(1.0)  # a finish is owed


def test_conditions_are_hidden_in_training_alone(generator, monkeypatch):
    seen = []
    logits = MaskedSet.element_logits
    monkeypatch.setattr(MaskedSet, "element_logits", lambda *a: seen.append(a[1].conditions) or logits(*a))
    hiding = MaskedSet(BOARD, DenoiserConfig(width=16, depth=1, heads=2, condition_dropout=1.0))
    for mode in (True, False):
        hiding.train(mode).loss(batch_of(CLIMB, CLIMB))
    hidden, told = ({name: set(code.tolist()) for name, code in known.items()} for known in seen)
    assert hidden == {"angle": {0}, "grade": {0}}
    assert told == {"angle": {1}, "grade": {13}}


def test_a_noise_level_that_rounds_to_one_leaves_a_slot_masked(monkeypatch):
    """torch.rand's largest float32 plus 3 is 4: without a guard no slot is masked and the loss is 0/0."""
    torch.set_default_dtype(torch.float32)
    settings = DenoiserConfig(width=16, depth=1, heads=2, dropout=0.0, condition_dropout=0.0)
    model = MaskedSet(BOARD, settings).train()

    def largest(*shape, device=None):
        return torch.full(shape if isinstance(shape[0], int) else tuple(shape[0]), 1 - 2.0**-24)

    monkeypatch.setattr(torch, "rand", largest)
    loss = model.loss(batch_of(CLIMB, CLIMB))
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ("settings", "message"), [({"width": 10, "heads": 4}, "not a multiple"), ({"copies": 0}, "at least one")]
)
def test_settings_that_cannot_work_are_one_line(settings, message):
    with pytest.raises(InputError, match=message):
        MaskedSet(BOARD, DenoiserConfig(**settings))

"""The masks and draws in NumPy are those in torch, over random states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from baselines.grammar import Grammar as TorchGrammar
from contract import BOARDS, NAMES, random_climbs, random_prompts
from setgen.dataset.batches import to_batch

from setgen.climbing.padding import pad
from setgen.climbing.roles import N_ROLES
from setgen.export.masked_set import size_table
from setgen.generators import drawing as torch_drawing
from setgen.generators import legality as torch_legality
from setgen.generators.sizes import SizeModel
from setgen.generators.sweeps import Ahead as TorchAhead
from setgen.generators.sweeps import sweep_ranks
from setgen.runtime import drawing, legality
from setgen.runtime.grammar import Grammar
from setgen.runtime.sizes import SizeTable
from setgen.runtime.sweep_set import Ahead

every_board = pytest.mark.parametrize("board", BOARDS, ids=NAMES)


def equal(tensor: torch.Tensor, array: np.ndarray) -> bool:
    return np.array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("only_legal", [True, False])
@every_board
def test_masks_agree_while_climbs_grow(board, only_legal):
    rng = np.random.default_rng(1)
    prompts = random_prompts(board, 200, seed=0)
    here = legality.Placed.of(board, pad(board, prompts))
    there = torch_legality.Placed.of(board, to_batch(board, prompts))
    seen = set()
    for _ in range(6):
        assert all(equal(getattr(there, f), getattr(here, f)) for f in vars(here))
        for one, other in zip(torch_legality.owed(board, there), legality.owed(board, here), strict=True):
            assert equal(one, other)
        remaining = rng.integers(0, 6, len(prompts))
        arguments = torch.from_numpy(remaining), only_legal
        roles = legality.roles_allowed(board, here, remaining, only_legal)
        assert equal(torch_legality.roles_allowed(board, there, *arguments), roles)
        elements = legality.elements_allowed(board, here, remaining, only_legal)
        assert equal(torch_legality.elements_allowed(board, there, *arguments), elements)
        seen |= {tuple(row) for row in roles.tolist()}
        grow = np.flatnonzero(elements.any(1) & (rng.random(len(prompts)) < 0.7))
        element = np.array([rng.choice(np.flatnonzero(row)) for row in elements[grow]], dtype=np.int64)
        placement, role = element // N_ROLES, element % N_ROLES
        every = np.zeros((2, len(prompts)), dtype=np.int64)
        every[:, grow] = placement, role
        where = np.isin(np.arange(len(prompts)), grow)
        there = there.add(*(torch.from_numpy(a) for a in (*every, where)))
        here.add(grow, placement, role)
    assert not only_legal or len(seen) > 1


def _given(written) -> np.ndarray:
    """(B, V + 1) bool: the given holds that are still to be written."""
    return np.pad(written.waiting, ((0, 0), (0, 1)))


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("only_legal", [True, False])
@every_board
def test_grammars_agree_while_climbs_are_written(board, only_legal, ascending):
    rng = np.random.default_rng(2)
    prompts = random_prompts(board, 120, seed=3)
    settings = board, only_legal, not ascending, ascending
    ours, theirs = Grammar(*settings), TorchGrammar(*settings)
    assert ours.most == theirs.most
    finished = random_climbs(board, 120, seed=3).sizes  # the climbs that the prompts are parts of
    size = np.where(rng.random(120) < 0.5, finished, 0)
    here = ours.start(pad(board, prompts), size)
    there = theirs.start(to_batch(board, prompts), torch.from_numpy(size))
    steps = 0
    while len(here.last):
        choices = ours.holds(here)
        assert equal(theirs.holds(there), choices)
        # A shuffled order has the given holds first, whatever the grammar says.
        choices = np.where(here.waiting.any(1, keepdims=True) & (not ascending), _given(here), choices)
        hold = np.array([rng.choice(np.flatnonzero(row)) for row in choices])
        going = hold < len(board)
        hold, here, there = hold[going], here.rows(going), there.rows(torch.from_numpy(going))
        roles = ours.roles(here, hold)
        assert equal(theirs.roles(there, torch.from_numpy(hold)), roles)
        role = np.array(
            [rng.choice(np.flatnonzero(row)) if row.any() else 0 for row in roles], dtype=np.int64
        )
        here.write(hold, role)
        there = there.write(torch.from_numpy(hold), torch.from_numpy(role))
        steps += 1
        if steps > 2 * ours.most:  # without `legal` a climb may go on repeating holds
            break
    assert steps > 1


@every_board
def test_what_lies_ahead_of_a_sweep_is_the_same(board):
    rng = np.random.default_rng(7)
    rank = sweep_ranks(board, 3)[torch.arange(90) % 3]
    free = rng.random((90, len(board))) < 0.7
    here, there = Ahead(rank.numpy(), free), TorchAhead.of(rank, torch.from_numpy(free))
    rows = rng.permutation(90)[:50]
    line, left = rng.integers(-1, len(board), 50), rng.integers(1, 4, 50)
    open_ = here.open(rows, line, left)
    assert equal(there.open(*(torch.from_numpy(a) for a in (rows, line, left))), open_)
    assert open_.any()
    assert not open_.any(1).all()


def test_noise_is_the_same():
    rows = np.array([0, 5, 1_000_000])
    assert equal(torch_drawing.row_uniforms(3, rows, 7), drawing.row_uniforms(3, rows, 7))
    assert drawing.row_uniforms(3, rows[:0], 7).shape == (0, 7)


@pytest.mark.parametrize("temperature", [0, 0.3, 1.0, 2.5])
def test_draws_are_the_same(temperature):
    rng = np.random.default_rng(4)
    logits = (rng.normal(size=(4000, 50)) * 6).astype(np.float32)
    logits[rng.random(logits.shape) < 0.6] = -np.inf
    logits[:, 7] = 0.0
    uniform = rng.random(4000)
    uniform[:10], uniform[10:20] = 0.0, np.nextafter(1.0, 0.0)
    here = drawing.draw(logits, uniform, temperature)
    there = torch_drawing.draw(torch.from_numpy(logits), torch.from_numpy(uniform), temperature)
    assert equal(there, here)
    assert np.isfinite(logits[np.arange(4000), here]).all()
    assert len(np.unique(here)) > 40


@every_board
def test_sizes_are_the_same(board):
    torch.manual_seed(0)
    model = SizeModel(board)
    model.fit_counts(random_climbs(board, 50, seed=5))
    table = SizeTable(board, size_table(model))
    rng = np.random.default_rng(6)
    angle, grade = rng.integers(0, len(board.angles) + 1, 60), rng.integers(0, len(board.grades) + 1, 60)
    at_least = rng.integers(0, board.limits.holds[0] + 1, 60)
    there = model(*(torch.from_numpy(a) for a in (angle, grade, at_least)), model.most).exp().detach().numpy()
    here = drawing.softmax(table.logits(angle, grade, at_least, table.most))
    np.testing.assert_allclose(here, there, atol=1e-6)
    assert np.array_equal(here == 0, there == 0)

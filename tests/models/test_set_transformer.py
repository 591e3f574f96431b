"""The set transformer sees sets: order, padding and neighbours in the batch change nothing."""

from __future__ import annotations

import pytest
import torch

from setgen.climbing.sources.synthetic import synthetic_board
from setgen.models.embedding import ElementEmbedding, fourier_features
from setgen.models.transformer import Packing, SetTransformer, Transformer

WIDTH = 16


@pytest.fixture
def encoder() -> SetTransformer:
    torch.manual_seed(0)
    return SetTransformer(WIDTH, depth=2, heads=2, dropout=0.3).double().eval()


def encoded(encoder, state, elements, present):
    """The sets of padded element vectors (B, L, width), by the table of all of them."""
    index = torch.arange(present.numel()).view(present.shape)
    wide = torch.nn.functional.pad(elements, (0, 0, 0, present.shape[1] - elements.shape[1]))
    return encoder(state, index, wide.flatten(0, 1), present)[0]


def _sets(sizes: list[int], length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """state, padded elements and presence of sets of the given sizes."""
    generator = torch.Generator().manual_seed(1)
    state = torch.randn(len(sizes), WIDTH, dtype=torch.float64, generator=generator)
    elements = torch.randn(len(sizes), length, WIDTH, dtype=torch.float64, generator=generator)
    return state, elements, torch.arange(length) < torch.tensor(sizes)[:, None]


def test_order_changes_nothing(encoder):
    state, elements, present = _sets([7, 7, 7], 7)
    code = encoded(encoder, state, elements, present)
    for seed in range(5):
        order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
        again = encoded(encoder, state, elements[:, order], present)
        assert (again - code).abs().max() < 1e-10


def test_the_elements_do_change_it(encoder):
    state, elements, present = _sets([7], 7)
    code = encoded(encoder, state, elements, present)
    elements[0, 3, 0] += 1.0
    assert (encoded(encoder, state, elements, present) - code).abs().max() > 1e-3


def test_padding_and_neighbours_change_nothing(encoder):
    state, elements, present = _sets([0, 3, 5, 1], 5)
    together = encoded(encoder, state, elements, present)
    for i, n in enumerate([0, 3, 5, 1]):
        here = torch.arange(max(n, 1)) < torch.tensor([[n]])
        alone = encoded(encoder, state[i : i + 1], elements[i : i + 1, : max(n, 1)], here)
        assert (alone[0] - together[i]).abs().max() < 1e-10
    wide = torch.nn.functional.pad(present, (0, 4))
    assert (encoded(encoder, state, elements, wide) - together).abs().max() < 1e-10


def test_pack_undoes_pad():
    present = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    packing = Packing.of(present)
    packed = torch.randn(5, WIDTH)
    padded = packing.pad(packed)
    assert torch.equal(packing.pack(padded), packed)
    assert not padded[~present].any()


def test_element_embedding_knows_hold_set_place_and_role():
    board = synthetic_board()
    embedding = ElementEmbedding(board, WIDTH)
    table = embedding()
    assert table.shape == (4 * len(board), WIDTH)
    assert len(torch.unique(table, dim=0)) == len(table)
    before = table.detach().clone()
    embedding.of_group.weight.data[0, 0] += 1.0
    moved = (embedding().detach() - before).abs().amax(1) > 1e-6
    in_set = torch.from_numpy(board.hold_set == 0).repeat_interleave(4)
    assert torch.equal(moved, in_set)


def test_fourier_features_scale_to_the_board():
    xy = torch.tensor([[0.0, 0.0], [50.0, 100.0], [100.0, 200.0]], dtype=torch.float64)
    features = fourier_features(xy)
    assert features.shape == (3, 26)
    assert torch.allclose(fourier_features(xy * 3 + 7), features, atol=1e-9)
    assert features.abs().max() <= 1.0 + 1e-12


def test_the_cache_changes_nothing_and_a_packing_neither():
    torch.manual_seed(0)
    network = Transformer(WIDTH, depth=2, heads=2, dropout=0.3).double().eval()
    tokens, present = torch.randn(3, 6, WIDTH).double(), torch.arange(6) < torch.tensor([[6], [3], [1]])
    causal = torch.ones(6, 6, dtype=torch.bool).tril()
    mask = (causal & present[:, None, :])[:, None]
    packing = Packing.of(present)
    packed = packing.pad(network(packing.pack(tokens), packing, causal=True))
    plain = network(tokens, None, mask)
    assert (packed - plain)[present].abs().max() < 1e-12
    codes, cache = network.prefill(tokens[:, :2], None, mask[:, :, :2, :2], present[:, :2], room=4)
    assert (codes - plain[:, :2])[present[:, :2]].abs().max() < 1e-12
    some = cache.rows(torch.tensor([0]))
    for t in range(2, 6):
        code = network.decode(tokens[:1, t], some, t)
        assert (code - plain[:1, t]).abs().max() < 1e-12


@pytest.mark.parametrize("depth", [1, 3])
def test_reading_one_token_out_is_reading_all_and_taking_it(depth):
    torch.manual_seed(0)
    network = Transformer(WIDTH, depth=depth, heads=2, dropout=0.3).double().eval()
    present, at = torch.arange(6) < torch.tensor([[6], [3], [1]]), torch.tensor([4, 0, 0])
    tokens, rows = torch.randn(3, 6, WIDTH).double(), torch.arange(3)
    causal = (torch.ones(6, 6, dtype=torch.bool).tril() & present[:, None, :])[:, None]
    for mask in (causal, present[:, None, None, :]):
        wanted = network(tokens, None, mask)[rows, at]
        assert (network.read_out(tokens, at, None, mask)[0] - wanted).abs().max() < 1e-12
    packing = Packing.of(present)
    place = torch.tensor([4, 6, 9])
    assert (network.read_out(packing.pack(tokens), place, packing, mask)[0] - wanted).abs().max() < 1e-12
    _, past = network.prefill(tokens[:1, :2], None, causal[:1, :, :2, :2], present[:1, :2], room=0)
    wide = torch.cat([torch.ones(3, 1, 6, 2, dtype=torch.bool), causal], 3)
    wanted = network(tokens, None, wide, past=past)[rows, at]
    assert (network.read_out(tokens, at, None, wide, past)[0] - wanted).abs().max() < 1e-12

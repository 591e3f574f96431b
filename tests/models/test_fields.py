"""Fields depend on offsets alone, add up over the known items, and are 0 before training."""

from __future__ import annotations

import pytest
import torch
from contract import TOY

from setgen.climbing.sources.synthetic import synthetic_board
from setgen.models.fields import Fields, fields_of, wave_vectors
from setgen.sets.space import Items

WIDTH, WAVES = 8, 5
BOARD = synthetic_board()


@pytest.fixture
def fields() -> Fields:
    torch.manual_seed(0)
    made = Fields(BOARD, WIDTH, WAVES, kinds=2).double()
    made.waves = made.waves.double()
    with torch.no_grad():
        made.emit.weight.normal_()
    return made


def field(fields, code, item):
    """(V, R) of one item with that code."""
    return fields.logits(fields(code, torch.tensor([item]))[:, 1]).view(len(BOARD), -1)


def test_they_are_zero_before_training():
    fresh = Fields(BOARD, WIDTH, WAVES)
    assert not fresh.logits(fresh(torch.randn(3, WIDTH), torch.arange(3))[:, 0]).any()


def test_a_field_is_a_function_of_the_offset(fields):
    """Two places as far apart, anywhere on the wall, feel the same of an item."""
    code = torch.randn(1, WIDTH, dtype=torch.float64)
    xy = torch.from_numpy(BOARD.xy).double()
    by_offset: dict[tuple[float, float], torch.Tensor] = {}
    for item in range(0, len(BOARD), 7):
        offsets = (xy - xy[item]).round(decimals=3).tolist()
        for offset, felt in zip(offsets, field(fields, code, item), strict=True):
            known = by_offset.setdefault(tuple(offset), felt)
            assert (known - felt).abs().max() < 1e-5  # the waves are kept in float32
    assert len(by_offset) < len(BOARD) * len(range(0, len(BOARD), 7)) / 2  # many were compared


def test_the_field_of_a_set_is_the_sum_of_its_items(fields):
    code, items = torch.randn(4, WIDTH, dtype=torch.float64), torch.tensor([3, 50, 7, 90])
    together = fields.logits(fields(code, items)[:, 1].sum(0, keepdim=True)).view(len(BOARD), -1)
    alone = [field(fields, code[i : i + 1], int(items[i])) for i in range(4)]
    assert (together - torch.stack(alone).sum(0)).abs().max() < 1e-9


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_wave_vectors_are_distinct_and_of_the_wanted_lengths(dimensions):
    vectors = wave_vectors(32, dimensions)
    lengths = 2 * torch.pi / vectors.norm(dim=1)
    assert len(torch.unique(vectors, dim=0)) == 32
    assert lengths.min() >= 1 / 12
    assert lengths.max() <= 2
    assert torch.equal(vectors, wave_vectors(32, dimensions))


def test_a_space_without_coordinates_has_none():
    assert fields_of(Items("baskets", ("a", "b", "c"), (1, 3)), WIDTH, 8) is None
    assert fields_of(TOY, WIDTH, 0) is None

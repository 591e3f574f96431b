"""What losses are of: all items of a batch. A mean over sets of each one's own would teach p(S)/n."""

from __future__ import annotations

import pytest
import torch
from contract import WALL

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.generators.base import per_item
from setgen.generators.denoiser import DenoiserConfig
from setgen.generators.hold_canvas import HoldCanvas
from setgen.generators.masked_set import MaskedSet
from setgen.generators.sweep_set import SweepSet, SweepSetConfig
from setgen.sets.batch import to_batch

START, MIDDLE, FINISH = Role.START, Role.MIDDLE, Role.FINISH


def test_large_sets_count_by_their_items():
    nats, size = torch.tensor([3.0, 8.0]), torch.tensor([1, 9])
    assert per_item(nats, size).item() == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("cls", "config"), [(MaskedSet, DenoiserConfig), (HoldCanvas, DenoiserConfig), (SweepSet, SweepSetConfig)]
)
def test_as_many_small_sets_as_large_ones_leave_even_odds_of_their_sizes_as_they_are(cls, config):
    """The loss has its least where sizes are as frequent as in the batch: its gradient there is 0."""
    torch.manual_seed(0)
    generator = cls(WALL, config(width=16, depth=1, heads=2, dropout=0.0, condition_dropout=0.0)).eval()
    small = Climb(((1, START), (9, FINISH)), 20, 15)
    large = Climb(((1, START), (2, MIDDLE), (3, MIDDLE), (4, MIDDLE), (6, MIDDLE), (9, FINISH)), 20, 15)
    odds = torch.full_like(generator.sizes.log_frequency, -30.0)
    odds[[2, 6]] = 0.0
    last = generator.sizes.shift[-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    generator.sizes.log_frequency.copy_(odds)
    generator.loss(to_batch(WALL, Climbs.from_list([small, large] * 3))).backward()
    assert last.bias.grad.abs().max() < 1e-6
    last.bias.grad = None
    generator.loss(to_batch(WALL, Climbs.from_list([small, large, large]))).backward()
    assert last.bias.grad[6] < -1e-3  # more of one size pull towards it

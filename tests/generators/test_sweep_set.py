"""SweepSet beyond the contract: what it knows ahead of the line, and where that makes no difference."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from contract import WALL, random_climbs

from setgen.errors import InputError
from setgen.generators.orders import random_orders
from setgen.generators.registry import load_generator
from setgen.generators.sweep_set import SweepSet, SweepSetConfig
from setgen.sets.batch import to_batch


def make(**options: float) -> SweepSet:
    torch.manual_seed(0)
    generator = SweepSet(WALL, SweepSetConfig(width=16, depth=2, heads=2, dropout=0.0, **options))
    for parameter in generator.parameters():  # the fields begin at 0, where mistakes would not show
        torch.nn.init.normal_(parameter, std=0.3)
    return generator.double().eval()


@pytest.mark.parametrize("options", [{}, {"directions": 2}, {"waves": 4}])
def test_each_step_knows_what_is_behind_the_line_and_what_is_given_ahead_of_it(options):
    generator, climbs = make(**options), random_climbs(WALL, 40, seed=1)
    batch = to_batch(WALL, climbs)
    order = torch.arange(len(batch)) % generator.config.directions
    some = torch.arange(len(batch)) % batch.size  # of its holds, as they come: anywhere on the wall
    ranked, given = generator._ranked(batch, some, order)
    seen = ahead = 0
    (steps,) = generator.steps(ranked, given, order, None)
    for row, column, logits in zip(steps.row.tolist(), steps.column.tolist(), steps.logits, strict=True):
        one = ranked.rows(slice(row, row + 1))
        held = given[row : row + 1]
        places = torch.arange(one.width)
        known = (places < column) | (held[0] & (places >= column))
        # Other holds in place of those that are not known, which are ahead of the line and not given.
        item = torch.where(known, one.item, (one.item + 1) % len(WALL))
        (other,) = generator.steps(replace(one, item=item), held, order[row : row + 1], None)
        again = dict(zip(other.column.tolist(), other.logits, strict=True))
        assert torch.allclose(logits, again[column], atol=1e-10)
        seen += int((~known & one.present[0]).sum())
        # Without what is given ahead, the answer is another one.
        alone = held & (places < column)
        if bool((held & ~alone).any()):
            (other,) = generator.steps(one, alone, order[row : row + 1], None)
            again = dict(zip(other.column.tolist(), other.logits, strict=True))
            assert not torch.allclose(logits, again[column], atol=1e-6)
            ahead += 1
    assert seen > 100
    assert ahead > 50


def test_given_holds_in_another_order_are_the_same_prompt():
    generator, climbs = make(waves=4), random_climbs(WALL, 30, seed=2)
    given = climbs.sizes // 2
    orders = random_orders(climbs.sizes, 1, seed=3)
    turned = orders.clone()
    for row, n in enumerate(given.tolist()):
        turned[0, row, :n] = orders[0, row, :n].flip(0)
    batch = to_batch(WALL, climbs)
    one, other = (generator.log_likelihood(batch, o, given=torch.from_numpy(given)) for o in (orders, turned))
    assert torch.allclose(one, other, atol=1e-9)
    assert one.isfinite().all()


def test_a_model_of_the_earlier_network_is_refused_in_one_line(tmp_path):
    make().float().save(tmp_path)
    head = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(head | {"format": 3}))
    with pytest.raises(InputError, match="holds a sweep_set of an earlier setgen: train it anew"):
        load_generator(tmp_path)

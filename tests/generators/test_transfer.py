"""A generator of another board begins with what means the same there, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from contract import TOY, WALL, random_climbs, wall
from test_contract import CASES, build

from setgen.errors import InputError
from setgen.generators.orders import random_orders
from setgen.generators.registry import load_generator
from setgen.generators.transfer import begun_from
from setgen.models.embedding import partly_hidden
from setgen.sets.batch import to_batch
from setgen.sets.space import Items

LEARNS_PLACES = ["masked_set", "hold_canvas", "sweep_set", "joint sweep gpt"]
LARGER = replace(
    wall(33, WALL.limits), angles=(30, 40, 50), grades=(18, 20, 22), hold_set_names=("wood", "screw-on")
)


def trained(case: str, board=WALL):
    """With weights that are nowhere what a network begins with."""
    name, settings = CASES[case]
    return build(name, settings, board).float()


def tables(generator) -> dict[str, torch.Tensor]:
    return {
        name.rpartition(".")[0]: weight for name, weight in generator.named_parameters() if weight.ndim > 1
    }


@pytest.mark.parametrize("case", LEARNS_PLACES)
def test_weights_of_the_network_are_taken_over_and_those_of_the_board_are_not(case):
    old = trained(case)
    new = begun_from(old, type(old), LARGER, old.config)
    theirs, same, n = dict(old.named_parameters()), [], 0
    for name, weight in new.named_parameters():
        if weight.shape == theirs[name].shape and torch.equal(weight, theirs[name]):
            same.append(name)
            n += weight.numel()
    blocks = [name for name in theirs if ".blocks." in name or name.startswith("blocks.")]
    assert blocks
    assert {*blocks, *(name for name in theirs if "from_geometry" in name or "fields" in name)} <= set(same)
    assert not [name for name in same if name.startswith("sizes.")]
    assert n <= new.taken_over < new.n_parameters


@pytest.mark.parametrize("case", LEARNS_PLACES)
def test_rows_go_by_name_and_what_is_new_begins_alike_at_the_mean(case):
    old = trained(case)
    new = begun_from(old, type(old), LARGER, old.config)
    before, after = tables(old), tables(new)
    embedding = next(name.removesuffix(".of_item") for name in before if name.endswith(".of_item"))

    items = after[f"{embedding}.of_item"]
    assert torch.allclose(items, before[f"{embedding}.of_item"].mean(0).expand_as(items), atol=1e-6)
    groups, theirs = after[f"{embedding}.of_group"], before[f"{embedding}.of_group"]
    assert torch.allclose(groups, torch.stack([theirs.mean(0), theirs[1]]), atol=1e-6)  # wood, screw-on
    if "asked.of.grade" in before:  # unknown, 15, 18, 22 there; unknown, 18, 20, 22 here
        grades, theirs = after["asked.of.grade"], before["asked.of.grade"]
        assert torch.allclose(grades[[0, 1, 3]], theirs[[0, 2, 3]], atol=1e-6)
        assert torch.allclose(grades[2], theirs.mean(0), atol=1e-6)


@pytest.mark.parametrize("case", ["masked_set", "hold_canvas", "sweep_set"])
def test_it_answers_the_same_where_nothing_is_the_boards_own(case):
    """Holds that are alike but for their places, on a cut of the board: the same logits for the same climbs."""
    old = trained(case).double()
    with torch.no_grad():
        old.elements.of_item.weight.copy_(old.elements.of_item.weight[:1].expand(len(WALL), -1))
        getattr(old, "bias", torch.zeros(0)).zero_()
        getattr(old, "log_frequency", torch.zeros(0)).zero_()
    low = WALL.xy.min(0)
    keep = np.flatnonzero((WALL.xy < 110).all(1) | (WALL.xy == low).any(1))
    assert len(keep) > 5
    cut = replace(
        WALL, ids=WALL.ids[keep], xy=WALL.xy[keep], hold_set=WALL.hold_set[keep],
        hole_names=tuple(WALL.hole_names[i] for i in keep),
    )  # fmt: skip
    assert np.ptp(cut.xy, axis=0).max() < np.ptp(WALL.xy, axis=0).max()
    assert (cut.xy.min(0) == low).all()
    new = begun_from(old, type(old), cut, old.config).double().eval()
    for name, buffer in new.named_buffers():  # what no folder keeps is made in float32
        if name.rpartition(".")[2] in ("geometry", "waves"):
            whole = dict(old.named_buffers())[name]
            assert torch.allclose(buffer, whole[torch.from_numpy(keep)], atol=1e-6)
    climbs = random_climbs(cut, 12, seed=3)
    here = to_batch(cut, climbs)
    there = to_batch(
        WALL, climbs.from_arrays(keep[climbs.item], climbs.label, climbs.offsets, climbs.conditions)
    )
    size, order = here.size + 1, torch.zeros_like(here.size)
    with torch.no_grad():
        ours = new.step(new.start(here, size, order)).unflatten(1, (len(cut), -1))
        theirs = old.step(old.start(there, size, order)).unflatten(1, (len(WALL), -1))[:, keep]
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert ours.std() > 0.1


def test_its_folder_keeps_the_unit_of_length(tmp_path):
    old = trained("sweep_set")
    new = begun_from(old, type(old), LARGER, old.config)
    climbs = random_climbs(LARGER, 20, seed=4)
    new.fit_counts(climbs)
    assert new.config.length == pytest.approx(np.ptp(WALL.xy, axis=0).max())
    new.eval().save(tmp_path / "model")
    batch, orders = to_batch(LARGER, climbs), random_orders(climbs.sizes, 1, 0)
    loaded = load_generator(tmp_path / "model")
    assert torch.equal(loaded.log_likelihood(batch, orders), new.log_likelihood(batch, orders))
    third = begun_from(loaded, type(loaded), TOY, loaded.config)
    assert third.config.length == new.config.length


@pytest.mark.parametrize(
    ("case", "space", "config", "message"),
    [
        ("gpt", LARGER, "sweep_set", "another family, gpt: give one of sweep_set"),
        ("sweep_set", LARGER, {"width": 32}, "another network .width 16, not 32"),
        ("sweep_set", LARGER, {"heads": 4}, "another network .heads 2, not 4"),
        ("sweep_set", LARGER, {"depth": 1}, "another network .depth 2, not 1"),
        ("sweep_set", Items("basket", tuple("abcde"), (1, 3)), {}, "share no coordinates"),
        ("sweep_set", Items("line", tuple("abc"), (1, 2), xy=np.zeros((3, 1))), {}, "share no coordinates"),
        ("dpp", LARGER, {}, "this dpp does not learn from where holds are"),
        ("hold_frequency", LARGER, {}, "this hold_frequency does not learn from where holds are"),
        ("gpt", LARGER, {}, "this gpt does not learn from where holds are"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(case, space, config, message):
    old = trained(case)
    other = trained(config) if isinstance(config, str) else None
    kind, config = (type(other), other.config) if other else (type(old), replace(old.config, **config))
    with pytest.raises(InputError, match=message) as error:
        begun_from(old, kind, space, config)
    assert "\n" not in str(error.value)


def test_building_leaves_random_numbers_alone():
    """The network begins as one from nothing with the same seed would, where nothing is taken over."""
    old = trained("sweep_set")
    torch.manual_seed(5)
    plain = type(old)(LARGER, old.config)
    torch.manual_seed(5)
    new = begun_from(old, type(old), LARGER, old.config)
    sizes = {name: weight for name, weight in plain.named_parameters() if name.startswith("sizes.")}
    assert sizes
    assert all(torch.equal(dict(new.named_parameters())[name], weight) for name, weight in sizes.items())


def test_a_share_of_a_table_is_hidden():
    torch.manual_seed(0)
    table = torch.randn(4000, 3)
    gone = (partly_hidden(table, 0.2) == 0).all(1)
    assert 0.17 < gone.double().mean() < 0.23
    assert torch.equal(partly_hidden(table, 0.2)[0] * 0, torch.zeros(3))
    assert partly_hidden(table, 0.0) is table


@pytest.mark.parametrize("case", ["gpt", "masked_set", "sweep_set", "joint sweep gpt"])
def test_elements_are_hidden_in_training_alone(case):
    name, settings = CASES[case]
    plain, hiding = (
        build(name, settings | {"condition_dropout": 0.0} | more, WALL) for more in ({}, {"hidden": 0.5})
    )
    batch = to_batch(WALL, random_climbs(WALL, 20, seed=4))

    def loss(generator):
        torch.manual_seed(1)
        return float(generator.loss(batch).detach())

    assert loss(plain) == loss(hiding)
    assert loss(plain.train()) != pytest.approx(loss(hiding.train()), abs=1e-6)

"""What is served: any generator, in either precision, with the grader and the rules that fit its board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climbs import Climbs
from setgen.climbing.rules import legal
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.generators.registry import GENERATORS, generator_class
from setgen.serving.calls import NextHold, Sample, Score, Wanted
from setgen.serving.model import load_model

BOARD = synthetic_board()
SMALL = {"width": 8, "depth": 1, "heads": 1}


def saved(folder, name: str, board=BOARD):
    """The folder of a tiny untrained generator."""
    torch.manual_seed(0)
    kind = generator_class(name)
    known = kind.Config.__dataclass_fields__
    generator = kind(board, kind.Config(**{k: v for k, v in SMALL.items() if k in known}))
    generator.fit_counts(synthetic_climbs(100, seed=0))
    generator.save(folder)
    return folder


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", GENERATORS)
def test_any_generator_can_be_served(tmp_path, name, precision) -> None:
    model = load_model(saved(tmp_path / "model", name), precision=precision)
    prompts = Climbs.prompts(3, [(4, 0)], 40, 20)
    works = [Wanted(prompts, np.zeros(3, int), seed) for seed in (1, 2**53 - 1)]
    one, other = Sample().run(model, works)
    assert legal(BOARD, one.climbs).all()
    assert list(one.climbs) == list(Sample().run(model, works[:1])[0].climbs)
    assert list(one.climbs) != list(other.climbs)
    assert one.grading is not None
    (chances,) = NextHold().run(model, [prompts[:1]])
    assert abs(chances.sum() - 1) < 1e-5
    (found,) = Score(orders=1, seed=0).run(model, [synthetic_climbs(2, seed=1)])
    assert np.isfinite(found.nats).all()


def test_another_board_has_no_built_in_grader(tmp_path) -> None:
    moved = replace(BOARD, name="moved", xy=BOARD.xy + 1)
    model = load_model(saved(tmp_path / "model", "hold_frequency", moved))
    assert model.grader is None
    assert model.rules is None


def test_a_dataset_gives_the_rules_and_must_be_of_the_board(tmp_path) -> None:
    dataset = synthetic_dataset(150, 1)  # too few for a grader
    dataset.save(tmp_path / "data")
    model = load_model(saved(tmp_path / "model", "hold_frequency"), tmp_path / "data")
    assert model.rules is not None
    assert model.rules != load_model(tmp_path / "model").rules
    assert model.grader is None
    other = saved(tmp_path / "other", "hold_frequency", replace(BOARD, xy=BOARD.xy + 1))
    with pytest.raises(InputError, match="another board"):
        load_model(other, tmp_path / "data")


def test_damaged_extras_are_one_clear_line(tmp_path) -> None:
    folder = saved(tmp_path / "model", "hold_frequency")
    (folder / "card.json").write_text("{")
    with pytest.raises(InputError, match=r"card.json is damaged"):
        load_model(folder)

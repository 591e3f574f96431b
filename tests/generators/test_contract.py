"""Every registered generator, and the GPT in kilter-gpt's own form, against the shared contract."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from constraint_contract import ConstraintContract
from contract import GeneratorContract, random_climbs

from setgen.generators.registry import GENERATORS, generator_class

SMALL = {"width": 16, "depth": 2, "heads": 2, "dropout": 0.0, "rank": 4, "skew_rank": 4}
GPTS = {
    "kilter": {"smoothing": "last", "loss": "bce", "crop": True},
    "sorted": {"order": "sorted"},
    "joint": {"tokens": "joint", "embedding": "space", "frequency_bias": True},
    "joint sweep": {"order": "sweep", "tokens": "joint", "embedding": "space", "waves": 3},
    "two sweeps": {"order": "sweep", "tokens": "joint", "directions": 2},
}
FIELDS = {name: {"waves": 2} for name in ("masked_set", "sweep_set")}
CASES = {name: (name, FIELDS.get(name, {})) for name in GENERATORS} | {
    f"{k} gpt": ("gpt", v) for k, v in GPTS.items()
}

# Near relatives of others here: of "gpt", "joint sweep gpt", "dpp" and "masked_set".
SLOW = ("hold_canvas", "kilter gpt", "sorted gpt", "joint gpt", "two sweeps gpt", "dpp_symmetric")
PARAMS = [pytest.param(case, id=k, marks=[pytest.mark.slow] * (k in SLOW)) for k, case in CASES.items()]


def build(name, settings, board):
    """A small generator with random weights, float64, in eval mode."""
    cls = generator_class(name)
    known = {f.name for f in fields(cls.Config)}
    torch.manual_seed(0)
    generator = cls(board, cls.Config(**{k: v for k, v in SMALL.items() if k in known} | settings))
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    generator.fit_counts(random_climbs(board, 40, seed=99))
    return generator.double().eval()


@pytest.mark.parametrize("case", PARAMS)
class TestContract(GeneratorContract, ConstraintContract):
    @pytest.fixture
    def make(self, case):
        name, settings = case
        try:
            generator_class(name)
        except ModuleNotFoundError as error:
            pytest.skip(str(error))
        return lambda board: build(name, settings, board)

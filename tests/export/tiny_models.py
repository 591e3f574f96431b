"""Tiny models with random weights of every family that can be exported."""

from __future__ import annotations

import numpy as np
import torch
from contract import TOY, WALL, random_climbs

from setgen.climbing.grading.grader import Grader, GraderConfig
from setgen.climbing.shape import SHAPE_FEATURES
from setgen.generators.registry import generator_class

SMALL = {"width": 16, "depth": 2, "heads": 2, "dropout": 0.0}
KILTER_GPT = {"smoothing": "last", "loss": "bce", "crop": True}
GENERATORS = {
    "masked_set": ("masked_set", {}),
    "sweep_set": ("sweep_set", {}),
    "sweeps": ("sweep_set", {"directions": 4}),
    "gpt": ("gpt", {}),
    "kilter-gpt": ("gpt", KILTER_GPT),
    "sorted_gpt": ("sorted_gpt", {}),
}
BOARDS = {"wall": WALL, "toy": TOY}


def build(name, board=WALL):
    """A generator whose probabilities are far from uniform, in float32."""
    key, settings = GENERATORS[name]
    cls = generator_class(key)
    torch.manual_seed(0)
    generator = cls(board, cls.Config(**SMALL, **settings))
    _shake(generator)
    generator.fit_counts(random_climbs(board, 40, seed=99))
    return generator.eval()


def build_grader(board=WALL, deviation=15.0):
    torch.manual_seed(0)
    grader = Grader(board, GraderConfig((12, 24), 50.0, (40.0, deviation), (20, 40), width=16))
    _shake(grader)
    with torch.no_grad():
        grader.shape_mean.copy_(torch.linspace(0, 60, len(SHAPE_FEATURES)))
        grader.shape_deviation.fill_(30.0)
        grader.temperature.fill_(1.3)
    return grader.eval()


def _shake(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))


def same(one, other):
    """Whether two `Climbs` are the same, in the same order."""
    return all(
        np.array_equal(getattr(one, f), getattr(other, f))
        for f in ("placement", "role", "offsets", "angle", "grade")
    )

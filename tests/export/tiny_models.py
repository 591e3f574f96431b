"""Tiny models with random weights of every family that can be exported."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from contract import TOY, WALL, random_climbs

from setgen.climbing.grading.grader import Grader, GraderConfig
from setgen.climbing.shape import SHAPE_FEATURES
from setgen.generators.registry import generator_class
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label

SMALL = {"width": 16, "depth": 2, "heads": 2, "dropout": 0.0}
GENERATORS = {
    "masked_set": ("masked_set", {"waves": 3}),
    "sweep_set": ("sweep_set", {"directions": 2, "waves": 3}),
    "gpt": ("gpt", {}),
    "joint gpt": ("gpt", {"tokens": "joint", "embedding": "space"}),
    "sorted gpt": ("gpt", {"order": "sorted"}),
    "joint sweep gpt": ("gpt", {"order": "sweep", "tokens": "joint", "waves": 3, "directions": 2}),
    "hold_frequency": ("hold_frequency", {}),
}
BASKETS = Items(
    "baskets", tuple("abcdefgh"), (1, 5), (Label("one", 1, 2), Label("many", 0, None), Label("never", 0, 0))
)
"""No coordinates, no groups, no conditions."""
SPACES = {"wall": WALL, "toy": TOY, "baskets": BASKETS}


def random_sets(space, n, seed):
    """Sets of the space within its bounds."""
    if space is not BASKETS:
        return random_climbs(space, n, seed)
    rng = np.random.default_rng(seed)
    items = [rng.permutation(len(space))[: rng.integers(1, 6)].tolist() for _ in range(n)]
    return Sets.of(space, [One(tuple((i, int(j > 0)) for j, i in enumerate(some))) for some in items])


def build(name, space=WALL):
    """A generator whose probabilities are far from uniform, in float32."""
    key, settings = GENERATORS[name]
    cls = generator_class(key)
    known = {f.name for f in fields(cls.Config)}
    torch.manual_seed(0)
    generator = cls(space, cls.Config(**{k: v for k, v in SMALL.items() if k in known} | settings))
    _shake(generator)
    generator.fit_counts(random_sets(space, 40, seed=99))
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
    """Whether two `Sets` are the same, in the same order."""
    pairs = [(getattr(one, f), getattr(other, f)) for f in ("item", "label", "offsets")]
    pairs += [(one.conditions[name], other.conditions[name]) for name in one.conditions]
    return all(np.array_equal(here, there) for here, there in pairs)

"""One hold at a time: what a generator would add to a few holds, and how a climb of it grew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import N_ROLES
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.sets.batch import to_batch


@torch.no_grad()
def next_hold(generator: Generator, known: Climb, *, legal: bool = True) -> np.ndarray:
    """(V, 4) float64: p(next hold and its role | `known`, another hold follows); sums to 1.

    A sequence model reads the holds of `known` in their order. See `Generator.next_log_probs`. Raises
    InputError where nothing may follow.
    """
    was_training = generator.training
    generator.eval()
    batch = to_batch(generator.space, Climbs.from_list([known]), generator.device)
    p = generator.next_log_probs(batch, legal=legal)[0].double().exp().cpu().numpy()
    generator.train(was_training)
    if not p.any():
        raise InputError(f"no hold may follow these {len(known.holds)}: the climb is complete")
    return p.reshape(-1, N_ROLES)


@dataclass(frozen=True, eq=False)
class Step:
    """One hold of a climb that grew. known: the holds before it. probabilities: `next_hold` of them."""

    known: Climb
    probabilities: np.ndarray
    drawn: tuple[int, int]

    @property
    def probability(self) -> float:
        """What the hold that came had, role included."""
        return float(self.probabilities[self.drawn])


def growth(
    generator: Generator, prompt: Climb, *, size: int | None = None, seed: int = 0
) -> tuple[Climb, list[Step]]:
    """A climb sampled from `prompt`, and the steps in which its holds came.

    Generators that draw holds one after another return them in that order, which is what this reads.
    size: holds in all, for generators that take one; None: the generator's own choice. The probabilities of
    a model that is told the size are those of the size it finds likeliest.
    """
    sizes = None if size is None else np.array([size])
    climb = generator.sample(Climbs.from_list([prompt]), sizes=sizes, seed=seed).climb(0)
    steps = []
    for k in range(len(prompt.holds), len(climb.holds)):
        known = Climb(climb.holds[:k], climb.angle, climb.grade)
        steps.append(Step(known, next_hold(generator, known), climb.holds[k]))
    return climb, steps

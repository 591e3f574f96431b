"""What a metric of the model itself may look at: generator, dataset, and what is drawn from it once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from setgen.boards.climbs import Climbs
from setgen.dataset.dataset import Dataset
from setgen.evaluation.reference import independent
from setgen.generators.base import Generator

T = TypeVar("T")

SCORED = 256
"""Climbs scored at once: sums of another batch differ in the last digits."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A generator on a dataset, and what is drawn from it once for all metrics.

    n: climbs to sample. orders: orders for the likelihood. test_climbs: at most so many test climbs are
    scored (None: all), drawn with `seed`. batch_size: climbs drawn at once; scores are computed SCORED at a
    time, so that it changes none.
    """

    generator: Generator
    dataset: Dataset
    n: int
    seed: int = 0
    orders: int = 4
    shuffles: int = 4
    test_climbs: int | None = None
    batch_size: int = 256
    memo: dict[Hashable, Any] = field(default_factory=dict)

    @cached_property
    def real(self) -> Climbs:
        """The test climbs, one of each hold set."""
        return independent(self.dataset, "test", self.seed)

    @cached_property
    def test(self) -> Climbs:
        """Those of them that are scored."""
        return self.real.at_most(self.test_climbs, self.seed)

    @cached_property
    def conditions(self) -> Climbs:
        """n empty prompts at the angles and grades of test climbs, one of each hold set, each used as often
        as any other ± 1."""
        test, rng = self.real.without_holds(), np.random.default_rng(self.seed)
        rounds = [rng.permutation(len(test)) for _ in range(-(-self.n // len(test)))]
        return test[np.concatenate(rounds)[: self.n]]

    @cached_property
    def samples(self) -> Climbs:
        """n generated climbs at `conditions`, with legality masks."""
        return self.complete(self.conditions)

    @cached_property
    def unmasked(self) -> Climbs:
        """The same without legality masks."""
        return self.complete(self.conditions, legal=False)

    def complete(self, prompts: Climbs, legal: bool = True) -> Climbs:
        """What the generator makes of each prompt."""
        self.generator.eval()
        return self.generator.sample(prompts, legal=legal, seed=self.seed, batch_size=self.batch_size)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """compute(), which several metrics of a family share, run for the first of them."""
        if key not in self.memo:
            self.memo[key] = compute()
        return self.memo[key]

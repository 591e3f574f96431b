"""Sets by the million: a shard at a time, the same whatever makes them, and however many do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from setgen.cluster import each
from setgen.generators.base import Generator
from setgen.sets.sets import Sets
from setgen.sets.shards import Shards
from setgen.threads import one_thread


@dataclass
class Maker:
    """What fills shards, in any process: set i depends on the seed and on i alone.

    load: gives the generator. prompt: one, which every set completes. size: of every set; None where the model draws
    it. how: options of `Generator.sample`.
    """

    shards: Shards
    load: Callable[[], Generator]
    prompt: Sets
    size: int | None
    seed: int
    how: dict[str, Any]

    @cached_property
    def generator(self) -> Generator:
        return self.load()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "generator"}

    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        rows = self.shards.rows(int(job["shard"]))
        sizes = None if self.size is None else np.full(len(rows), self.size)
        seeds = np.column_stack([np.full(len(rows), self.seed), rows])
        with one_thread():  # the number of cores changes no digit
            prompts = self.prompt[np.zeros(len(rows), dtype=np.int64)]
            made = self.generator.sample(prompts, sizes=sizes, seed=seeds, **self.how)
        self.shards.write(int(job["shard"]), made.ordered())
        return {"sets": len(made)}


def make(maker: Maker, ray: str | None = None) -> Iterator[int]:
    """Make the shards that are missing; yields the number of sets of each as it is done. ray: see `cluster`.

    Raises InputError.
    """
    maker.shards.tidy()
    jobs = [{"shard": shard} for shard in maker.shards.missing()]
    if jobs:
        yield from (int(done["sets"]) for done in each(maker, jobs, ray))

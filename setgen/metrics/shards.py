"""Metrics of millions of sets in shards, with the numbers that all of them together would have.

What is said of each set by itself (does it break a rule, is it new, how hard is it; `context.per_set`) is computed
shard by shard, on Ray if that is asked for; what remains of a set is a few numbers. Nearly all other metrics look at
samples anyway, which are then drawn from the same sets in the same order: those that compare with training sets at as
many as there are of these. Item coverage alone reads all sets at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from setgen.cluster import each
from setgen.metrics.context import Context, per_set_functions
from setgen.metrics.metric import Unavailable, metrics_of
from setgen.sets.dataset import load_dataset
from setgen.sets.identity import element_prints
from setgen.sets.sets import Sets
from setgen.sets.shards import Shards

Watch = Callable[[Iterator[int]], Iterable[int]]


@dataclass(eq=False)
class Sharded:
    """Stands in a context for all sets of the shards: its rows are drawn in the order of `identity.canonical`.

    order: (C,) number of the set that stands there. numbers: name of a `per_set` function → its numbers in the order
    of the shards, or why there are none.
    """

    shards: Shards
    order: np.ndarray
    numbers: dict[str, dict[str, np.ndarray] | str]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, rows: np.ndarray) -> Sets:
        return self.shards.pick(self.order[rows]).ordered()

    def found(self, name: str) -> dict[str, np.ndarray]:
        """What the `per_set` function of that name says of all sets. Raises Unavailable."""
        numbers = self.numbers[name]
        if isinstance(numbers, str):
            raise Unavailable(numbers)
        return {what: of_each[self.order] for what, of_each in numbers.items()}


@dataclass
class Looker:
    """What looks at shards, in any process. data: the dataset's folder."""

    shards: Shards
    data: Path
    seed: int

    @cached_property
    def reference(self) -> Context:
        return Context.of_dataset(load_dataset(self.data), self.seed)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "reference"}

    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        sets = self.shards.read(int(job["shard"])).ordered()
        c = self.reference.on(sets)
        metrics_of(c.space)  # which imports what computes
        said: dict[str, Any] = {"shard": job["shard"], "prints": element_prints(sets)}
        said |= {f"condition {name}": values for name, values in sets.conditions.items()}
        for name, compute in per_set_functions(c.space).items():
            try:
                said |= {f"{name}\t{what}": values for what, values in compute(c).items()}
            except Unavailable as why:
                said[name] = str(why)
        return said


def look(
    shards: Shards, reference: Context, data: Path, ray: str | None = None, watch: Watch = iter
) -> Sharded:
    """Look at every shard. reference: of the dataset in the folder `data`. ray: see `cluster`. watch: wraps the
    numbers of sets that are done, for instance to show progress."""
    looker = Looker(shards, Path(data).absolute(), reference.seed)
    if ray is None:
        looker.reference = reference
    parts: dict[int, dict[str, Any]] = {}

    def seen() -> Iterator[int]:
        for said in each(looker, [{"shard": shard} for shard in range(len(shards))], ray):
            shard = int(said.pop("shard"))
            parts[shard] = said
            yield len(said["prints"])

    for _ in watch(seen()):
        pass
    first, together = parts[0], {}
    for name, value in first.items():
        together[name] = (
            value if isinstance(value, str) else np.concatenate([parts[i][name] for i in sorted(parts)])
        )
    conditions = [together.pop(f"condition {name}") for name in shards.space.conditions]
    order = np.lexsort((*reversed(conditions), together.pop("prints")))
    numbers: dict[str, Any] = {}
    for key, value in together.items():
        name, tab, what = key.partition("\t")
        if tab:
            numbers.setdefault(name, {})[what] = value
        else:
            numbers[name] = value
    return Sharded(shards, order, numbers)

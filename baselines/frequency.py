"""Frequencies: what counting alone can say about a set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from setgen.errors import InputError
from setgen.generators.base import Generator, Steps, per_item
from setgen.generators.config import GeneratorConfig
from setgen.generators.counts import element_counts
from setgen.generators.unmasking import Unmasking
from setgen.sets.batch import SetBatch
from setgen.sets.padding import codes_of
from setgen.sets.rules import Rules
from setgen.sets.sets import Sets
from setgen.sets.space import Space


@dataclass(frozen=True)
class FrequencyConfig(GeneratorConfig):
    """smoothing: added to every element's count. backoff: sets' worth of trust in the coarser sizes."""

    smoothing: float = 0.5
    backoff: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.smoothing <= 0 or self.backoff <= 0:
            raise InputError("smoothing and backoff must be above 0: what was never seen is still possible")


@dataclass
class Rows:
    """B sets; what is drawn next depends on none of what is known, but for the rules. logits: (B, V·R)."""

    logits: Tensor

    def rows(self, index: Tensor | slice) -> Rows:
        return Rows(self.logits[index])


class Frequency(Generator):
    """Size from counts by condition; elements by frequency, without replacement (Plackett–Luce).

    p(n | c_1 … c_k) ∝ N(c_1 … c_k, n) + κ p(n | c_2 … c_k), and so on down to p(n) ∝ N(n) + κ / sizes;
    p(e | known) ∝ count(e) + smoothing over the elements that are allowed. No network, no gradients.
    """

    name = "hold_frequency"
    Config = FrequencyConfig
    guided = False
    element_counts: Tensor
    size_counts: Tensor

    def __init__(self, space: Space, config: FrequencyConfig) -> None:
        super().__init__(space, config)
        values = [len(known) + 1 for known in space.conditions.values()]
        self.register_buffer("element_counts", torch.zeros(space.n_elements, dtype=torch.float64))
        self.register_buffer("size_counts", torch.zeros(*values, space.widest + 1, dtype=torch.float64))

    def fit_counts(self, sets: Sets) -> None:
        """Count elements and sizes; index 0 of each condition holds the totals over all of its values."""
        self.element_counts.copy_(element_counts(sets, self.space))
        sizes = sets.sizes
        keep = sizes < self.size_counts.shape[-1]
        codes = [codes_of(sets.conditions[n], known)[keep] for n, known in self.space.conditions.items()]
        table = np.zeros(tuple(self.size_counts.shape))
        np.add.at(table, (*codes, sizes[keep]), 1)
        for axis in range(len(codes)):
            np.moveaxis(table, axis, 0)[0] = table.sum(axis)
        self.size_counts.copy_(torch.from_numpy(table))

    def size_logits(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        kappa, codes = self.config.backoff, [conditions[name] for name in self.space.conditions]
        n = torch.arange(self.size_counts.shape[-1], device=self.device)
        p = ((n >= 1) & (n <= self.space.largest)).double().expand(rows, -1) / self.space.largest
        for known in range(len(codes) + 1):  # none of the conditions, the last one, the last two, …
            shown = [c if i >= len(codes) - known else torch.zeros_like(c) for i, c in enumerate(codes)]
            counts = self.size_counts[tuple(shown)] if shown else self.size_counts.expand(rows, -1)
            if known:  # a condition that is not given was counted one step up already
                counts = counts.masked_fill((shown[len(codes) - known] == 0)[:, None], 0.0)
            p = (counts + kappa * p) / (counts.sum(-1, keepdim=True) + kappa)
        return p.log()

    def _logits(self, rows: int) -> Tensor:
        return (self.element_counts + self.config.smoothing).log().expand(rows, -1)

    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> Rows:
        return Rows(self._logits(given.rows_in))

    def step(self, state: Rows) -> Tensor:
        return state.logits

    def append(self, state: Rows, element: Tensor) -> None:
        """Nothing is learned from it."""

    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        row, column = (batch.present & ~given).nonzero(as_tuple=True)
        yield Steps(row, column, self._logits(len(row)))

    def loss(self, batch: SetBatch) -> Tensor:
        """Minus the bound in nats per item, of one random order as in the networks' losses."""
        batch, rules = batch.shuffled(), Rules.of(self.space, bounded=False, device=batch.device)
        nothing, order = torch.zeros_like(batch.present), torch.zeros_like(batch.size)
        chain = self._chain(batch, nothing, order, rules, self.steps(batch, nothing, order, None))
        log_p = chain + self._log_size(batch, order, rules, 1) + torch.lgamma(batch.size.double() + 1)
        return -per_item(log_p, batch.size)

"""Denoiser: what set generators share that learn to fill in the masked items of a set.

A set of n items is n slots. Noise masks a random subset of them; a set transformer sees the k items that
are left and the number n − k of masked ones, and gives one logit an element. Slots have no positions, so
neither network nor loss can see an order. What the logits mean is up to the generator: see MaskedSet and
HoldCanvas.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from setgen.errors import InputError
from setgen.generators.base import Generator, Steps, per_item
from setgen.generators.config import NetworkConfig
from setgen.generators.counts import log_frequencies
from setgen.generators.sizes import SizeModel
from setgen.generators.unmasking import Unmasking
from setgen.models.embedding import ConditionEmbedding, ElementEmbedding, partly_hidden
from setgen.models.fields import fields_of
from setgen.models.transformer import SetTransformer
from setgen.sets.batch import SetBatch
from setgen.sets.rules import Partial, Rules
from setgen.sets.sets import Sets
from setgen.sets.space import Space

_ROWS_PER_CALL = 2048


@dataclass(frozen=True)
class DenoiserConfig(NetworkConfig):
    """The set transformer's (dropout: in its residuals and on its input), and copies: how many subsets of
    each set one training pass looks at (stratified over their sizes). waves: of the fields that known items
    emit (see `models.fields`); 0: they emit none."""

    copies: int = 4
    waves: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.copies < 1:
            raise InputError(f"copies is {self.copies}: each set needs at least one subset")
        if self.waves < 0:
            raise InputError(f"waves is {self.waves}: give at least 0")


@dataclass
class Masked:
    """Sets with masked items. known: the others. size: (B,) items in all. table: (V·R, width) elements."""

    known: SetBatch
    size: Tensor
    table: Tensor

    def rows(self, index: Tensor | slice) -> Masked:
        return Masked(self.known.rows(index), self.size[index], self.table)

    def reread(self, known: SetBatch, size: Tensor) -> Masked:
        """Other sets of the same model."""
        return Masked(known, size, self.table)


class Denoiser(Generator):
    """Exact when it draws one item a call; `Unmasking` says how else."""

    Config = DenoiserConfig
    blocks = True
    log_frequency: Tensor

    def __init__(self, space: Space, config: DenoiserConfig) -> None:
        super().__init__(space, config)
        width = config.width
        self.sizes = SizeModel(space)
        self.elements = ElementEmbedding(space, width, config.length)
        self.asked = ConditionEmbedding(space, width)
        self.of_remaining = nn.Embedding(space.widest + 1, width)
        self.encoder = SetTransformer(width, config.depth, config.heads, config.dropout)
        self.pointer = nn.Linear(width, width, bias=False)
        self.fields = fields_of(space, width, config.waves, length=config.length)
        self.register_buffer("log_frequency", torch.zeros(space.n_elements))

    @abstractmethod
    def remainder_loss(self, logits: Tensor, possible: Tensor, batch: SetBatch, masked: Tensor) -> Tensor:
        """(B,) nats per masked slot. possible: (B, V·R) bool, elements that are free. masked: (B, L) bool."""

    def fit_counts(self, sets: Sets) -> None:
        """Count sizes, and how often each element occurs: where the logits start from."""
        self.sizes.fit_counts(sets)
        self.log_frequency.copy_(log_frequencies(sets, self.space))

    def size_logits(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        return self.sizes(conditions, rows)

    def element_logits(self, known: SetBatch, remaining: Tensor, table: Tensor) -> Tensor:
        """(B, V·R) logits. known: the items that are not masked. remaining: (B,) how many are masked."""
        state = self.asked(known.conditions, known.rows_in) + self.of_remaining(remaining)
        seen = partly_hidden(table, self.config.hidden if self.training else 0.0)
        code, read = self.encoder(state, known.element, seen, known.present)
        logits = torch.addmm(self.log_frequency, self.pointer(code), table.T, alpha=table.shape[1] ** -0.5)
        if self.fields is None:
            return logits
        emitted = self.fields(read, known.item).squeeze(2) * known.present[..., None, None]
        return logits + self.fields.logits(emitted.sum(1))

    # --- start and step: every call reads the known items anew, so nothing is kept but them ------------------

    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> Masked:
        return Masked(given, size, self.elements())

    def step(self, state: Masked) -> Tensor:
        return self.element_logits(state.known, state.size - state.known.size, state.table)

    def append(self, state: Masked, element: Tensor) -> None:
        known = state.known
        most = known.width if torch.compiler.is_exporting() else int(known.size.max())
        wider = known.columns(most + 1)
        here = torch.arange(wider.width, device=element.device) == wider.size[:, None]
        labels = wider.labels
        state.known = replace(
            wider,
            item=torch.where(here, (element // labels)[:, None], wider.item),
            label=torch.where(here, (element % labels)[:, None], wider.label),
            present=wider.present | here,
        )

    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        """One row for each prefix; given items stand first."""
        size, n_given = batch.size, given.sum(1)
        no_times = torch.zeros(1, device=size.device).expand(len(size), self.space.widest)
        plan = (unmasking or Unmasking()).plan(n_given, size, no_times)
        begun = n_given[:, None] + plan.cumsum(1) - plan  # known when each call is made
        row, column = (batch.present & ~given).nonzero(as_tuple=True)
        table = self.elements()
        for first in range(0, len(row), _ROWS_PER_CALL):
            here, i = (x[first : first + _ROWS_PER_CALL] for x in (row, column))
            seen = ((begun[here] <= i[:, None]) * begun[here]).amax(1)  # what its call knew
            known = batch.rows(here).leading(seen).columns(int(seen.max()))
            yield Steps(here, i, self.element_logits(known, size[here] - seen, table))

    def loss(self, batch: SetBatch) -> Tensor:
        """Nats per item; one stratified draw of `copies` subsets."""
        if self.training:
            batch = batch.partly_asked(self.config.condition_dropout)
        copies = self.config.copies if self.training else max(4, self.config.copies)
        size, device = batch.size, batch.device
        # Copy m of a set keeps k items with k/n in [m, m+1)/copies, so the copies cover every noise level.
        level = (torch.rand(len(batch), 1, device=device) + torch.arange(copies, device=device)) / copies
        # In float32 a level just below 1 may round to 1, about once in 10⁷ sets: one slot stays masked.
        n_known = (level * size[:, None]).long().clamp(max=size[:, None] - 1).flatten()
        many = batch.repeated(copies).shuffled()
        seen = many.leading(n_known)
        masked = many.present & ~seen.present
        seen = seen.columns(int(n_known.max()))
        logits = self.element_logits(seen, many.size - n_known, self.elements())
        rules = Rules.of(self.space, bounded=False, device=device)
        state = Partial.of(self.space, seen)
        left = many.size - n_known
        per_slot = self.remainder_loss(logits, rules.allowed(state, left, left).flatten(1), many, masked)
        log_size = self._log_size(batch, torch.zeros_like(size), rules, 1)
        per_set = per_slot.view(len(batch), copies).mean(1) * size - self.log_set_factor(size, log_size)
        return per_item(per_set, size)

    def log_set_factor(self, size: Tensor, log_size: Tensor) -> Tensor:
        """(B,) nats that the loss counts beside the slots'."""
        return log_size

"""SweepSet: items are revealed as a line sweeps over the space, with an exact likelihood of sets.

A set S of n items, of which G are given, is completed in the order in which a line that moves over the
space in direction d meets the other items. That order is a function of the set, so each set has one, and

    p(S | G, c) = p(n | G, c) · 1/D Σ_d Π_i p(e_i | G, e_1 … e_(i−1), n, d, c)

needs no factor n! and is no bound: it is exact, for completions of any G too. Elements behind the line, or so
far ahead that too few items would be left, have probability 0.

The network is a prefix-LM without positions: given items attend to each other; what the line has met attends to
them and to what it met earlier. So one pass gives a code for every prefix of a sweep, and in sampling one
more item costs one token, for keys and values are cached. Each training pass draws another G.

Where items have coordinates, each that is known also emits fields (see `models.fields`): one that stays for the rest
of the sweep, one for the next item alone, and one for the question below.

The same pass trains the answer to "which items go with these?", G alone being known: the set-aware target,
uniform over all items still to come (Uria, Murray & Larochelle 2014). That is `next_log_probs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, pad

from setgen.errors import InputError
from setgen.generators.base import Generator, Steps
from setgen.generators.config import NetworkConfig
from setgen.generators.counts import log_frequencies
from setgen.generators.sizes import SizeModel
from setgen.generators.sweeps import sweep_ranks
from setgen.generators.unmasking import Unmasking
from setgen.models.embedding import ConditionEmbedding, ElementEmbedding, partly_hidden
from setgen.models.fields import fields_of
from setgen.models.transformer import KVCache, Packing, Transformer
from setgen.sets.batch import SetBatch
from setgen.sets.rules import Partial, Rules
from setgen.sets.sets import Sets
from setgen.sets.space import Space

LINE, ANY, GIVEN, MET = range(4)
"""Kinds of tokens: two in front of the items, the line's and that of "any item of the set"; two of items."""

_HEADS = LINE, ANY

STAYS, NEXT, OF_ANY = range(3)
"""Kinds of fields that an item emits."""


@dataclass(frozen=True)
class SweepSetConfig(NetworkConfig):
    """The network's, and directions: D, of which the first is upwards. given: share of the training sets
    of which some items are given. waves: of the fields that items emit; 0: they emit none."""

    directions: int = 1
    given: float = 0.4
    waves: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directions < 1:
            raise InputError(f"directions is {self.directions}: a sweep needs at least one")
        if not 0 <= self.given <= 1:
            raise InputError(f"given is {self.given}: it is a share of sets, from 0 to 1")
        if self.waves < 0:
            raise InputError(f"waves is {self.waves}: give at least 0")


@dataclass
class Sweep:
    """B sweeps under way. code: (B, width) of the token read last. left: (B,) items still to come. about:
    (B, width) what every new token carries besides its item. column: where the next token goes in the cache.
    stays: (B, R, 2F) the fields that stay, summed; field: with that for the next item; None without fields."""

    code: Tensor
    left: Tensor
    about: Tensor
    cache: KVCache
    column: int
    table: Tensor
    stays: Tensor | None = None
    field: Tensor | None = None

    def rows(self, index: Tensor | slice) -> Sweep:
        return replace(
            self,
            code=self.code[index],
            left=self.left[index],
            about=self.about[index],
            cache=self.cache.rows(index),
            stays=None if self.stays is None else self.stays[index],
            field=None if self.field is None else self.field[index],
        )


class SweepSet(Generator):
    """The generator that sweeps. A set takes one network call an item, of one new token each."""

    name = "sweep_set"
    Config = SweepSetConfig
    ranks: Tensor

    def __init__(self, space: Space, config: SweepSetConfig) -> None:
        super().__init__(space, config)
        width = config.width
        self.sizes = SizeModel(space)
        self.elements = ElementEmbedding(space, width, config.length)
        self.asked = ConditionEmbedding(space, width, std=0.3)
        self.of_left = nn.Embedding(space.widest + 1, width)
        self.of_direction = nn.Embedding(config.directions, width)
        self.of_kind = nn.Embedding(4, width)
        for table in (self.of_left, self.of_direction, self.of_kind):
            nn.init.normal_(table.weight, std=0.3)
        self.network = Transformer(width, config.depth, config.heads, config.dropout)
        self.pointer = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(space.n_elements))
        self.fields = fields_of(space, width, config.waves, 3, config.length)
        self.ranks = sweep_ranks(space, config.directions)

    def fit_counts(self, sets: Sets) -> None:
        """Count sizes; the bias of each element starts at its log-frequency and is learned from there."""
        self.sizes.fit_counts(sets)
        with torch.no_grad():
            self.bias.copy_(log_frequencies(sets, self.space))

    def size_logits(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        return self.sizes(conditions, rows)

    def loss(self, batch: SetBatch) -> Tensor:
        """Nats per item of sweep and size, and of "any item" (see the module), each a mean over sets."""
        size, rows, device = batch.size, len(batch), batch.device
        if self.training:
            batch = batch.partly_asked(self.config.condition_dropout)
        some = torch.rand(rows, device=device) < self.config.given
        n_given = (torch.rand(rows, device=device) * size).long().clamp(max=size - 1) * some
        order = torch.randint(self.config.directions, (rows,), device=device)
        batch, given = self._ranked(batch.shuffled(), n_given, order)
        rules = Rules.of(self.space, bounded=False, device=device)
        table = self.elements()
        seen = partly_hidden(table, self.config.hidden if self.training else 0.0)
        codes = self._codes(batch, given, order, seen)
        sweep = self._chain(batch, given, order, rules, [self._line_steps(batch, given, codes, table)])
        log_size = self._log_size(batch, torch.zeros_like(size), rules, 1)
        # Any item: uniform over the elements that are not given, each as likely to be named next.
        left = size - n_given
        allowed = rules.allowed(Partial.of(self.space, batch.only(given)), left, left).flatten(1)
        any_logits = self._any_logits(codes, batch, given, table)
        log_p = any_logits.masked_fill(~allowed, -torch.inf).log_softmax(1)
        named = log_p.gather(1, batch.element).masked_fill(given | ~batch.present, 0.0).sum(1)
        return -((sweep + log_size) / size + named / left).mean()

    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        """One pass of the network for all of them."""
        table = self.elements()
        yield self._line_steps(batch, given, self._codes(batch, given, order, table), table)

    def _line_steps(self, batch: SetBatch, given: Tensor, codes: Tensor, table: Tensor) -> Steps:
        row, column = (batch.present & ~given).nonzero(as_tuple=True)
        # The first new item is decided by the line's own code, each later one by that of the item before it.
        first = column == given.sum(1)[row]
        place = torch.where(first, LINE, column + len(_HEADS) - 1)
        field = None
        if self.fields is not None:
            emitted = self._emitted(codes, batch, batch.present)
            before = pad(emitted[:, :, STAYS].flatten(2).cumsum(1), (0, 0, 1, 0))  # of columns before each
            latest = emitted[row, (column - 1).clamp(min=0), NEXT] * ~first[:, None, None]
            field = before[row, column].unflatten(1, latest.shape[1:]) + latest
        return Steps(row, column, self._logits(codes[row, place], table, field))

    def _any_logits(self, codes: Tensor, batch: SetBatch, given: Tensor, table: Tensor) -> Tensor:
        """(B, V·R) logits of any item of the set, what is given being known."""
        field = None
        if self.fields is not None:
            field = self._emitted(codes, batch, given)[:, :, OF_ANY].sum(1)
        return self._logits(codes[:, ANY], table, field)

    def next_scores(
        self, prompts: SetBatch, size: Tensor, state: Partial, left: Tensor, allowed: Tensor
    ) -> Tensor:
        """Any item of the set, wherever the line would meet it."""
        table = self.elements()
        codes = self._codes(prompts, prompts.present, torch.zeros_like(size), table, size)
        return self.log_probs(self._any_logits(codes, prompts, prompts.present, table), state, left, allowed)

    # --- start and step ---------------------------------------------------------------------------------------

    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> Sweep:
        table, left = self.elements(), size - given.size
        tokens, present, mask = self._tokens(given, given.present, order, table, size, (LINE,))
        packing = None if torch.compiler.is_exporting() else Packing.of(present)
        room = max(0, int(left.max()) - 1) if packing else 0
        codes, cache = self.network.prefill(
            tokens if packing is None else packing.pack(tokens), packing, mask, present, room
        )
        codes = codes if packing is None else packing.pad(codes)
        about = self._about(given, torch.full_like(size, MET), order)
        field = None
        if self.fields is not None:
            field = self._emitted(codes, given, given.present, heads=1)[:, :, STAYS].sum(1)
        return Sweep(codes[:, 0], left, about, cache, present.shape[1], table, field, field)

    def step(self, state: Sweep) -> Tensor:
        return self._logits(state.code, state.table, state.field)

    def append(self, state: Sweep, element: Tensor) -> None:
        state.left = state.left - 1
        token = state.table[element] + self.of_left(state.left) + state.about
        state.code = self.network.decode(token, state.cache, state.column)
        state.column += 1
        if self.fields is not None:
            emitted = self.fields(state.code, element // self.space.n_labels)
            state.stays = state.stays + emitted[:, STAYS]
            state.field = state.stays + emitted[:, NEXT]

    # --- the network -------------------------------------------------------------------------------------------

    def _about(self, batch: SetBatch, kind: Tensor, order: Tensor) -> Tensor:
        """(B, …, width): what the set is for, and what the token is.

        Given items, and the question for any item, know no direction.
        """
        shape = (*kind.shape[:1], *(1 for _ in kind.shape[1:]), -1)
        condition = self.asked(batch.conditions, batch.rows_in).view(shape)
        moves = ((kind == LINE) | (kind == MET))[..., None]
        return condition + self.of_kind(kind) + self.of_direction(order).view(shape) * moves

    def _tokens(
        self,
        batch: SetBatch,
        given: Tensor,
        order: Tensor,
        table: Tensor,
        size: Tensor,
        heads: tuple[int, ...] = _HEADS,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, L, width) tokens, the heads in front of the items; (B, L) which there are; (B, 1, L, L) who sees
        whom: everybody the given items, and the line and the items it has met those met before."""
        n, n_given = len(heads), given.sum(1, keepdim=True)
        head = torch.tensor(heads, device=given.device).expand(batch.rows_in, n)
        kind = torch.cat([head, torch.where(given, GIVEN, MET)], 1)
        # How many are still to come once a token is known: all at a head, none that is given counted.
        place = torch.arange(batch.width, device=given.device)
        known = torch.where(given, n_given, place + 1)
        left = (size[:, None] - torch.cat([n_given.expand(-1, n), known], 1)).clamp(min=0)
        element = pad(embedding(batch.element, table), (0, 0, n, 0))
        tokens = element + self.of_left(left) + self._about(batch, kind, order)
        present = pad(batch.present, (n, 0), value=True)

        sweeping = ((kind == LINE) | (kind == MET)) & present
        behind = torch.ones(kind.shape[1], kind.shape[1], dtype=torch.bool, device=kind.device).tril()
        seen = sweeping[:, :, None] & sweeping[:, None, :] & behind
        seen = seen | ((kind == GIVEN) & present)[:, None, :] | behind.diag().diag()
        return tokens, present, seen[:, None]

    def _codes(
        self, batch: SetBatch, given: Tensor, order: Tensor, table: Tensor, size: Tensor | None = None
    ) -> Tensor:
        """(B, 2 + L, width): what the network makes of each token; size: None for the batch's own."""
        tokens, present, mask = self._tokens(batch, given, order, table, batch.size if size is None else size)
        if torch.compiler.is_exporting():
            return self.network(tokens, None, mask)
        packing = Packing.of(present)
        return packing.pad(self.network(packing.pack(tokens), packing, mask))

    def _emitted(self, codes: Tensor, batch: SetBatch, known: Tensor, heads: int = len(_HEADS)) -> Tensor:
        """(B, L, kinds, R, 2F): the fields of the items that are `known` (B, L), 0 of the others."""
        assert self.fields is not None
        return self.fields(codes[:, heads:], batch.item) * known[..., None, None, None]

    def _logits(self, code: Tensor, table: Tensor, field: Tensor | None = None) -> Tensor:
        """(T, V·R) unnormalised log-probabilities of the next element. field: (T, R, 2F)."""
        logits = torch.addmm(self.bias, self.pointer(code), table.T, alpha=table.shape[1] ** -0.5)
        return logits if field is None or self.fields is None else logits + self.fields.logits(field)

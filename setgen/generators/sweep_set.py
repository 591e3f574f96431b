"""SweepSet: items are revealed as a line sweeps over the space, with an exact likelihood of sets.

A line that moves over the space in direction d meets the n items of a set S in an order e_1 … e_n that is a
function of the set. So each set has one, and

    p(S | G, c) = p(n | G, c) · 1/D Σ_d Π_i p(e_i | e_1 … e_(i−1), items of G ahead of the line, n, d, c)

needs no factor n! and is no bound: it is exact, for completions of any given items G too. Elements behind the line,
beyond the next given item, or so far ahead that too few items would be left, have probability 0: to meet the next
given item is to say that nothing new lies before it.

So every step answers one question, "what does the line meet next?", knowing all that is behind it and perhaps some
of what is ahead; of a whole set nothing is. Each training pass gives other items of a share of the sets, and every
step of those teaches too what whole sets need: so learning to complete costs them little.

The network is a prefix-LM without positions, of two chains: what the line has met attends to what it met before,
and to the given items ahead of it; those attend to the given items beyond them. So one pass gives a code for every
place of a sweep, and in sampling one more item costs one token, for keys and values are cached; a given item that
the line has met is seen as one met, and no more as one ahead.

Where items have coordinates, each that is known also emits fields (see `models.fields`): one that stays for the rest
of the sweep and one for the next item alone, or, of an item ahead, one until the line meets it.

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
from setgen.generators.base import Generator, Steps, first_of, given_from, per_item
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

LINE, ANY, MET, AHEAD = range(4)
"""Kinds of tokens: the line's, in front of the items it has met; that of "any item of the set"; items that the line
has met; given items ahead of it."""

STAYS, NEXT = range(2)
"""Kinds of fields that an item emits which the line has met; one ahead of it emits fields of one kind."""

_HEADS = LINE, ANY

_ANY_WEIGHT = 0.25
"""Of the question for any item in the loss: at 1, whole sets took 0.03 bits per item more."""


@dataclass(frozen=True)
class SweepSetConfig(NetworkConfig):
    """The network's, and directions: D, of which the first is upwards. given: share of the training sets
    of which some items are given. waves: of the fields that items emit; 0: they emit none."""

    directions: int = 1
    given: float = 0.25
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
    """B sweeps under way. code: (B, width) of the token read last. left: (B,) items that the line has still to meet.
    order: (B,) the direction. about: (B, width) what every new token carries besides its item. column: where the next
    token goes in the cache, which begins with the given items. ahead: (B, A) the rank of each of them that is ahead
    of the line, else −1; given: (B, A) their elements, in the line's order. stays: (B, R, 2F) the fields that stay,
    summed; coming: (B, A, R, 2F) those of given items; field: of all that are known, for the next item; None
    without fields."""

    code: Tensor
    left: Tensor
    order: Tensor
    about: Tensor
    cache: KVCache
    column: int
    table: Tensor
    ahead: Tensor
    given: Tensor
    stays: Tensor | None = None
    coming: Tensor | None = None
    field: Tensor | None = None

    def rows(self, index: Tensor | slice) -> Sweep:
        return replace(
            self,
            code=self.code[index],
            left=self.left[index],
            order=self.order[index],
            about=self.about[index],
            cache=self.cache.rows(index),
            ahead=self.ahead[index],
            given=self.given[index],
            stays=None if self.stays is None else self.stays[index],
            coming=None if self.coming is None else self.coming[index],
            field=None if self.field is None else self.field[index],
        )


class SweepSet(Generator):
    """The generator that sweeps. A set takes one network call an item, of one new token each."""

    name = "sweep_set"
    Config = SweepSetConfig
    since = 4
    in_place = True
    ranks: Tensor

    def __init__(self, space: Space, config: SweepSetConfig) -> None:
        super().__init__(space, config)
        width = config.width
        self.sizes = SizeModel(space)
        self.elements = ElementEmbedding(space, width, config.length)
        self.asked = ConditionEmbedding(space, width, std=0.3)
        self.of_left = nn.Embedding(space.widest + 1, width)
        self.of_ahead = nn.Embedding(space.widest + 1, width)
        self.of_direction = nn.Embedding(config.directions, width)
        self.of_kind = nn.Embedding(4, width)
        for table in (self.of_left, self.of_ahead, self.of_direction, self.of_kind):
            nn.init.normal_(table.weight, std=0.3)
        self.network = Transformer(width, config.depth, config.heads, config.dropout)
        self.pointer = nn.Linear(width, width, bias=False)
        self.nothing_new = nn.Linear(width, 1)
        self.bias = nn.Parameter(torch.zeros(space.n_elements))
        self.fields = fields_of(space, width, config.waves, 2, config.length)
        self.fields_ahead = fields_of(space, width, config.waves, 1, config.length)
        self.ranks = sweep_ranks(space, config.directions)

    def fit_counts(self, sets: Sets) -> None:
        """Count sizes; the bias of each element starts at its log-frequency and is learned from there."""
        self.sizes.fit_counts(sets)
        with torch.no_grad():
            self.bias.copy_(log_frequencies(sets, self.space))

    def size_logits(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        return self.sizes(conditions, rows)

    def loss(self, batch: SetBatch) -> Tensor:
        """Nats per item of sweep and size, and of "any item" (see the module)."""
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
        codes = self._codes(batch, given, order, seen, size)
        sweep = self._chain(batch, given, order, rules, [self._line_steps(batch, given, codes, table)])
        log_size = self._log_size(batch, torch.zeros_like(size), rules, 1)
        # Any item: uniform over the elements that are not given, each as likely to be named next.
        left = size - n_given
        allowed = rules.allowed(Partial.of(self.space, batch.only(given)), left, left).flatten(1)
        any_logits = self._any_logits(codes, batch, given, table)
        log_p = any_logits.masked_fill(~allowed, -torch.inf).log_softmax(1)
        named = log_p.gather(1, batch.element).masked_fill(given | ~batch.present, 0.0).sum(1)
        return -per_item(sweep + log_size + _ANY_WEIGHT * named / left * size, size)

    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        """One pass of the network for all of them."""
        table = self.elements()
        codes = self._codes(batch, given, order, table, batch.size)
        yield self._line_steps(batch, given, codes, table)

    def _line_steps(self, batch: SetBatch, given: Tensor, codes: Tensor, table: Tensor) -> Steps:
        # Behind the last new item only given ones follow, which is no decision.
        new = batch.present & ~given
        row, column = (new.flip(1).cumsum(1).flip(1) > 0).nonzero(as_tuple=True)
        # The first item is decided by the line's own code, each later one by that of the item before it.
        place = batch.width + torch.where(column == 0, LINE, column + len(_HEADS) - 1)
        field = None
        if self.fields is not None:
            ahead, met = codes[:, : batch.width], codes[:, -batch.width :]
            stays, latest = (self.fields(met, batch.item) * batch.present[..., None, None, None]).unbind(2)
            behind = pad(stays.flatten(2).cumsum(1), (0, 0, 1, 0))  # of the columns before each
            coming = self._emitted_ahead(ahead, batch, given).flatten(2)
            coming = coming.flip(1).cumsum(1).flip(1)  # of the columns from each on
            latest = latest[row, (column - 1).clamp(min=0)] * (column > 0)[:, None, None]
            field = (behind[row, column] + coming[row, column]).unflatten(1, latest.shape[1:]) + latest
        code = codes[row, place]
        waits = given_from(batch, given, row, column)
        return Steps(row, column, self._or_given(self._logits(code, table, field), code, waits))

    def _or_given(self, logits: Tensor, code: Tensor, waits: Tensor) -> Tensor:
        """The logits with that of the next given element, `waits` (S,), −1 for none, raised by what the code says of
        there being nothing new before it: to find the element by its vector is not asked of the network."""
        more = self.nothing_new(code) * (waits >= 0)[:, None]
        return logits.scatter_add(1, waits.clamp(min=0)[:, None], more)

    def _any_logits(self, codes: Tensor, batch: SetBatch, given: Tensor, table: Tensor) -> Tensor:
        """(B, V·R) logits of any item of the set, what is given being known."""
        field = None
        if self.fields is not None:
            field = self._emitted_ahead(codes[:, : batch.width], batch, given).sum(1)
        return self._logits(codes[:, batch.width + ANY], table, field)

    def next_scores(
        self, prompts: SetBatch, size: Tensor, state: Partial, left: Tensor, allowed: Tensor
    ) -> Tensor:
        """Any item of the set, wherever the line would meet it."""
        table, order = self.elements(), torch.zeros_like(size)
        given, held = self._ranked(prompts, prompts.size, order)
        codes = self._codes(given, held, order, table, size, met=False)
        return self.log_probs(self._any_logits(codes, given, held, table), state, left, allowed)

    # --- start and step ---------------------------------------------------------------------------------------

    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> Sweep:
        given, held = self._ranked(given, given.size, order)
        table = self.elements()
        tokens, present, mask = self._tokens(given, held, order, table, size, (LINE,), met=False)
        packing = None if torch.compiler.is_exporting() else Packing.of(present)
        room = int(size.max()) - 1 if packing else 0
        codes, cache = self.network.prefill(
            tokens if packing is None else packing.pack(tokens), packing, mask, present, room
        )
        codes = codes if packing is None else packing.pad(codes)
        about = self._about(given, torch.full_like(size, MET), order)
        rank = self.ranks[order].gather(1, given.item).masked_fill(~held, -1)
        state = Sweep(codes[:, -1], size, order, about, cache, present.shape[1], table, rank, given.element)
        if self.fields is not None:
            state.coming = self._emitted_ahead(codes[:, :-1], given, held)
            state.field = state.coming.sum(1)
            state.stays = torch.zeros_like(state.field)
        return state

    def step(self, state: Sweep) -> Tensor:
        logits = self._logits(state.code, state.table, state.field)
        return self._or_given(logits, state.code, first_of(state.given, state.ahead >= 0))

    def append(self, state: Sweep, element: Tensor) -> None:
        item = element // self.space.n_labels
        still = state.ahead > self.ranks[state.order, item][:, None]
        state.ahead = state.ahead.masked_fill(~still, -1)
        cache = state.cache  # what the line has met is no more looked at as ahead of it
        columns = torch.arange(still.shape[1], device=still.device).expand(still.shape[0], -1)
        cache.present = cache.present.scatter(1, columns, cache.present.gather(1, columns) & still)
        state.left = state.left - 1
        token = state.table[element] + self.of_left(state.left) + self.of_ahead(still.sum(1)) + state.about
        state.code = self.network.decode(token, cache, state.column)
        state.column += 1
        if self.fields is not None:
            assert state.coming is not None
            emitted = self.fields(state.code, item)
            state.stays = state.stays + emitted[:, STAYS]
            coming = (state.coming * still[:, :, None, None]).sum(1)
            state.field = state.stays + coming + emitted[:, NEXT]

    # --- the network -------------------------------------------------------------------------------------------

    def _about(self, batch: SetBatch, kind: Tensor, order: Tensor) -> Tensor:
        """(B, …, width): what the set is for, what the token is, and where the line moves."""
        shape = (*kind.shape[:1], *(1 for _ in kind.shape[1:]), -1)
        told = self.asked(batch.conditions, batch.rows_in) + self.of_direction(order)
        return told.view(shape) + self.of_kind(kind)

    def _tokens(
        self,
        batch: SetBatch,
        given: Tensor,
        order: Tensor,
        table: Tensor,
        size: Tensor,
        heads: tuple[int, ...] = _HEADS,
        met: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, width) tokens: given items ahead of the line, the heads, and with `met` all items, as the line meets
        them; each time in its order. (B, T) which of them there are. (B, 1, T, T) who sees whom."""
        column = torch.arange(batch.width, device=given.device)
        head = torch.tensor(heads, device=given.device)
        again = [column] * met
        kind = torch.cat([torch.full_like(column, AHEAD), head, *(torch.full_like(c, MET) for c in again)])
        place = torch.cat([column, torch.full_like(head, -1), *again])
        present = torch.cat([pad(given, (0, len(heads)), value=True), *[batch.present] * met], 1)

        # How many the line has still to meet behind each token (too many where a prompt is full, whose answer
        # nobody reads), and how many of them are given.
        left = (size[:, None] - (place + 1) * (kind == MET)).clamp(0, self.space.widest)
        ahead = (given[:, None] & (column > place[:, None])).sum(2)
        element = embedding(batch.element, table)
        element = torch.cat([pad(element, (0, 0, 0, len(heads))), *[element] * met], 1)
        about = self._about(batch, kind.expand(batch.rows_in, -1), order)
        tokens = element + self.of_left(left) + self.of_ahead(ahead) + about

        swept = (kind == LINE) | (kind == MET)
        behind = swept[:, None] & swept & (place <= place[:, None])
        coming = (kind == AHEAD) & (place > place[:, None])
        itself = torch.eye(kind.shape[0], dtype=torch.bool, device=given.device)
        seen = (behind | coming) & present[:, None, :] | itself
        return tokens, present, seen[:, None]

    def _codes(
        self, batch: SetBatch, given: Tensor, order: Tensor, table: Tensor, size: Tensor, met: bool = True
    ) -> Tensor:
        """(B, L, width): what the network makes of each token."""
        tokens, present, mask = self._tokens(batch, given, order, table, size, met=met)
        if torch.compiler.is_exporting():
            return self.network(tokens, None, mask)
        packing = Packing.of(present)
        return packing.pad(self.network(packing.pack(tokens), packing, mask))

    def _emitted_ahead(self, codes: Tensor, batch: SetBatch, given: Tensor) -> Tensor:
        """(B, L, R, 2F): the fields that given items emit while they are ahead, 0 of the others."""
        assert self.fields_ahead is not None
        return self.fields_ahead(codes, batch.item).squeeze(2) * given[..., None, None]

    def _logits(self, code: Tensor, table: Tensor, field: Tensor | None = None) -> Tensor:
        """(T, V·R) unnormalised log-probabilities of the next element. field: (T, R, 2F)."""
        logits = torch.addmm(self.bias, self.pointer(code), table.T, alpha=table.shape[1] ** -0.5)
        return logits if field is None or self.fields is None else logits + self.fields.logits(field)

"""GPTs: a set as a sentence, `conditions item label item label … end`, read by a causal transformer.

    p(S | c) = Σ_σ p(σ(S), end | c)

over the n! orders σ, of which `log_likelihood` gives single terms plus log n!; or one order, by number or as a line
sweeps over the space, in which each set has one sentence and the likelihood is exact. Items are reshuffled on every
pass, and every item still to come is a right answer (set-aware smoothing): the order still matters to the network,
which is what set models are compared with.

Every feature of the set models is to be had here: `tokens=joint` (an item and its label are one token),
`embedding=space` (vectors that know coordinates and groups), `frequency_bias`, `waves` (fields). `crop`,
`smoothing=last` and `loss=bce` are kilter-gpt's own form (see `gpt_loss`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.vocabulary import PAD, Vocabulary
from setgen.errors import InputError
from setgen.generators.base import Generator, Steps, evaluating, per_item
from setgen.generators.config import NetworkConfig
from setgen.generators.counts import log_frequencies
from setgen.generators.sweeps import sweep_ranks
from setgen.generators.unmasking import Unmasking
from setgen.models.embedding import ElementEmbedding, partly_hidden
from setgen.models.fields import fields_of
from setgen.models.transformer import KVCache, Packing, Transformer
from setgen.sets.batch import SetBatch
from setgen.sets.rules import Partial, Rules
from setgen.sets.sets import Sets
from setgen.sets.space import Space

_CHOICES = {
    "order": ("shuffled", "sorted", "sweep"),
    "tokens": ("alternating", "joint"),
    "embedding": ("learned", "space"),
    "smoothing": ("all", "last", "none"),
    "loss": ("ce", "bce"),
}


_ROOM = 8  # columns by which a KV cache grows


@dataclass(frozen=True)
class GPTConfig(NetworkConfig):
    """The corrected form by default; kilter-gpt's is smoothing='last', loss='bce', crop=True.

    order: of items in the sentence. directions: D, of a sweep; one is drawn for each sentence, and the likelihood
    of a set is the mean over them, as in `sweep_set`. tokens: an item and its label as two, or one. embedding: a
    table of tokens, or the set models' own. frequency_bias: logits start at the log-frequency of each item (joint:
    element).
    waves: of the fields that items emit (see `models.fields`), with joint tokens; 0: they emit none.
    attention_dropout: dropout of attention weights, which keeps the fused kernel away.
    smoothing: at which positions every item still to come is a right answer, 'all', 'last' (of the
    cropped window) or 'none'. crop: train on texts cut at a random token, padded left to `context`
    tokens, with a window that slides in generation. context: 0 for the space's largest set.
    """

    order: str = "shuffled"
    tokens: str = "alternating"
    embedding: str = "learned"
    frequency_bias: bool = False
    waves: int = 0
    directions: int = 1
    attention_dropout: float = 0.0
    smoothing: str = "all"
    loss: str = "ce"
    crop: bool = False
    context: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name} is {getattr(self, name)!r}: choose {' or '.join(known)}")
        if self.context < 0:
            raise InputError(f"context is {self.context}: give tokens, or 0 for the space's largest set")
        if self.smoothing == "last" and not self.crop:
            raise InputError("smoothing 'last' needs crop=true: uncropped sets end with `end`, not an item")
        if self.context and not self.crop:
            raise InputError("context needs crop=true: without it the context is the space's largest set")
        if not 0 <= self.attention_dropout <= 1:
            raise InputError(f"attention_dropout is {self.attention_dropout}: it is a share, from 0 to 1")
        if self.directions < 1 or (self.directions > 1 and self.order != "sweep"):
            raise InputError(
                f"directions is {self.directions}: give at least 1, and more only with order=sweep"
            )
        if self.waves < 0 or (self.waves and self.tokens != "joint"):
            raise InputError(f"waves is {self.waves}: give at least 0, and more only with tokens=joint")
        plain = (self.order, self.tokens, self.embedding) == ("shuffled", "alternating", "learned")
        if (self.crop or self.loss == "bce") and not plain:
            raise InputError(
                "crop and bce are kilter-gpt's form: with shuffled order, alternating tokens, learned embedding"
            )


class GPT(nn.Module):
    """A decoder-only transformer with learned positions (Radford et al. 2019, GPT-2).

    Logits are products of its codes with the vectors that tokens are read by (tied weights).
    """

    def __init__(self, space: Space, vocabulary: Vocabulary, context: int, config: GPTConfig) -> None:
        super().__init__()
        self.vocabulary, self.context, width = vocabulary, context, config.width
        self.hidden = config.hidden
        of_space = vocabulary.n_things if config.embedding == "space" else 0  # they have vectors of their own
        self.token = nn.Embedding(len(vocabulary) - of_space, width)
        self.position = nn.Embedding(context, width)
        self.direction = nn.Embedding(config.directions, width) if config.directions > 1 else None
        self.transformer = Transformer(
            width, config.depth, config.heads, config.dropout, config.attention_dropout
        )
        self.bias = nn.Parameter(torch.zeros(len(vocabulary)))
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                residual = name.endswith(("attention.out.weight", "feed.2.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.depth) if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        self.elements: ElementEmbedding | None = None
        if config.embedding == "space":
            self.elements, self.pointer = (
                ElementEmbedding(space, width, config.length),
                nn.Linear(width, width, bias=False),
            )

    def table(self) -> Tensor:
        """(vocabulary, width) the vector of every token."""
        if self.elements is None:
            return self.token.weight
        own = self.elements() if self.vocabulary.joint else self.elements.norm(self.elements.items())
        first = self.vocabulary.first_item
        return torch.cat([self.token.weight[:first], own, self.token.weight[first:]])

    def read(self, tokens: Tensor, position: Tensor, table: Tensor) -> Tensor:
        """(…, width) what goes into the transformer.

        Nothing follows the last token of the largest set: what stands behind it is never looked at, but read.
        """
        return F.embedding(tokens, table) + self.position(position.clamp(max=self.context - 1))

    def read_along(self, tokens: Tensor, position: Tensor, table: Tensor, order: Tensor) -> Tensor:
        """(…, width) `read` of sentences in directions `order`, which their first tokens carry."""
        x = self.read(tokens, position, table)
        if self.direction is None:
            return x
        return x + self.direction(order) * (position == 0)[..., None]

    def codes(self, tokens: Tensor, present: Tensor, table: Tensor, order: Tensor) -> Tensor:
        """(B, T, width) code of every token, which sees itself and those before it; padding stands last.
        order: (B,) the direction of each sentence."""
        place = torch.arange(tokens.shape[1], device=tokens.device)
        position = place.expand_as(tokens)
        along = order[:, None].expand_as(tokens)
        if torch.compiler.is_exporting():
            mask = (place[:, None] >= place)[None, None]
            return self.transformer(self.read_along(tokens, position, table, along), None, mask)
        packing = Packing.of(present)
        seen = partly_hidden(table, self.hidden if self.training else 0.0)
        x = self.read_along(tokens[present], position[present], seen, along[present])
        return packing.pad(self.transformer(x, packing, causal=True))

    def logits(self, code: Tensor, table: Tensor) -> Tensor:
        """(…, vocabulary) logits of the token behind each code."""
        if self.elements is not None:
            code = self.pointer(code) * code.shape[-1] ** -0.5
        return F.linear(code, table, self.bias)


@dataclass
class Written:
    """B sentences so far. code: (B, width) of the last token. length: (B,) tokens. cache, column: the KV cache,
    and where the next token goes in it. stays, field: (B, R, 2F), the fields of the items written, summed, and
    with that of the last for the next one alone; None without fields."""

    code: Tensor
    length: Tensor
    cache: KVCache
    column: int
    table: Tensor
    stays: Tensor | None = None
    field: Tensor | None = None

    def rows(self, index: Tensor | slice) -> Written:
        return replace(
            self,
            code=self.code[index],
            length=self.length[index],
            cache=self.cache.rows(index),
            stays=None if self.stays is None else self.stays[index],
            field=None if self.field is None else self.field[index],
        )


@dataclass
class Sliding:
    """B sentences in kilter-gpt's window, which stands at the right end of `context` tokens, padding to its left.

    Each new token moves all others one position on, so their keys and values cannot be cached; those of the
    padding can: it comes first and sees only itself. tokens: (B, T), length: (B,), padding: cache of one row.
    """

    tokens: Tensor
    length: Tensor
    padding: KVCache
    table: Tensor

    def rows(self, index: Tensor | slice) -> Sliding:
        return Sliding(self.tokens[index], self.length[index], self.padding, self.table)


class GPTGenerator(Generator):
    """A GPT behind the interface that all generators share."""

    name = "gpt"
    Config = GPTConfig
    draws_size = False
    repeats_without_rules = True

    def __init__(self, space: Space, config: GPTConfig) -> None:
        super().__init__(space, config)
        self.vocabulary = Vocabulary.of(space, config.tokens == "joint")
        longest = self.vocabulary.prefix + self.vocabulary.per_item * space.widest  # `end` is never read
        self.gpt = GPT(space, self.vocabulary, config.context or longest, config)
        self.fields = fields_of(space, config.width, config.waves, 2, config.length)
        self.item_first = not self.vocabulary.joint
        self.in_place = self.order_free = config.order != "shuffled"
        self.repeats_without_rules = config.order == "shuffled"
        self.loss_per_item = config.loss == "ce"
        if config.crop:
            self.not_exported = "its window slides, and how far is not traced"
        if config.order != "shuffled":
            by_number = torch.arange(len(space))[None]
            self.ranks = by_number if config.order == "sorted" else sweep_ranks(space, config.directions)

    def fit_counts(self, sets: Sets) -> None:
        """The size is where the model writes `end`; with `frequency_bias` its logits start from counts."""
        if self.config.frequency_bias:
            log_p = log_frequencies(sets, self.space)
            if not self.vocabulary.joint:
                log_p = log_p.view(-1, self.space.n_labels).logsumexp(1)
            first = self.vocabulary.first_item
            with torch.no_grad():
                self.gpt.bias[first : first + len(log_p)] = log_p.to(self.gpt.bias)

    def _tokens(self, batch: SetBatch) -> Tensor:
        if not torch.compiler.is_exporting() and int(batch.size.max()) > self.space.widest:
            raise InputError(
                f"a {self.space.set_word} has {int(batch.size.max())} {self.space.item_word}s, more than the "
                f"{self.space.widest} of this {self.space.word}: leave it out"
            )
        return self.vocabulary.encode(batch)

    def _things(self, logits: Tensor) -> Tensor:
        """(…, vocabulary) → (…, V or V·R, and the end last)."""
        first = self.vocabulary.first_item
        things = logits[..., first : first + self.vocabulary.n_things]
        return torch.cat([things, logits[..., 1:2]], -1)

    def _next(self, code: Tensor, field: Tensor | None, table: Tensor) -> Tensor:
        """(S, V or V·R, and the end last) logits of what comes behind tokens. field: (S, R, 2F)."""
        things = self._things(self.gpt.logits(code, table))
        if self.fields is None or field is None:
            return things
        return things + F.pad(self.fields.logits(field), (0, 1))

    def _fields(self, codes: Tensor, tokens: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Of sentences (B, T) with codes (B, T, width): the fields that stay, summed up to and with each token,
        and the same with the token's own for the next item alone: (B, T, R, 2F) each."""
        if self.fields is None:
            return None, None
        element = tokens - self.vocabulary.first_item
        is_item = (element >= 0) & (element < self.space.n_elements)
        item = element.clamp(0, self.space.n_elements - 1) // self.space.n_labels
        stays, own = (self.fields(codes, item) * is_item[..., None, None, None]).unbind(2)
        stays = stays.cumsum(1)
        return stays, stays + own

    def _labels(self, logits: Tensor) -> Tensor:
        """(…, vocabulary) → (…, R)."""
        return logits[..., self.vocabulary.label_tokens(logits.device)]

    # --- learning ---------------------------------------------------------------------------------------------

    def loss(self, batch: SetBatch) -> Tensor:
        """Minus the bound (or the exact likelihood) in nats per item, or kilter-gpt's mean binary cross-entropy."""
        config = self.config
        if self.training:
            batch = batch.partly_asked(config.condition_dropout)
        if config.loss == "bce" or config.crop:
            from baselines.gpt_loss import token_loss

            batch = batch.shuffled()
            return token_loss(self.gpt, self.vocabulary, batch, self._tokens(batch), config)
        order = torch.zeros_like(batch.size)
        if config.directions > 1:
            order = torch.randint_like(order, config.directions)
        batch = self._arranged(batch, order)
        nothing = torch.zeros_like(batch.present)
        rules = Rules.of(self.space, bounded=False, device=batch.device)
        steps = self.steps(batch, nothing, order, None)
        if self.ranks is None and config.smoothing == "all":
            total = self._smoothed(batch, rules, steps)
        else:
            total = self._chain(batch, nothing, order, rules, steps)
        if self.ranks is None:
            total = total + torch.lgamma(batch.size.to(total) + 1)
        return -per_item(total, batch.size)

    def _arranged(self, batch: SetBatch, order: Tensor) -> SetBatch:
        """The batch in the order in which it is learned; order: (B,) in which direction, where there is one."""
        if self.ranks is None:
            return batch.shuffled()
        return self._ranked(batch, torch.zeros_like(batch.size), order)[0]

    def _smoothed(self, batch: SetBatch, rules: Rules, steps: Iterator[Steps]) -> Tensor:
        """(B,) as `_chain`, each step taken over which item comes next: uniform over all still to come."""
        total = torch.zeros(len(batch), device=batch.device)
        columns = torch.arange(batch.width, device=batch.device)
        for row, column, logits, labels in steps:
            state = Partial.of(self.space, batch.rows(row).leading(column))
            allowed, ends = self.choices(state, torch.zeros_like(row), rules)
            things = allowed.any(2) if self.item_first else allowed.flatten(1)
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            log_p = logits.masked_fill(~torch.cat([things, ends[:, None]], 1), -torch.inf).log_softmax(1)
            later = batch.present[row] & (columns >= column[:, None])
            answer = (batch.item if self.item_first else batch.element)[row]
            mean = log_p.gather(1, answer).masked_fill(~later, 0.0).sum(1) / later.sum(1).clamp(min=1)
            ended = column >= batch.size[row]
            term = torch.where(ended, log_p[:, -1], mean)
            if labels is not None:
                here = column.clamp(max=batch.width - 1)[:, None]
                known = torch.from_numpy(self.space.label_occurs).to(labels.device)
                log_label = labels.to(log_p.dtype).masked_fill(~known, -torch.inf).log_softmax(1)
                label = log_label.gather(1, batch.label[row].gather(1, here)).squeeze(1)
                term = term + label.masked_fill(ended, 0.0)
            total = total.to(term).index_add(0, row, term)
        return total

    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        """One pass for all; with a sliding window, one for each token."""
        tokens, size = self._tokens(batch), batch.size
        per, prefix = self.vocabulary.per_item, self.vocabulary.prefix
        columns = torch.arange(batch.width + 1, device=batch.device)
        decided = (columns <= size[:, None]) & ~F.pad(given, (0, 1))
        if self.in_place:  # whether a given item comes next is decided too
            decided = columns <= size[:, None]
        row, column = decided.nonzero(as_tuple=True)
        at = prefix - 1 + per * column  # the token behind which the item (or the end) comes
        length = prefix + per * size  # without the end
        table = self.gpt.table()
        if self.config.crop:
            codes = self._windowed_codes(tokens, length, table)
        else:
            place = torch.arange(tokens.shape[1] - 1, device=tokens.device)
            codes = self.gpt.codes(tokens[:, :-1], place < length[:, None], table, order)
        field = self._fields(codes, tokens[:, : codes.shape[1]])[1]
        logits = self._next(codes[row, at], None if field is None else field[row, at], table)
        labels = None
        if self.item_first:
            behind_item = (at + 1).clamp(max=codes.shape[1] - 1)
            labels = self._labels(self.gpt.logits(codes[row, behind_item], table))
        yield Steps(row, column, logits, labels)

    def _windowed_codes(self, tokens: Tensor, length: Tensor, table: Tensor) -> Tensor:
        """(B, T, width) the code of the last token of each window that ends at a token; zeros behind a sentence."""
        padding = self._padding(table)
        codes = table.new_zeros(len(tokens), tokens.shape[1] - 1, table.shape[1])
        for t in range(1, int(length.max()) + 1):
            rows = (length >= t).nonzero().squeeze(1)
            here = torch.full_like(rows, t)
            code = self._window_code(Sliding(tokens[rows, :t], here, padding, table))
            codes[rows, t - 1] = code.to(codes)
        return codes

    # --- start and step ---------------------------------------------------------------------------------------

    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> Written | Sliding:
        if self.in_place:
            given = given.only(torch.zeros_like(given.present)).columns(1)
        if self.config.crop:
            table = self.gpt.table()
            length = self.vocabulary.prefix + self.vocabulary.per_item * given.size
            return Sliding(self._tokens(given)[:, : int(length.max())], length, self._padding(table), table)
        return self._read(given, order)[0]

    def _read(self, given: SetBatch, order: Tensor) -> tuple[Written, Tensor, Tensor | None]:
        """The state behind the given items as they stand; codes (B, T, width) and fields of all tokens read."""
        tokens, table = self._tokens(given), self.gpt.table()
        length = self.vocabulary.prefix + self.vocabulary.per_item * given.size
        fixed = torch.compiler.is_exporting()
        tokens = tokens[:, :-1] if fixed else tokens[:, : int(length.max())]
        place = torch.arange(tokens.shape[1], device=tokens.device)
        present = place < length[:, None]
        along = order[:, None].expand_as(tokens)
        x = self.gpt.read_along(tokens, place.expand_as(tokens), table, along)
        mask = (place[:, None] >= place) & present[:, None, None, :]
        codes, cache = self.gpt.transformer.prefill(x, None, mask, present, 0 if fixed else _ROOM)
        row, last = torch.arange(codes.shape[0], device=codes.device), length - 1
        stays, field = self._fields(codes, tokens)
        state = Written(codes[row, last], length, cache, tokens.shape[1], table)
        if stays is not None and field is not None:
            state.stays, state.field = stays[row, last], field[row, last]
        return state, codes, field

    def step(self, state: Written | Sliding) -> Tensor:
        field = state.field if isinstance(state, Written) else None
        return self._next(self._code(state), field, state.table)

    def label_step(self, state: Written | Sliding, item: Tensor) -> Tensor:
        self._write(state, item + self.vocabulary.first_item)
        return self._labels(self.gpt.logits(self._code(state), state.table))

    def append(self, state: Written | Sliding, element: Tensor) -> None:
        if self.item_first:
            label = element % self.space.n_labels
            self._write(state, self.vocabulary.label_tokens(element.device)[label])
        else:
            self._write(state, element + self.vocabulary.first_item)

    def _code(self, state: Written | Sliding) -> Tensor:
        return state.code if isinstance(state, Written) else self._window_code(state)

    def _write(self, state: Written | Sliding, token: Tensor) -> None:
        if isinstance(state, Sliding):
            wide = F.pad(state.tokens, (0, 1), value=PAD)
            state.tokens, state.length = (
                wide.scatter(1, state.length[:, None], token[:, None]),
                state.length + 1,
            )
            return
        place = state.length
        if not torch.compiler.is_exporting():
            if int(place.max()) >= self.gpt.context:  # the last token of the largest set: nothing follows
                return
            if state.column >= state.cache.present.shape[1]:
                state.cache = state.cache.with_room(_ROOM)
        x = self.gpt.read(token, place, state.table)
        state.code = self.gpt.transformer.decode(x, state.cache, state.column)
        state.length, state.column = state.length + 1, state.column + 1
        stays, field = self._fields(state.code[:, None], token[:, None])
        if stays is not None and field is not None and state.stays is not None:
            state.stays, state.field = state.stays + stays[:, 0], state.stays + field[:, 0]

    def _padding(self, table: Tensor) -> KVCache:
        """Keys and values of a window that is all padding."""
        place = torch.arange(self.gpt.context, device=table.device)
        x = self.gpt.read(torch.full_like(place, PAD), place, table)[None]
        mask = (place[:, None] >= place)[None, None]
        with evaluating(self):
            return self.gpt.transformer.prefill(x, None, mask, torch.ones_like(place[None] > 0), 0)[1]

    def _window_code(self, state: Sliding) -> Tensor:
        """(B, width) code of the last token of each sentence, at the right end of its window."""
        context = self.gpt.context
        column = torch.arange(min(int(state.length.max()), context), device=state.length.device)
        start = (state.length - context).clamp(min=0)[:, None]
        length = (state.length[:, None] - start).squeeze(1)
        source = (start + column).clamp(max=state.tokens.shape[1] - 1)
        tokens = state.tokens.gather(1, source)
        position = context - length[:, None] + column
        most = context - int(length.min())
        padding = state.padding.columns(most)  # behind these, no row sees padding
        pads = torch.arange(most, device=column.device) < (context - length)[:, None]
        real = (column[:, None] >= column) & (column < length[:, None])[:, None, :]
        mask = torch.cat([pads[:, None, :].expand(-1, len(column), -1), real], 2)[:, None]
        x = self.gpt.read(tokens, position, state.table)
        return self.gpt.transformer.read_out(x, length - 1, None, mask, past=padding)[0]

    # --- the next element -------------------------------------------------------------------------------------

    def next_scores(
        self, prompts: SetBatch, size: Tensor, state: Partial, left: Tensor, allowed: Tensor
    ) -> Tensor:
        """Behind the given items as they stand; in a fixed order, where each item would stand among them."""
        scores = [
            self._next_in_place(prompts.rows(b), allowed[b])
            if self.in_place
            else self._next_behind(prompts.rows(b), allowed[b])
            for b in torch.arange(len(prompts), device=prompts.device).split(1)
        ]
        return torch.cat(scores).log_softmax(1)

    def label_scores(self, prompts: SetBatch, item: Tensor) -> Tensor:
        """Behind the given items; in a fixed order, those that come before it."""
        nothing = torch.zeros_like(item)
        if self.ranks is not None:
            before = self.ranks[0][prompts.item] < self.ranks[0][item][:, None]
            prompts, _ = self._ranked(prompts.only(before), nothing, nothing)
        tokens, table = self._tokens(prompts), self.gpt.table()
        length = self.vocabulary.prefix + self.vocabulary.per_item * prompts.size
        if self.item_first:
            tokens = tokens.scatter(1, length[:, None], (item + self.vocabulary.first_item)[:, None])
            length = length + 1
        if self.config.crop:
            code = self._window_code(Sliding(tokens, length, self._padding(table), table))
        else:
            present = torch.arange(tokens.shape[1]).to(length) < length[:, None]
            codes = self.gpt.codes(tokens, present, table, nothing)
            code = codes.gather(1, (length - 1)[:, None, None].expand(-1, 1, codes.shape[2])).squeeze(1)
        if self.item_first:
            labels = self._labels(self.gpt.logits(code, table))
        else:
            field = self._fields(codes, tokens)[1]
            row = torch.arange(code.shape[0], device=code.device)  # len() would fix it in an export
            elements = self._next(code, None if field is None else field[row, length - 1], table)[
                :, :-1
            ].unflatten(1, (len(self.space), -1))
            labels = elements.gather(1, item[:, None, None].expand(-1, 1, elements.shape[2])).squeeze(1)
        known = torch.from_numpy(self.space.label_occurs).to(labels.device)
        return labels.masked_fill(~known, -torch.inf)

    def _next_behind(self, given: SetBatch, allowed: Tensor) -> Tensor:
        """(1, V·R) log-probabilities of one row: an item, and then its label, every item being tried."""
        nothing = torch.zeros_like(given.size)
        state = self.start(given, nothing, nothing)
        things = self.step(state)[:, :-1].double()
        if not self.item_first:
            return things.masked_fill(~allowed, -torch.inf).log_softmax(1)
        table = allowed.view(-1, self.space.n_labels)
        items = table.any(1).nonzero().squeeze(1)
        return self._with_labels(state, items, things[0, items].log_softmax(0), table)

    def _branch(self, state: Written | Sliding, tokens: Tensor) -> Tensor:
        """(C, width) codes of candidate tokens (C,), each alone behind the one sentence of the state."""
        if isinstance(state, Written):
            cache, position = state.cache.columns(state.column), state.length
        else:  # one more token moves the whole text one on: it is read there once, not once for each candidate
            context, length = self.gpt.context, int(state.length)
            window = state.tokens[:, max(0, length + 1 - context) : length]
            pads = context - 1 - window.shape[1]
            place = torch.arange(window.shape[1], device=tokens.device)
            seen = place[:, None] >= torch.arange(-pads, window.shape[1], device=tokens.device)
            x = self.gpt.read(window, (pads + place)[None], state.table)
            here = torch.ones_like(window, dtype=torch.bool)
            past = state.padding.columns(pads)
            _, cache = self.gpt.transformer.prefill(x, None, seen[None, None], here, 0, past)
            position = torch.full_like(state.length, context - 1)
        x = self.gpt.read(tokens, position.expand_as(tokens), state.table)[:, None]
        mask = F.pad(cache.present, (0, 1), value=True)[:, None, None, :]
        return self.gpt.transformer(x, None, mask, past=cache).squeeze(1)

    def _with_labels(self, state: Written | Sliding, items: Tensor, log_p: Tensor, table: Tensor) -> Tensor:
        """(1, V·R) log_p (C,) of candidate items (C,) behind one sentence, plus those of their labels."""
        scores = torch.full(table.shape, -torch.inf, dtype=torch.float64, device=log_p.device)
        codes = self._branch(state, items + self.vocabulary.first_item)
        labels = (
            self._labels(self.gpt.logits(codes, state.table))
            .double()
            .masked_fill(~table[items], -torch.inf)
            .log_softmax(1)
        )
        scores[items] = log_p[:, None] + labels
        return scores.view(1, -1)

    def _next_in_place(self, given: SetBatch, allowed: Tensor) -> Tensor:
        """(1, V·R) scores of one row: of each item as the next one behind the given items before it.

        The given items after it are not looked at, so this is an approximation to p(element | given set).
        """
        assert self.ranks is not None
        labels, rank = self.space.n_labels, self.ranks[0]
        table = allowed.view(-1, labels)
        nothing = torch.zeros_like(given.size)
        given, _ = self._ranked(given, nothing, nothing)
        n, per, prefix = int(given.size), self.vocabulary.per_item, self.vocabulary.prefix
        bounds = [-1, *rank[given.item[0, :n]].tolist(), len(rank)]
        scores = torch.full((1, len(rank) * labels), -torch.inf, dtype=torch.float64, device=rank.device)
        # One pass over all given items; each place is a prefix of it.
        state, codes, field = self._read(given, nothing)
        for j in range(n + 1):
            here = (rank > bounds[j]) & (rank < bounds[j + 1]) & table.any(1)
            if not here.any():
                continue
            at = prefix - 1 + per * j
            things = self._next(codes[:, at], None if field is None else field[:, at], state.table)[:, :-1]
            beyond = (rank > bounds[j])[None]
            if not self.item_first:
                beyond = beyond.repeat_interleave(labels, 1)
            log_p = things.double().masked_fill(~beyond, -torch.inf).log_softmax(1)
            if self.item_first:
                items, length = here.nonzero().squeeze(1), prefix + per * j
                before = replace(state, length=torch.full_like(state.length, length), column=length)
                found = self._with_labels(before, items, log_p[0, items], table)
            else:
                found = log_p.masked_fill(~(allowed & here.repeat_interleave(labels)), -torch.inf)
            scores = torch.maximum(scores, found)
        return scores

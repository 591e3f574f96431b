"""Revealing: the one loop that completes prompts, whatever the generator.

    state ← start(given)
    until every set is complete:
        logits ← step(state)                   one network call
        draw an element from them, by the rules     (several, in a block)
        state ← append(state, element)

A generator with `blocks` keeps nothing between calls but the items that are known, so it starts anew at each call;
`Unmasking` says how many elements a call reveals, and whether some are hidden again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from setgen.generators.base import Generator, next_given
from setgen.generators.drawing import draw
from setgen.generators.sampling import Sampling
from setgen.generators.unmasking import entropy_bits
from setgen.sets.batch import SetBatch
from setgen.sets.noise import FIRST, FIRST_FREE, OPEN_LABELS, ORDER, SIZE, TIMES
from setgen.sets.rules import Ahead, Partial, Rules
from setgen.sets.space import OPEN, Space

Noise = Callable[[int | None], Tensor]
"""stream → (B, columns) uniforms, each row's its own; None: the stream of the plain sampler."""


@dataclass
class Growing:
    """B sets that grow. Items of `known` stand as the state counts them: given ones first, then as they came.

    size: (B,) items in all, 0 where not known. order: (B,) which of the fixed orders. waiting: (B, V) label + 1 of
    given items that are still to be written at their place, or None.
    """

    known: SetBatch
    state: Partial
    size: Tensor
    order: Tensor
    ahead: Ahead | None
    waiting: Tensor | None

    @classmethod
    def of(cls, generator: Generator, given: SetBatch, size: Tensor, order: Tensor, rules: Rules) -> Growing:
        state = Partial.of(generator.space, given)
        ahead = None if generator.ranks is None else rules.ahead(state, generator.ranks[order])
        reads_given = generator.in_place and bool(given.present.any())
        waiting = (state.label_of.long() + 1) if reads_given else None
        widest = max(given.width, int(size.max())) if generator.draws_size else generator.space.widest
        known = given.columns(widest)
        # What is put into the columns must not be written through to the prompt's own.
        known = replace(
            known, item=known.item.clone(), label=known.label.clone(), present=known.present.clone()
        )
        return cls(known, state, size, order, ahead, waiting)

    @property
    def left(self) -> Tensor:
        """(B,) items still to come, where the size is known."""
        return self.size - self.state.count

    def next_given(self, rows: Tensor | slice) -> Tensor | None:
        """(R,) the given element that is to be read next, −1 for none; None where none is read at its place."""
        if self.waiting is None or self.ahead is None:
            return None
        return next_given(self.waiting[rows], self.ahead.rank[rows], self.known.labels)

    def put(self, rows: Tensor, element: Tensor) -> None:
        """One more element (R,) into each of `rows` (R,), in place; a given one is only ticked off."""
        labels = self.known.labels
        item, label = element // labels, element % labels
        if self.ahead is not None:
            self.ahead.line[rows] = self.ahead.rank[rows, item]
        if self.waiting is not None:
            new = self.waiting[rows, item] == 0
            self.waiting[rows, item] = 0
            rows, item, label = rows[new], item[new], label[new]
        column = self.state.count[rows]
        self.known.item[rows, column] = item
        self.known.label[rows, column] = label
        self.known.present[rows, column] = True
        self.state.put(rows, item, label)

    def keep(self, space: Space, kept: Tensor) -> None:
        """Hide all items but those `kept` (B, L)."""
        order = (~kept).long().argsort(dim=1, stable=True)
        self.known = self.known.reordered(order)
        present = torch.arange(kept.shape[1], device=kept.device) < kept.sum(1)[:, None]
        self.known = replace(self.known, present=present)
        self.state = Partial.of(space, self.known)


def reveal(
    generator: Generator, given: SetBatch, wanted: Tensor, rules: Rules, how: Sampling, noise: Noise
) -> SetBatch:
    """The prompts `given`, completed. wanted: (B,) items in all, 0 where the model decides."""
    plain = noise(None)
    size, order = wanted, torch.zeros_like(wanted)
    if generator.draws_size:
        log_sizes = generator.size_log_probs(given, Partial.of(generator.space, given), rules)
        size = torch.where(wanted > 0, wanted, draw(log_sizes, plain[:, SIZE]))
    if generator.ranks is not None and how.temperature > 0:  # at temperature 0, the first order
        order = (plain[:, ORDER] * len(generator.ranks)).long()
    if generator.blocks:
        growing = Growing.of(generator, given, size, order, rules)
        _Blocks(generator, growing, rules, how, noise).reveal(given.size)
        return growing.known
    # Sets with most to come stand first, so that those still growing are the leading rows, and views.
    by_work = (size - given.size).argsort(descending=True, stable=True)
    given, size, order, plain = given.rows(by_work), size[by_work], order[by_work], plain[by_work]
    growing = Growing.of(generator, given, size, order, rules)
    _one_by_one(generator, growing, given, rules, how, plain)
    return growing.known.rows(by_work.argsort())


def _one_by_one(
    generator: Generator, growing: Growing, given: SetBatch, rules: Rules, how: Sampling, noise: Tensor
) -> None:
    """Grow every set to its end, an element at a time."""
    every = torch.arange(len(given), device=given.device)
    rows: Tensor = every
    if generator.draws_size:
        rows = every[: int((growing.left > 0).sum())]
    if not len(rows):
        return
    asked = [ask.rows(rows) for ask in how.asked(given)]
    states = [generator.start(ask, growing.size[rows], growing.order[rows]) for ask in asked]
    labels, end = generator.space.n_labels, generator.space.n_elements
    # Rows end in their order, so that the leading ones go on, unless given items are to be met between the new ones.
    leading = generator.draws_size and growing.waiting is None
    for draws in itertools.count():
        uniform = noise[:, FIRST + 2 * draws : FIRST + 2 * draws + 2]
        here = slice(len(rows)) if leading else rows
        state, size = growing.state.rows(here), growing.size[here]
        ahead = None if growing.ahead is None else growing.ahead.rows(here)
        given_next = growing.next_given(here)
        logits = how.guided([generator.step(s) for s in states])
        allowed, ends = generator.choices(state, size, rules, ahead, given_next)
        if generator.draws_size:
            log_p = generator.log_probs(logits, state, size - state.count, allowed.flatten(1))
            element = draw(how.narrowed(log_p), uniform[here, 0], how.temperature)
            growing.put(rows, element)
            more = growing.left[here] > 0
            going: Tensor | slice = slice(int(more.sum())) if leading else more.nonzero().squeeze(1)
        elif not generator.item_first:
            masked = logits.masked_fill(~torch.cat([allowed.flatten(1), ends[:, None]], 1), -torch.inf)
            element = draw(how.narrowed(masked.log_softmax(1)), uniform[here, 0], how.temperature)
            going = (element < end).nonzero().squeeze(1)
            growing.put(rows[going], element[going])
        else:
            masked = logits.masked_fill(~torch.cat([allowed.any(2), ends[:, None]], 1), -torch.inf)
            item = draw(how.narrowed(masked.log_softmax(1)), uniform[here, 0], how.temperature)
            going = (item < end // labels).nonzero().squeeze(1)
            rows, item, allowed = rows[going], item[going], allowed[going]
            states = [s.rows(going) for s in states]
            going = slice(None)
            if len(rows):
                masked = how.guided([generator.label_step(s, item) for s in states])
                masked = masked.masked_fill(~allowed[every[: len(item)], item], -torch.inf)
                label = draw(how.narrowed(masked.log_softmax(1)), uniform[rows, 1], how.temperature)
                element = item * labels + label
                growing.put(rows, element)
        rows = rows[going]
        if not len(rows):
            return
        element = element[going]
        if going != slice(None):
            states = [s.rows(going) for s in states]
        for s in states:
            generator.append(s, element)


@dataclass
class _Blocks:
    """Growth by network calls that each reveal a block."""

    generator: Generator
    growing: Growing
    rules: Rules
    how: Sampling
    noise: Noise
    states: list[Any] = field(default_factory=list)

    def reveal(self, given: Tensor) -> None:
        """Grow every set to its size; given: (B,) how many items of each are given."""
        growing, unmasking, plain = self.growing, self.how.unmasking, self.noise(None)
        fresh = (self.noise(stream) for stream in itertools.count(FIRST_FREE))
        if unmasking.block_bits is not None:
            while (growing.left > 0).any():
                self.block(growing.left, plain)
        else:
            times = (self.noise(TIMES) if unmasking.schedule == "ancestral" else plain)[:, FIRST:]
            plan = unmasking.plan(growing.state.count, growing.size, times)
            for call in range(plan.shape[1]):
                confident = unmasking.schedule == "confident"
                if confident and call + 1 < plan.shape[1]:
                    heat = 1 - (call + 1) / plan.shape[1]
                    self.surest(plan[:, call], next(fresh), next(fresh), heat)
                else:
                    self.block(plan[:, call], next(fresh) if confident else plain)
        for _ in range(unmasking.refinements):
            self.redraw(given, next(fresh), next(fresh))

    def block(self, sizes: Tensor, noise: Tensor) -> Tensor:
        """Draw up to `sizes` (B,) more items from one call. (B, L) log-probabilities of new items, else 0."""
        growing, generator, how = self.growing, self.generator, self.how
        scores = torch.zeros(growing.known.present.shape, device=sizes.device, dtype=torch.float64)
        row = ((sizes > 0) & (growing.left > 0)).nonzero().squeeze(1)
        if not len(row):
            return scores
        known = growing.known.rows(row).columns(int(growing.state.count[row].max()))
        size, asked = growing.size[row], how.asked(known)
        if not self.states:
            self.states = [generator.start(ask, size, growing.order[row]) for ask in asked]
        else:
            self.states = [s.reread(ask, size) for s, ask in zip(self.states, asked, strict=True)]
        logits = how.guided([generator.step(state) for state in self.states])
        goal = growing.state.count[row] + sizes[row]
        bits = torch.zeros(2, len(row), dtype=torch.float64, device=sizes.device)  # sum and largest
        first = True
        while len(row):
            here, size = growing.state.rows(row), growing.size[row]
            allowed, _ = generator.choices(here, size, self.rules)
            log_p = generator.log_probs(logits, here, size - here.count, allowed.flatten(1))
            if how.unmasking.block_bits is not None:
                entropy = entropy_bits(log_p)
                bits = torch.stack([bits[0] + entropy, torch.maximum(bits[1], entropy)])
                go = (bits[0] - bits[1] <= how.unmasking.block_bits + 1e-9) | first
                row, goal, logits, log_p, bits = row[go], goal[go], logits[go], log_p[go], bits[:, go]
            first = False
            column = growing.state.count[row]
            element = draw(how.narrowed(log_p), noise[row, FIRST + column], how.temperature)
            growing.put(row, element)
            scores[row, column] = log_p.gather(1, element[:, None]).squeeze(1).double()
            more = (column + 1 < goal).nonzero().squeeze(1)
            row, goal, logits, bits = row[more], goal[more], logits[more], bits[:, more]
        return scores

    def surest(self, sizes: Tensor, noise: Tensor, doubt: Tensor, heat: float) -> None:
        """Draw all that is masked in one call, and keep the `sizes` (B,) new items of highest probability.

        Their log-probabilities are perturbed with `heat` times Gumbel noise, which falls to 0 (as MaskGIT).
        """
        growing = self.growing
        before = growing.state.count.clone()
        scores = self.block(growing.left, noise)
        column = torch.arange(growing.known.width, device=before.device)
        new = growing.known.present & (column >= before[:, None])
        gumbel = -(-doubt[:, FIRST : FIRST + len(column)].clamp(min=1e-300).log()).log()
        rank = (scores + heat * gumbel).masked_fill(~new, -torch.inf).argsort(1, descending=True).argsort(1)
        growing.keep(self.generator.space, growing.known.present & (~new | (rank < sizes[:, None])))

    def redraw(self, given: Tensor, noise: Tensor, choice: Tensor) -> None:
        """Hide a share of the items that are not given, chosen at random, and draw them anew in one call."""
        growing = self.growing
        column = torch.arange(growing.known.width, device=given.device)
        new = growing.known.present & (column >= given[:, None])
        key = choice[:, FIRST : FIRST + len(column)].masked_fill(~new, 2.0)
        n_hidden = ((new.sum(1) * self.how.unmasking.hidden).ceil()).long()
        hidden = new & (key.argsort(1).argsort(1) < n_hidden[:, None])
        growing.keep(self.generator.space, growing.known.present & ~hidden)
        self.block(growing.left, noise)


def decide_labels(
    generator: Generator, given: SetBatch, size: Tensor, rules: Rules, how: Sampling, noise: Noise
) -> SetBatch:
    """The prompts with every OPEN label drawn, items in the same order.

    Each is drawn from the generator's `label_scores` of that item, given the items whose labels are known by
    then, among the labels behind which the set can still be completed.
    """
    if not bool(((given.label == OPEN) & given.present).any()):
        return given
    space, labels = generator.space, given.label.clone()
    uniform = noise(OPEN_LABELS)
    for column in range(given.width):
        is_open = (labels == OPEN) & given.present
        rows = is_open[:, column].nonzero().squeeze(1)
        if not len(rows):
            continue
        part = replace(given.rows(rows), label=labels[rows])
        log_p = _label_scores(generator, part, column)
        if how.legal:
            state = Partial.of(space, part)
            allowed = rules.labels_for_open(state, is_open[rows].sum(1), size[rows])
            log_p = log_p.masked_fill(~allowed, -torch.inf)
        labels[rows, column] = draw(log_p, uniform[rows, column], how.temperature)
    return replace(given, label=labels)


def _label_scores(generator: Generator, batch: SetBatch, column: int) -> Tensor:
    """(B, R) scores of each label of the item in this column, given the items whose labels are known."""
    told, item = known_first(batch), batch.item[:, column]
    codes = [told.conditions[name][:, None] for name in told.conditions]
    asked = torch.cat([item[:, None], told.element.masked_fill(~told.present, -1), *codes], 1)
    _, first, where = _unique_rows(asked)  # equal prompts are asked once
    different = told.rows(first)
    different = different.columns(int(different.size.max()))
    return generator.label_scores(different, item[first])[where]


def known_first(batch: SetBatch) -> SetBatch:
    """The items whose labels are known, in their order; the others become padding."""
    known = batch.only(batch.label != OPEN)
    place = torch.arange(batch.width, device=batch.device)
    told = known.reordered(torch.where(known.present, place, place + 2**32).argsort(1))
    return replace(told, label=told.label.masked_fill(~told.present, 0))  # no open label is read


def _unique_rows(table: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The different rows of (B, C), the first place of each, and which of them each row is."""
    rows, where = torch.unique(table, dim=0, return_inverse=True)
    place = torch.arange(len(table), device=table.device)
    first = torch.full((len(rows),), len(table), device=table.device).scatter_reduce(0, where, place, "amin")
    return rows, first, where

"""Generator: the one interface that every model implements and every evaluator consumes.

A generator is a *start* and a *step*. `start` reads what is given; `step` gives logits of the next element;
`append` takes the element that was drawn; and so on, until the size is reached or the end is drawn. Sampling
(`revealing`), likelihood, the distribution of the next element, completion, limits and guidance are written once,
here and there, over these hooks. A new model is one module with a subclass.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from setgen.errors import InputError
from setgen.files import check_sums
from setgen.generators.sampling import Sampling
from setgen.generators.unmasking import Unmasking
from setgen.models.saved import read_weights, save_network
from setgen.sets.batch import SetBatch, to_batch, to_sets
from setgen.sets.noise import noise_of
from setgen.sets.rules import Ahead, Partial, Rules
from setgen.sets.sets import Sets
from setgen.sets.space import Space, load_space

FORMAT = 4
OLDEST = 2
"""The oldest format of model folders that is read still."""

SUMMED = 3
"""The first format with checksums."""

AnySets = TypeVar("AnySets", bound=Sets)


class State(Protocol):
    """What a generator keeps of the sets that grow: a KV cache, say."""

    def rows(self, index: Tensor | slice) -> State:
        """The state of some of the rows; they are the only ones that go on."""


class Steps(NamedTuple):
    """Logits of S steps of a batch at once, as `step` gives them one by one.

    row, column: (S,) step s decides what stands in `column` of set `row`, all columns before being known (and
    all given ones); a column equal to the set's size decides that it ends. logits: (S, M). labels: (S, R) of
    generators that draw an item first and then its label; else None.
    """

    row: Tensor
    column: Tensor
    logits: Tensor
    labels: Tensor | None = None


class Generator(nn.Module, abc.ABC):
    """A distribution over sets of (item, label) elements of one space, given its conditions.

    A subclass has a dataclass `Config` of plain values, builds everything from `(space, config)`, so that a
    saved folder is enough to rebuild it, and says what it does:

    draws_size: the number of items is drawn first, by `size_logits`; otherwise it draws an end, number V·R
        (`item_first`: number V).
    ranks: None where items come in any order, which the likelihood averages over; otherwise (D, V), the place
        of each item in each of D fixed orders, one drawn for each set. Then the likelihood is exact.
    in_place: with `ranks`, given items are written at their place in the order; otherwise they come first.
    item_first: an element is drawn as an item, then its label.
    blocks: several elements may be drawn from one network call (`Sampling.unmasking`).
    order_free: items that are known count as a set: their order cannot matter.
    guided: the next element depends on the conditions, so that guidance does something.
    loss_per_item: the loss is `per_item`, so that large sets count more; else a mean over sets or tokens.
    exact: `log_likelihood` is the probability itself, in every column.
    not_exported: why the hooks cannot be traced, where they cannot.
    since: the format of the oldest model folders whose network is still this one.
    taken_over: how many parameters began as those of a model of another space (see `transfer`).
    """

    name: ClassVar[str] = ""
    Config: ClassVar[type]
    draws_size: bool = True
    in_place: bool = False
    blocks: bool = False
    order_free: bool = True
    guided: bool = True
    loss_per_item: bool = True
    item_first: bool = False
    repeats_without_rules: bool = False
    not_exported: str = ""
    since: ClassVar[int] = OLDEST
    taken_over: int = 0
    ranks: Tensor | None

    def __init__(self, space: Space, config: Any) -> None:
        super().__init__()
        assert is_dataclass(config)
        self.space = space
        self.config: Any = config
        self.register_buffer("ranks", None, persistent=False)

    # --- hooks: what a model is -----------------------------------------------------------------------------

    @abc.abstractmethod
    def fit_counts(self, sets: Sets) -> None:
        """Take from the training sets whatever is counted rather than learned (sizes, frequencies)."""

    @abc.abstractmethod
    def loss(self, batch: SetBatch) -> Tensor:
        """Scalar training loss, `per_item`. In eval mode it is deterministic up to torch's global generator."""

    @abc.abstractmethod
    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> State:
        """Read the given items. size: (B,) of the whole set, 0 where it is not known; order: (B,) which of
        `ranks`. With `in_place` nothing is read but the conditions."""

    @abc.abstractmethod
    def step(self, state: Any) -> Tensor:
        """(B, M) unnormalised log-probabilities of the next element (`item_first`: item), and of the end."""

    @abc.abstractmethod
    def append(self, state: Any, element: Tensor) -> None:
        """The elements (B,) that were drawn become known."""

    def label_step(self, state: Any, item: Tensor) -> Tensor:
        """(B, R) unnormalised log-probabilities of the label of the item just drawn, with `item_first`."""
        raise NotImplementedError

    @abc.abstractmethod
    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        """Every step by which sets grow in the order of their columns, in as few network calls as can be.

        given: (B, L) bool, items that are given. order: (B,) which of `ranks`. unmasking: for a generator with
        `blocks`, which elements are drawn from one call.
        """

    def size_logits(self, conditions: Mapping[str, Tensor], rows: int) -> Tensor:
        """(B, widest + 1) unnormalised log p(n | conditions), with `draws_size`."""
        raise NotImplementedError

    def log_probs(self, logits: Tensor, state: Partial, left: Tensor, allowed: Tensor) -> Tensor:
        """(B, V·R) log p(next element), normalised over `allowed` (B, V·R); left: (B,) items to come."""
        return logits.masked_fill(~allowed, -torch.inf).log_softmax(1)

    # --- what follows from them -------------------------------------------------------------------------------

    @property
    def exact(self) -> bool:
        return self.ranks is not None

    def rules(self, legal: bool = True, constraints: Any = None) -> Rules:
        """The space's bounds and a user's constraints on this generator's device. Raises InputError."""
        limits = None if constraints is None else constraints.limits(self.space)
        return Rules.of(self.space, legal, limits, self.device)

    def size_log_probs(self, given: SetBatch, state: Partial, rules: Rules) -> Tensor:
        """(B, widest + 1) log p(n | given items, conditions) over the sizes that the rules allow."""
        logits = self.size_logits(given.conditions, given.rows_in)
        return logits.masked_fill(~rules.possible_sizes(state), -torch.inf).log_softmax(1)

    def log_likelihood(
        self,
        batch: SetBatch,
        orders: Tensor,
        legal: bool = True,
        given: Tensor | None = None,
        unmasking: Unmasking | None = None,
    ) -> Tensor:
        """(B, K) nats: log p(n | c) + log n! + log p(σ_k(S) | n, c) for K orders σ_k of each set S.

        orders: (K, B, L), each row a permutation that puts padding last (see `orders`). The mean over k
        is a lower bound on log p(S | c); log-mean-exp over k is tighter, and exact over all n! orders.
        A model with an exact likelihood returns it in every column. `legal` renormalises each step over
        the elements that can still lead to a set within the bounds; without it only repeats are ruled out.
        A model that draws an end counts its log-probability in place of log p(n | c).

        given: (B,) how many leading items of each order are given. Column k then is the log-probability
        of completing those g items G to S, under exactly the process by which `sample` completes a prompt:
        log p(n | G, c) + log (n − g)! + log p(the rest of σ_k | G, n, c); over all completions of a prompt
        the probabilities sum to 1. G must be part of a set that can be where `legal` is on.
        unmasking: of sets that are revealed in fewer calls. Raises InputError where that has no likelihood.
        """
        if unmasking is not None and not (self.blocks and unmasking.has_likelihood):
            raise InputError("the likelihood of sets revealed in this way is not known")
        # Where the likelihood is exact, every order gives the same.
        orders_seen = orders[:1] if self.exact and given is None else orders
        k, rows, _ = orders_seen.shape
        many = batch.repeated(k).reordered(orders_seen.to(batch.device).transpose(0, 1).flatten(0, 1))
        n_given = torch.zeros_like(many.size) if given is None else given.repeat_interleave(k)
        rules = self.rules(legal)
        with evaluating(self):
            if self.ranks is None:
                held = many.leading(n_given).present
                order = torch.zeros_like(n_given)
                steps = self.steps(many, held, order, unmasking)
                total = self._chain(many, held, order, rules, steps)
                total = total + torch.lgamma((many.size - n_given).to(total) + 1)
            else:
                by_order = []
                for d in range(len(self.ranks)):
                    order = torch.full_like(n_given, d)
                    ranked, held = self._ranked(many, n_given, order)
                    steps = self.steps(ranked, held, order, None)
                    by_order.append(self._chain(ranked, held, order, rules, steps))
                total = torch.stack(by_order).logsumexp(0) - np.log(len(by_order))
            if self.draws_size:
                total = total + self._log_size(many, n_given, rules, 1 if given is not None else k).to(total)
        return total.view(rows, k).expand(rows, len(orders)).clone()

    def _log_size(self, many: SetBatch, n_given: Tensor, rules: Rules, same: int) -> Tensor:
        """(B,) log p(n | given, c) of each set's own size; each `same` rows in turn have one answer."""
        some = many.rows(slice(None, None, same))
        held = some.leading(n_given[::same])
        log_p = self.size_log_probs(held, Partial.of(self.space, held), rules)
        return _take(log_p, some.size).repeat_interleave(same)

    def _ranked(self, batch: SetBatch, n_given: Tensor, order: Tensor) -> tuple[SetBatch, Tensor]:
        """The sets with new items in the fixed order; given ones first, or at their place; which are given."""
        assert self.ranks is not None
        held = batch.leading(n_given).present
        rank = self.ranks[order].gather(1, batch.item).masked_fill(~batch.present, self.ranks.shape[1])
        if not self.in_place:
            rank = rank.masked_fill(held, -1)
        column = torch.arange(rank.shape[1], device=rank.device)
        place = (rank * rank.shape[1] + column).argsort(dim=1)  # stable, in a way that can be exported
        return batch.reordered(place), held.gather(1, place)

    def _chain(
        self, batch: SetBatch, given: Tensor, order: Tensor, rules: Rules, steps: Iterable[Steps]
    ) -> Tensor:
        """(B,) log p(items that are not given, in the order of their columns | given, n, c)."""
        space, size = self.space, batch.size
        begun = Partial.of(space, batch.only(given))
        line = None if self.ranks is None else rules.ahead(begun, self.ranks[order])
        reads_given = self.in_place and bool(given.any())
        total: Tensor | None = None
        for row, column, logits, labels in steps:
            known = batch.rows(row).only(given[row] | _before(batch, column))
            state = Partial.of(space, known)
            ahead = None
            if line is not None:
                last = (column - 1).clamp(min=0)
                # The line stands at the last item it met: before the first, and behind given ones, nowhere.
                met = (column > 0) & (~given[row, last] | self.in_place)
                rank = line.rank[row].gather(1, batch.item[row, last][:, None]).squeeze(1)
                ahead = line.rows(row).at(rank.masked_fill(~met, -1))
            wanted = size[row] if self.draws_size else torch.zeros_like(row)
            here = column.clamp(max=batch.width - 1)
            ends = column >= size[row]
            element = batch.element[row, here]
            next_given = given_from(batch, given, row, column) if reads_given else None
            log_p = self._decide(
                logits,
                labels,
                state,
                wanted,
                rules,
                ahead,
                next_given,
                torch.where(ends, space.n_elements, element),
            )
            if total is None:
                total = torch.zeros(len(batch), dtype=log_p.dtype, device=log_p.device)
            total = total.index_add(0, row, log_p)
        return torch.zeros(len(batch), device=batch.device) if total is None else total

    def choices(
        self,
        state: Partial,
        size: Tensor,
        rules: Rules,
        ahead: Ahead | None = None,
        next_given: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What may come next: (B, V, R) bool, and (B,) bool whether the set may end.

        size: (B,) 0 where not known. next_given: (B,) the nearest of the given elements that must still be read at
        their place in the order, −1 for none; nothing beyond it may come before it.
        """
        need, room = rules.to_come(state, size)
        if self.draws_size:
            need = room
        allowed = rules.allowed(state, need, room, ahead)
        ends = need == 0
        if next_given is None:
            return allowed, ends
        assert ahead is not None
        waits, element = next_given >= 0, next_given.clamp(min=0)[:, None]
        item = element // self.space.n_labels
        nearest = ahead.rank.gather(1, item).masked_fill(~waits[:, None], len(self.space))
        allowed = (allowed & (ahead.rank < nearest)[:, :, None]).flatten(1)
        if torch.compiler.is_exporting() or waits.any():
            may = rules.onwards(state, need, room, ahead, item)
            may = (may & waits[:, None]) | (allowed.gather(1, element) & ~waits[:, None])
            allowed = allowed.scatter(1, element, may)
        return allowed.unflatten(1, (-1, self.space.n_labels)), ends & ~waits

    def _decide(
        self,
        logits: Tensor,
        labels: Tensor | None,
        state: Partial,
        size: Tensor,
        rules: Rules,
        ahead: Ahead | None,
        next_given: Tensor | None,
        element: Tensor,
    ) -> Tensor:
        """(S,) log-probability of `element` at each step, V·R standing for the end; −inf where it may not be."""
        allowed, ends = self.choices(state, size, rules, ahead, next_given)
        if self.draws_size:
            allowed = allowed.flatten(1)
            log_p = _take(self.log_probs(logits, state, size - state.count, allowed), element)
            return log_p.masked_fill(~allowed.gather(1, element[:, None]).squeeze(1), -torch.inf)
        if not self.item_first:
            allowed = torch.cat([allowed.flatten(1), ends[:, None]], 1)
            return _take(_masked(logits, allowed), element)
        item, label = element // self.space.n_labels, element % self.space.n_labels
        items = torch.cat([allowed.any(2), ends[:, None]], 1)
        log_p = _take(_masked(logits, items), item)
        is_end = item == len(self.space)
        row = torch.arange(len(item), device=item.device)
        item = item.clamp(max=len(self.space) - 1)
        assert labels is not None
        log_label = _take(_masked(labels, allowed[row, item]), label)
        if next_given is not None:  # the label of a given item is no decision
            is_end = is_end | (element == next_given)
        return log_p + log_label.masked_fill(is_end, 0.0)

    @torch.no_grad()
    def next_log_probs(self, prompts: SetBatch, legal: bool = True) -> Tensor:
        """(B, V·R) nats: log p(next element | given items, c, another item follows), over element indices.

        Each row's finite entries sum to 1 as probabilities; elements that are ruled out are −inf: always
        items in use and labels the space lacks, and with `legal` whatever cannot lead to a set within the
        bounds. A row in which nothing may follow is −inf throughout. A sequence model reads the given items
        in the order of the batch, so its answer may depend on that order; it rules the end out. A set
        model's answer is a function of the set alone; one that is told the size takes the most likely size
        that is larger than the number of items given and that the rules allow.
        """
        rules = self.rules(legal)
        state = Partial.of(self.space, prompts)
        with evaluating(self):
            size = torch.zeros_like(state.count)
            if self.draws_size:
                size, full = self._likely_size(prompts, state, rules)
            need, room = rules.to_come(state, size)
            allowed = rules.allowed(state, room if self.draws_size else need, room).flatten(1)
            if not self.draws_size:
                full = ~allowed.any(1)
            left = (size - state.count).clamp(min=1)
            some = allowed | full[:, None]  # a row without any choice is emptied below
            log_p = self.next_scores(prompts, size, state, left, some)
        return log_p.masked_fill(~allowed | full[:, None], -torch.inf)

    def next_scores(
        self, prompts: SetBatch, size: Tensor, state: Partial, left: Tensor, allowed: Tensor
    ) -> Tensor:
        """(B, V·R) log p(next element) over `allowed` (B, V·R), of which each row has some."""
        started = self.start(prompts, size, torch.zeros_like(size))
        return self.log_probs(self.step(started)[:, : self.space.n_elements], state, left, allowed)

    def label_scores(self, prompts: SetBatch, item: Tensor) -> Tensor:
        """(B, R) log p(`item` (B,) comes next, with each label | given items, c), up to a constant of each row.

        The prompts' padding stands last; −inf where the space lacks the label.
        """
        log_p = self.next_log_probs(prompts, legal=False).unflatten(1, (len(self.space), -1))
        here = item[:, None, None].expand(-1, 1, self.space.n_labels)
        return log_p.gather(1, here).squeeze(1)

    def _likely_size(self, prompts: SetBatch, state: Partial, rules: Rules) -> tuple[Tensor, Tensor]:
        """(B,) the most likely size that leaves something to come; (B,) whether there is none."""
        logits = self.size_logits(prompts.conditions, prompts.rows_in)
        larger = torch.arange(logits.shape[1], device=logits.device) > state.count[:, None]
        possible = rules.possible_sizes(state) & larger
        full = ~possible.any(1)
        size = logits.masked_fill(~possible, -torch.inf).argmax(1)
        return torch.where(full, state.count + 1, size), full

    def sample(
        self,
        prompts: AnySets,
        how: Sampling | None = None,
        *,
        sizes: np.ndarray | None = None,
        seed: int | np.ndarray = 0,
        batch_size: int = 256,
        **options: Any,
    ) -> AnySets:
        """Complete each prompt: (C,) sets that contain the prompt's items unaltered, first and in order.

        A prompt is a partial (or empty) set with conditions, each of which may be UNKNOWN. An item given with
        the label OPEN gets its label from the model, before any new item is drawn.
        how: options; or by name, `sample(prompts, temperature=0.8)`, as `Sampling` has them.
        sizes: (C,) total number of items wanted, 0 or None where the model draws it. With `legal`,
        every set keeps the space's bounds for certain. Row i depends on `seed` and i alone, not on the batch;
        where `seed` is (C, 2) integers, row i is what row seed[i, 1] of a call with the seed seed[i, 0] would
        be, so that several calls can be made as one.
        Raises InputError when a prompt cannot be completed.

        >>> climbs = generator.sample(prompts, seed=0, temperature=0.9)  # doctest: +SKIP
        """
        from setgen.generators.prompts import check_prompts
        from setgen.generators.revealing import decide_labels, reveal

        how = how or Sampling()
        if options:
            how = Sampling(**{**vars(how), **options})
        self.check_sampling(how)
        rules = self.rules(how.legal, how.constraints)
        wanted = check_prompts(rules, prompts, sizes, how.constraints)
        if not len(prompts):
            return prompts
        if self.repeats_without_rules and not how.legal:
            rules = Rules(self.space, rules.bounds, rules.sizes, repeats=True)
        parts = []
        with evaluating(self), torch.inference_mode():
            for begin in range(0, len(prompts), batch_size):
                rows = np.arange(begin, min(begin + batch_size, len(prompts)))
                given = to_batch(self.space, prompts[rows], self.device)
                size = torch.from_numpy(wanted[rows]).to(self.device)

                def noise(stream: int | None, rows: np.ndarray = rows) -> Tensor:
                    return torch.from_numpy(noise_of(self.space, seed, rows, stream)).to(self.device)

                given = decide_labels(self, given, size, rules, how, noise)
                grown = reveal(self, given, size, rules, how, noise)
                parts.append(to_sets(self.space, grown, prompts))
        return parts[0].concatenate(parts)

    def check_sampling(self, how: Sampling) -> None:
        """Raise InputError for options that would do nothing."""
        if how.guidance and not (self.guided and self.space.conditions):
            raise InputError("guidance does nothing here: what comes next depends on no condition")
        if how.unmasking != Unmasking() and not self.blocks:
            raise InputError(
                f"{self.name or type(self).__name__} draws one {self.space.item_word} per network call"
            )

    # --- files ------------------------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        return next(chain(self.parameters(), self.buffers())).device

    @property
    def n_parameters(self) -> int:
        """Number of learned numbers."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def save(self, folder: Path) -> None:
        """Write model.json, the space and weights.safetensors into `folder`, all or nothing. Raises InputError."""
        from setgen.generators.registry import name_of

        head = {"format": FORMAT, "generator": name_of(type(self)), "config": asdict(self.config)}
        save_network(self, self.space, folder, "model.json", head)

    @classmethod
    def from_folder(cls, folder: Path, head: dict[str, Any]) -> Self:
        """Rebuild from a saved folder whose model.json is `head`. Raises InputError when they disagree."""
        if head["format"] < cls.since:
            raise InputError(f"{folder} holds a {head['generator']} of an earlier setgen: train it anew")
        check_sums(folder, head.get("sha256"))
        space = load_space(folder)
        try:
            weights = read_weights(folder, head["config"])
            generator = cls(space, cls.Config(**head["config"]))
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
            RuntimeError,
            SafetensorError,
            OSError,
        ) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{folder} is damaged or from another version of setgen: {reason}") from None
        try:
            generator.load_state_dict(weights)
        except RuntimeError:
            raise InputError(
                f"{folder} is damaged: its weights do not fit its {space.file} and model.json; "
                "copy the model folder again as a whole"
            ) from None
        return generator.eval()


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module in eval mode, and back in its own behind it."""
    training = module.training
    module.train(False)
    try:
        yield
    finally:
        module.train(training)


def per_item(nats: Tensor, size: Tensor) -> Tensor:
    """Scalar: nats (B,) of sets per item of them all, size (B,).

    A mean over sets of each one's own nats per item would weigh a set of n items by 1/n, and what is learned then is
    p(S)/n: sets come out too small.
    """
    return nats.sum() / size.sum().clamp(min=1)


def next_given(waiting: Tensor, rank: Tensor, labels: int) -> Tensor:
    """(B,) the element of lowest rank among those that wait, −1 for none. waiting: (B, V) label + 1, or 0."""
    item = torch.where(waiting > 0, rank, rank.shape[1]).argmin(1, keepdim=True)
    return (
        (item * labels + waiting.gather(1, item) - 1).masked_fill(waiting.gather(1, item) == 0, -1).squeeze(1)
    )


def given_from(batch: SetBatch, given: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """(S,) the first given element at each step's column or behind it, −1 for none."""
    return first_of(batch.element[row], given[row] & ~_before(batch, column))


def first_of(element: Tensor, there: Tensor) -> Tensor:
    """(S,) the first of the elements (S, L) that is `there` (S, L), −1 for none."""
    first = there.int().argmax(1, keepdim=True)
    return element.gather(1, first).masked_fill(~there.gather(1, first), -1).squeeze(1)


def _before(batch: SetBatch, column: Tensor) -> Tensor:
    """(S, L) bool: columns before each step's own."""
    return torch.arange(batch.width, device=column.device) < column[:, None]


def _masked(logits: Tensor, allowed: Tensor) -> Tensor:
    """(S, M) float64 log-probabilities over what is allowed; where nothing is, −inf."""
    masked = logits.double().masked_fill(~allowed, -torch.inf)
    nothing = ~allowed.any(1, keepdim=True)
    return masked.masked_fill(nothing, 0.0).log_softmax(1).masked_fill(~allowed, -torch.inf)


def _take(log_p: Tensor, choice: Tensor) -> Tensor:
    """(S,) log_p (S, M) of each row's choice; −inf where there is no such choice."""
    there = choice < log_p.shape[1]
    taken = log_p.gather(1, choice.clamp(max=log_p.shape[1] - 1)[:, None]).squeeze(1)
    return taken.masked_fill(~there, -torch.inf)

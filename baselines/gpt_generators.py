"""GPTs over `angle grade hold role … end`: holds reshuffled on every pass, or in one canonical order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from baselines.gpt import GPT
from baselines.gpt_loss import nats_per_hold, shuffled, token_loss
from baselines.gpt_next import next_behind, next_between
from baselines.gpt_sampling import CachedReader, Reader, SlidingReader, TokenGroups, assemble, complete
from baselines.grammar import Grammar
from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.constraints import Constraints
from setgen.dataset.batches import ClimbBatch, to_batch
from setgen.dataset.vocabulary import Vocabulary
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.config import NetworkConfig
from setgen.generators.drawing import row_uniforms
from setgen.generators.legality import Placed, elements_allowed
from setgen.generators.prompts import make_ready

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class ShuffledConfig(NetworkConfig):
    """The corrected form by default; kilter-gpt's is smoothing='last', loss='bce', crop=True.

    smoothing: at which hold positions every hold still to come is a right answer, 'all', 'last' (of the
    cropped window) or 'none'. crop: train on texts cut at a random token, padded left to `context`
    tokens, with a window that slides in generation. context: 0 for the board's longest climb.
    """

    smoothing: str = "all"
    loss: str = "ce"
    crop: bool = False
    context: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        choices = {"smoothing": ("all", "last", "none"), "loss": ("ce", "bce")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name} is {getattr(self, name)!r}: choose {' or '.join(known)}")
        if self.context < 0:
            raise InputError(f"context is {self.context}: give tokens, or 0 for the board's longest climb")
        if self.smoothing == "last" and not self.crop:
            raise InputError("smoothing 'last' needs crop=true: uncropped climbs end with `end`, not a hold")
        if self.context and not self.crop:
            raise InputError("context needs crop=true: without it the context is the board's longest climb")


def _evaluating(method: Method) -> Method:
    """Run a method without dropout and gradients, whatever mode the module is in."""

    @wraps(method)
    def run(self, *args, **kwargs):
        training = self.training
        if training:
            self.eval()
        try:
            with torch.no_grad():
                return method(self, *args, **kwargs)
        finally:
            if training:
                self.train()

    return cast(Method, run)


class _GPTGenerator(Generator):
    """What both orders share: network, vocabulary, likelihood of one order, sampling, files."""

    ascending = False
    crop = False

    def __init__(self, board: Board, config: NetworkConfig) -> None:
        super().__init__(board, config)
        self.vocabulary = Vocabulary.of(board)
        longest = 2 + 2 * min(board.limits.holds[1], len(board))  # `end` is written, never read
        context = getattr(config, "context", 0) or longest
        self.gpt = GPT(
            len(self.vocabulary), context, config.width, config.depth, config.heads, config.dropout
        )

    def fit_counts(self, climbs: Climbs) -> None:
        """Nothing is counted: the size is where the model writes `end`."""

    def _grammar(self, legal: bool) -> Grammar:
        return Grammar(self.board, legal, ascending=self.ascending)

    def _reader(self) -> Reader:
        return SlidingReader(self.gpt) if self.crop else CachedReader(self.gpt)

    def _prepare(self, batch: ClimbBatch) -> tuple[ClimbBatch, Tensor]:
        """The batch in the order it is learned in, and its tokens, with some conditions hidden."""
        if self.training:
            hide = torch.rand(2, len(batch), device=batch.angle.device) < self.config.condition_dropout
            batch = replace(
                batch, angle=batch.angle.masked_fill(hide[0], 0), grade=batch.grade.masked_fill(hide[1], 0)
            )
        batch = self._ordered(batch)
        return batch, self._tokens(batch)

    def _ordered(self, batch: ClimbBatch) -> ClimbBatch:
        raise NotImplementedError

    def _tokens(self, batch: ClimbBatch) -> Tensor:
        longest = 2 + 2 * min(self.board.limits.holds[1], len(self.board))
        if 2 + 2 * int(batch.size.max()) > longest:
            raise InputError(
                f"a climb has {int(batch.size.max())} holds, more than the {longest // 2 - 1} of this board: "
                "leave illegal climbs out"
            )
        return self.vocabulary.encode_batch(batch)

    @_evaluating
    def _log_probability(self, batch: ClimbBatch, given: Tensor, legal: bool) -> Tensor:
        """(B,) float64 nats of writing the holds in the batch's own order, then `end`.

        given: (B, L) bool, holds of a prompt. Their roles are decided, and so are they themselves, unless
        the order is fixed: then what is drawn is whether a given hold comes next or a new one before it.
        """
        tokens, grammar = self._tokens(batch), self._grammar(legal)
        groups = TokenGroups(self.vocabulary, tokens.device)
        if self.crop:
            reader = self._reader()
            steps = [reader.feed(tokens[:, :2])]
            steps += [reader.feed(tokens[:, t : t + 1]) for t in range(2, tokens.shape[1] - 1)]
            logits = torch.stack(steps, 1)
        else:
            logits = self.gpt(tokens[:, :-1])[:, 1:]
        state, size = grammar.start(replace(batch, present=given)), batch.size
        drawn = torch.nn.functional.pad(~given, (0, 1), value=True)  # `end` is drawn too
        total = torch.zeros(len(batch), dtype=torch.float64, device=tokens.device)
        for i in range(batch.present.shape[1] + 1):
            end = torch.full_like(size, len(self.board))
            hold = batch.placement[:, i].where(i < size, end) if i < batch.present.shape[1] else end
            step = _log_prob(logits[:, 2 * i][:, groups.holds], grammar.holds(state), hold)
            total = total + step.where((i <= size) & (drawn[:, i] | self.ascending), 0.0)
            if i < batch.present.shape[1]:
                placement, role = batch.placement[:, i], batch.role[:, i]
                allowed = grammar.roles(state, placement)
                step = _log_prob(logits[:, 2 * i + 1][:, groups.roles], allowed, role)
                total = total + step.where((i < size) & drawn[:, i], 0.0)
                state = state.write(placement, role)
        return total

    @_evaluating
    def next_log_probs(self, prompts: ClimbBatch, legal: bool = True) -> Tensor:
        """See `Generator.next_log_probs`. Every hold is tried, a row at a time."""
        placed = Placed.of(self.board, prompts)
        room = self._grammar(legal).most - placed.count
        allowed = elements_allowed(self.board, placed, room, legal) & (room > 0)[:, None]
        scores = torch.full(allowed.shape, -torch.inf, dtype=torch.float64, device=allowed.device)
        for b in allowed.any(1).nonzero().squeeze(1).tolist():
            length = max(1, int(prompts.size[b]))
            one = slice(b, b + 1), slice(0, length)
            given = ClimbBatch(
                prompts.placement[one],
                prompts.role[one],
                prompts.present[one],
                prompts.angle[one[0]],
                prompts.grade[one[0]],
            )
            scores[b] = self._next_scores(given, allowed[b]).log_softmax(0)
        return scores

    def _next_scores(self, given: ClimbBatch, allowed: Tensor) -> Tensor:
        raise NotImplementedError

    @_evaluating
    def sample(
        self,
        prompts: Climbs,
        *,
        sizes: np.ndarray | None = None,
        legal: bool = True,
        temperature: float = 1.0,
        seed: int | np.ndarray = 0,
        batch_size: int = 256,
        constraints: Constraints | None = None,
    ) -> Climbs:
        """See `Generator.sample`. Without `legal` only the grammar holds: a placement may come twice."""
        ready = make_ready(self, prompts, sizes, legal, constraints, temperature, seed)
        grammar = Grammar(self.board, legal, not self.ascending, self.ascending, ready.permitted)
        parts = []
        for start in range(0, len(prompts), batch_size):
            rows = np.arange(start, min(start + batch_size, len(prompts)))
            part = ready.prompts[rows]
            drawn = complete(
                self._reader(),
                self.vocabulary,
                grammar,
                to_batch(self.board, part, self.device),
                torch.from_numpy(ready.sizes[rows]).to(self.device),
                row_uniforms(seed, rows, 2 * grammar.most).to(self.device),
                temperature,
            )
            parts.append(assemble(part, *drawn))
        return Climbs.concatenate(parts) if parts else prompts

    def save(self, folder: Path) -> None:
        super().save(folder)
        self.vocabulary.save(Path(folder) / "tokenizer.json")

    @classmethod
    def from_folder(cls, folder: Path, head: dict[str, Any]) -> Generator:
        generator = super().from_folder(folder, head)
        if Vocabulary.load(folder / "tokenizer.json") != Vocabulary.of(generator.board):
            raise InputError(f"{folder} is damaged: tokenizer.json and board.json are of different boards")
        return generator


class ShuffledGPT(_GPTGenerator):
    """A GPT that sees each climb in a new random order on every pass.

    p(S | c) = Σ_σ p(σ(S), end | c), of which `log_likelihood` gives single terms plus log n!.
    """

    name = "gpt"
    Config = ShuffledConfig

    def __init__(self, board: Board, config: ShuffledConfig) -> None:
        super().__init__(board, config)
        self.crop = config.crop

    def _ordered(self, batch: ClimbBatch) -> ClimbBatch:
        return shuffled(batch)

    def _next_scores(self, given: ClimbBatch, allowed: Tensor) -> Tensor:
        return next_behind(self._reader(), self.vocabulary, given, allowed)

    def loss(self, batch: ClimbBatch) -> Tensor:
        """Minus the bound in nats per hold (`ce`), or kilter-gpt's mean binary cross-entropy (`bce`)."""
        batch, tokens = self._prepare(batch)
        config = self.config
        if config.loss == "ce" and not config.crop:
            return nats_per_hold(
                self.gpt, self.vocabulary, batch, tokens, config.smoothing == "all", ascending=False
            )
        return token_loss(
            self.gpt, self.vocabulary, batch, tokens, config.smoothing, config.loss, config.crop
        )

    def log_likelihood(
        self, batch: ClimbBatch, orders: Tensor, legal: bool = True, given: Tensor | None = None
    ) -> Tensor:
        """See `Generator.log_likelihood`; a `bce` model's logits are read as softmax logits here too."""
        given = torch.zeros_like(batch.size) if given is None else given
        columns = []
        for order in orders.to(self.device):
            written = batch.reordered(order)
            columns.append(self._log_probability(written, written.leading(given).present, legal))
        return torch.stack(columns, 1) + torch.lgamma((batch.size - given).double() + 1)[:, None]


class SortedGPT(_GPTGenerator):
    """A GPT over the one order by placement: each set has one sequence, so its likelihood is exact.

    Completion writes the given holds at their place in the order. A hold in front of a given one is
    then drawn without knowing that the given one will come: an approximation to p(S | given).
    """

    name = "sorted_gpt"
    Config = NetworkConfig
    ascending = True

    def _order(self, batch: ClimbBatch) -> Tensor:
        return batch.placement.masked_fill(~batch.present, len(self.board)).argsort(1)

    def _ordered(self, batch: ClimbBatch) -> ClimbBatch:
        return batch.reordered(self._order(batch))

    def _next_scores(self, given: ClimbBatch, allowed: Tensor) -> Tensor:
        return next_between(self.gpt, self.vocabulary, self._ordered(given), allowed)

    def loss(self, batch: ClimbBatch) -> Tensor:
        """Minus the exact log-likelihood (without `legal`), in nats per hold."""
        batch, tokens = self._prepare(batch)
        return nats_per_hold(self.gpt, self.vocabulary, batch, tokens, smoothing=False, ascending=True)

    def log_likelihood(
        self, batch: ClimbBatch, orders: Tensor, legal: bool = True, given: Tensor | None = None
    ) -> Tensor:
        """The exact log p(S | c) in every column; with `given`, of completing each column's given holds."""
        if given is None:
            nothing = torch.zeros_like(batch.present)
            exact = self._log_probability(self._ordered(batch), nothing, legal)
            return exact[:, None].expand(-1, len(orders)).clone()
        columns = []
        for order in orders.to(self.device):
            told = batch.reordered(order)
            ascending = self._order(told)
            held = told.leading(given).present.gather(1, ascending)
            columns.append(self._log_probability(told.reordered(ascending), held, legal))
        return torch.stack(columns, 1)


def _log_prob(logits: Tensor, allowed: Tensor, choice: Tensor) -> Tensor:
    """(B,) float64 log-probability of `choice` among what is allowed; −inf where it is not."""
    log_p = logits.double().masked_fill(~allowed, -torch.inf).log_softmax(1)
    choice = choice[:, None]
    return log_p.gather(1, choice).where(allowed.gather(1, choice), -torch.inf).squeeze(1)

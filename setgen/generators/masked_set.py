"""MaskedSet: masked (absorbing) diffusion over element slots with a set transformer.

A climb of n holds is n slots. Noise masks a random subset of them; the denoiser sees the k holds that are
left and the number n − k of masked slots, and gives one distribution over the (placement, role) elements
that any masked slot may hold. Slots have no positions, so neither network nor loss can see an order.

    loss(S) = −log p(n | c) − log n! + n · E_{k ~ U{0…n−1}} E_{A ⊂ S, |A| = k} [ ce(A) ]
    ce(A)   = −1/(n−k) Σ_{e ∈ S∖A} log p(e | A, n, c)

the order-averaged bound of order-agnostic diffusion (Hoogeboom et al. 2022) with the set-aware target: the
mean over the elements still to come instead of one of them drawn at random, which has the same
expectation and less variance. It is reported per hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.constraints import Constraints
from setgen.boards.roles import N_ROLES
from setgen.dataset.batches import ClimbBatch, to_batch, to_climbs
from setgen.errors import InputError
from setgen.generators.drawing import draw, row_uniforms
from setgen.generators.legality import Placed, elements_allowed
from setgen.generators.permitted import Permitted
from setgen.generators.prompts import make_ready
from setgen.generators.sized import SizedGenerator, log_frequencies, put, widen
from setgen.models.hold_embedding import ElementEmbedding
from setgen.models.set_transformer import SetTransformer

_ROWS_PER_CALL = 2048


@dataclass(frozen=True)
class MaskedSetConfig:
    """width, depth, heads: the set transformer's. dropout: in its residuals and on its input.

    condition_dropout: how often angle, and independently grade, is hidden in training.
    copies: how many subsets of each climb one training pass looks at (stratified over their sizes).
    """

    width: int = 128
    depth: int = 4
    heads: int = 4
    dropout: float = 0.1
    condition_dropout: float = 0.1
    copies: int = 4


class MaskedSet(SizedGenerator):
    """The element-slot set generator. Exact when it draws one hold a call; see `sample` for fewer calls."""

    name = "masked_set"
    Config = MaskedSetConfig
    log_frequency: Tensor

    def __init__(self, board: Board, config: MaskedSetConfig) -> None:
        super().__init__(board, config)
        width = config.width
        if width % config.heads:
            raise InputError(f"width {width} is not a multiple of heads {config.heads}")
        if config.copies < 1:
            raise InputError(f"copies is {config.copies}: each climb needs at least one subset")
        self.elements = ElementEmbedding(board, width)
        self.of_angle = nn.Embedding(len(board.angles) + 1, width)
        self.of_grade = nn.Embedding(len(board.grades) + 1, width)
        self.of_remaining = nn.Embedding(self.sizes.most + 1, width)
        self.encoder = SetTransformer(width, config.depth, config.heads, config.dropout)
        self.pointer = nn.Linear(width, width, bias=False)
        self.register_buffer("log_frequency", torch.zeros(len(board) * N_ROLES))

    def fit_counts(self, climbs: Climbs) -> None:
        self.sizes.fit_counts(climbs)
        self.log_frequency.copy_(log_frequencies(climbs, len(self.board)))

    def element_logits(self, known: ClimbBatch, remaining: Tensor, table: Tensor | None = None) -> Tensor:
        """(B, V·4) unnormalised log-probabilities of a masked slot's element.

        known: the holds that are not masked. remaining: (B,) how many slots are masked. table: the elements'
        vectors, where the caller has them.
        """
        table = self.elements() if table is None else table
        state = self.of_angle(known.angle) + self.of_grade(known.grade) + self.of_remaining(remaining)
        code = self.encoder(state, embedding(known.element[known.present], table), known.present)
        return self.pointer(code) @ table.T / table.shape[1] ** 0.5 + self.log_frequency

    def loss(self, batch: ClimbBatch) -> Tensor:
        """Mean over climbs of the bound above, in nats per hold; one stratified draw of `copies` subsets."""
        batch = self.hide_conditions(batch)
        copies = self.config.copies if self.training else max(4, self.config.copies)
        size = batch.size
        n_slots = torch.arange(batch.placement.shape[1], device=size.device)

        # Copy m of a climb keeps k holds with k/n in [m, m+1)/copies, so the copies cover every noise level.
        level = (
            torch.rand(len(batch), 1, device=size.device) + torch.arange(copies, device=size.device)
        ) / copies
        # In float32 a level just below 1 may round to 1, about once in 10⁷ climbs: one slot stays masked.
        n_known = (level * size[:, None]).long().clamp(max=size[:, None] - 1).flatten()
        many = _repeat(batch, copies)
        key = torch.rand(many.present.shape, device=size.device).masked_fill(~many.present, 2.0)
        many = many.reordered(key.argsort(1))
        known = many.present & (n_slots < n_known[:, None])
        masked = many.present & ~known

        seen = _first(replace(many, present=known), int(n_known.max()))
        log_probs = self._next_log_probs(seen, many.size - n_known, legal=False)
        per_slot = -log_probs.gather(1, many.element).masked_fill(~masked, 0.0).sum(1) / masked.sum(1)
        per_hold = per_slot.view(len(batch), copies).mean(1)
        log_size = self.log_size(batch, batch.leading(torch.zeros_like(size)), legal=False)
        return (per_hold - (log_size + torch.lgamma(size + 1.0)) / size).mean()

    def log_likelihood(
        self, batch: ClimbBatch, orders: Tensor, legal: bool = True, given: Tensor | None = None
    ) -> Tensor:
        k, rows, _ = orders.shape
        many = _repeat(batch, k).reordered(orders.transpose(0, 1).flatten(0, 1))
        start = torch.zeros_like(batch.size) if given is None else given
        prompts = many.leading(start.repeat_interleave(k))
        # One row for each prefix of each order of each climb, from the given holds on.
        climb, step = (many.present & ~prompts.present).nonzero(as_tuple=True)
        total = torch.zeros(rows * k, device=climb.device, dtype=self.log_frequency.dtype)
        for first in range(0, len(climb), _ROWS_PER_CALL):
            at, i = (x[first : first + _ROWS_PER_CALL] for x in (climb, step))
            prefix = many.rows(at)
            known = _first(prefix.leading(i), int(i.max()))
            next_log_probs = self._next_log_probs(known, many.size[at] - i, legal)
            chosen = prefix.element.gather(1, i[:, None])
            total = total.index_add(0, at, next_log_probs.gather(1, chosen).squeeze(1))
        # Without given holds one size distribution serves all orders of a climb.
        if given is None:
            log_size = self.log_size(batch, batch.leading(start), legal)[:, None]
        else:
            log_size = self.log_size(many, prompts, legal).view(rows, k)
        log_orders = torch.lgamma((batch.size - start).to(total) + 1)
        return total.view(rows, k) + (log_size + log_orders[:, None])

    def next_log_probs(self, prompts: ClimbBatch, legal: bool = True) -> Tensor:
        size = self.likely_size(prompts, Placed.of(self.board, prompts), legal)
        log_probs = self._next_log_probs(prompts, size - prompts.size, legal)
        return log_probs.masked_fill((prompts.size >= self.most(legal))[:, None], -torch.inf)

    @torch.inference_mode()
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
        calls: int | None = None,
    ) -> Climbs:
        """See `Generator.sample`. calls: network calls for one climb at most; None means one a hold (exact).

        With fewer calls each call reveals a block of holds, drawn without replacement from one
        distribution with the legality masks brought up to date after every hold.
        """
        if calls is not None and calls < 1:
            raise InputError(f"calls is {calls}: a climb needs at least one network call")
        ready = make_ready(self, prompts, sizes, legal, constraints, temperature, seed)

        def complete(part: Climbs, wanted: Tensor, rows: np.ndarray) -> Climbs:
            return self._complete(part, wanted, rows, legal, ready.permitted, temperature, seed, calls)

        return self.sample_in_batches(ready.prompts, ready.sizes, batch_size, complete)

    def _complete(
        self,
        prompts: Climbs,
        wanted: Tensor,
        rows: np.ndarray,
        legal: bool,
        permitted: Permitted | None,
        temperature: float,
        seed: int | np.ndarray,
        calls: int | None,
    ) -> Climbs:
        given = to_batch(self.board, prompts, self.device)
        noise = row_uniforms(seed, rows, self.sizes.most + 1).to(self.device)
        state = Placed.of(self.board, given)
        drawn = draw(self.size_log_probs(given, state, legal, permitted), noise[:, -1])
        size = torch.where(wanted > 0, wanted, drawn)

        grown, table = widen(given, int(size.max())), self.elements()
        for call in range(self.sizes.most):
            active = (state.count < size).nonzero().squeeze(1)
            if len(active) == 0:
                break
            left = (size - state.count)[active]
            block = torch.ones_like(left) if calls is None else -(-left // (calls - call))
            logits = self.element_logits(grown.rows(active), left, table)
            for i in range(int(block.max())):
                chosen = active[block > i]
                here = state.rows(chosen)
                allowed = elements_allowed(self.board, here, size[chosen] - here.count, legal, permitted)
                masked = logits[block > i].masked_fill(~allowed, -torch.inf)
                element = draw(masked, noise[chosen, here.count], temperature)
                state = put(grown, state, chosen, element)
        return to_climbs(self.board, grown)

    def _next_log_probs(self, known: ClimbBatch, remaining: Tensor, legal: bool) -> Tensor:
        state = Placed.of(self.board, known)
        allowed = elements_allowed(self.board, state, remaining, legal)
        logits = self.element_logits(known, remaining).masked_fill(~allowed, -torch.inf)
        return logits.log_softmax(1)


def _repeat(batch: ClimbBatch, times: int) -> ClimbBatch:
    """Row b becomes rows b·times … b·times + times − 1."""
    return batch.rows(torch.arange(len(batch), device=batch.angle.device).repeat_interleave(times))


def _first(batch: ClimbBatch, length: int) -> ClimbBatch:
    """Cut the padded width down to `length` (at least 1)."""
    length = max(1, length)
    return replace(
        batch,
        placement=batch.placement[:, :length],
        role=batch.role[:, :length],
        present=batch.present[:, :length],
    )

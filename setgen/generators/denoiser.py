"""Denoiser: what set generators share that learn to fill in the masked holds of a climb.

A climb of n holds is n slots. Noise masks a random subset of them; a set transformer sees the k holds that
are left and the number n − k of masked ones, and gives one logit an element. Slots have no positions, so
neither network nor loss can see an order. What the logits mean is up to the generator: see MaskedSet and
HoldCanvas.
"""

from __future__ import annotations

from abc import abstractmethod
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
from setgen.generators.config import NetworkConfig
from setgen.generators.drawing import row_uniforms
from setgen.generators.legality import Placed, elements_allowed
from setgen.generators.prompts import make_ready
from setgen.generators.revealing import reveal
from setgen.generators.sharpening import Sharpening
from setgen.generators.sized import SizedGenerator, first_columns, log_frequencies
from setgen.generators.unmasking import Unmasking
from setgen.models.hold_embedding import ElementEmbedding
from setgen.models.set_transformer import SetTransformer

_ROWS_PER_CALL = 2048


@dataclass(frozen=True)
class DenoiserConfig(NetworkConfig):
    """The set transformer's (dropout: in its residuals and on its input), and copies: how many subsets of
    each climb one training pass looks at (stratified over their sizes)."""

    copies: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.copies < 1:
            raise InputError(f"copies is {self.copies}: each climb needs at least one subset")


class Denoiser(SizedGenerator):
    """Exact when it draws one hold a call; `Unmasking` says how else."""

    Config = DenoiserConfig
    log_frequency: Tensor

    def __init__(self, board: Board, config: DenoiserConfig) -> None:
        super().__init__(board, config)
        width = config.width
        self.elements = ElementEmbedding(board, width)
        self.of_angle = nn.Embedding(len(board.angles) + 1, width)
        self.of_grade = nn.Embedding(len(board.grades) + 1, width)
        self.of_remaining = nn.Embedding(self.sizes.most + 1, width)
        self.encoder = SetTransformer(width, config.depth, config.heads, config.dropout)
        self.pointer = nn.Linear(width, width, bias=False)
        self.register_buffer("log_frequency", torch.zeros(len(board) * N_ROLES))

    @abstractmethod
    def step_log_probs(self, logits: Tensor, state: Placed, left: Tensor, allowed: Tensor) -> Tensor:
        """(B, V·4) log p(the next hold to be revealed is this element), normalised over `allowed` (B, V·4).

        logits: (B, V·4) as the network gave them when the block began. state: what is known by now. left:
        (B,) how many holds are masked.
        """

    @abstractmethod
    def remainder_loss(self, logits: Tensor, state: Placed, batch: ClimbBatch, masked: Tensor) -> Tensor:
        """(B,) nats per masked slot. masked: (B, L) bool, holds of the batch that the state does not know."""

    def fit_counts(self, climbs: Climbs) -> None:
        """Count sizes, and how often each element occurs: where the logits start from."""
        self.sizes.fit_counts(climbs)
        self.log_frequency.copy_(log_frequencies(climbs, len(self.board)))

    def element_logits(self, known: ClimbBatch, remaining: Tensor, table: Tensor | None = None) -> Tensor:
        """(B, V·4) logits.

        known: the holds that are not masked. remaining: (B,) how many are masked. table: what `self.elements`
        gives, for whoever calls this several times.
        """
        table = self.elements() if table is None else table
        state = self.of_angle(known.angle) + self.of_grade(known.grade) + self.of_remaining(remaining)
        code = self.encoder(state, embedding(known.element[known.present], table), known.present)
        return torch.addmm(self.log_frequency, self.pointer(code), table.T, alpha=table.shape[1] ** -0.5)

    def loss(self, batch: ClimbBatch) -> Tensor:
        """Mean over climbs in nats per hold; one stratified draw of `copies` subsets."""
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

        seen = first_columns(replace(many, present=known), int(n_known.max()))
        logits = self.element_logits(seen, many.size - n_known)
        state = Placed.of(self.board, seen)
        per_slot = self.remainder_loss(logits, state, many, many.present & ~known)
        log_size = self.log_size(batch, batch.leading(torch.zeros_like(size)), legal=False)
        return (per_slot.view(len(batch), copies).mean(1) - self.log_set_factor(size, log_size)).mean()

    def log_set_factor(self, size: Tensor, log_size: Tensor) -> Tensor:
        """(B,) nats per hold that the loss counts beside the slots'."""
        return log_size / size

    def log_likelihood(
        self,
        batch: ClimbBatch,
        orders: Tensor,
        legal: bool = True,
        given: Tensor | None = None,
        unmasking: Unmasking | None = None,
    ) -> Tensor:
        """See `Generator.log_likelihood`. unmasking: of climbs revealed in fewer calls.

        Raises InputError for a way of revealing whose likelihood is not known.
        """
        if unmasking is not None and not unmasking.has_likelihood:
            raise InputError("the likelihood of climbs revealed in this way is not known")
        k, rows, _ = orders.shape
        many = _repeat(batch, k).reordered(orders.transpose(0, 1).flatten(0, 1))
        start = torch.zeros_like(batch.size) if given is None else given
        given_many = start.repeat_interleave(k)
        prompts = many.leading(given_many)
        no_times = torch.zeros(1, device=start.device).expand(rows * k, self.sizes.most)
        plan = (unmasking or Unmasking()).plan(given_many, many.size, no_times)
        begun = given_many[:, None] + plan.cumsum(1) - plan  # known when each call is made
        # One row for each prefix of each order of each climb, from the given holds on.
        climb, step = (many.present & ~prompts.present).nonzero(as_tuple=True)
        total = torch.zeros(rows * k, device=climb.device, dtype=self.log_frequency.dtype)
        for first in range(0, len(climb), _ROWS_PER_CALL):
            at, i = (x[first : first + _ROWS_PER_CALL] for x in (climb, step))
            prefix = many.rows(at)
            seen = ((begun[at] <= i[:, None]) * begun[at]).amax(1)
            logits = self.element_logits(
                first_columns(prefix.leading(seen), int(seen.max())), many.size[at] - seen
            )
            log_probs = self._step(
                logits, first_columns(prefix.leading(i), int(i.max())), many.size[at] - i, legal
            )
            chosen = prefix.element.gather(1, i[:, None])
            total = total.index_add(0, at, log_probs.gather(1, chosen).squeeze(1))
        # Without given holds one size distribution serves all orders of a climb.
        if given is None:
            log_size = self.log_size(batch, batch.leading(start), legal)[:, None]
        else:
            log_size = self.log_size(many, prompts, legal).view(rows, k)
        log_orders = torch.lgamma((batch.size - start).to(total) + 1)
        return total.view(rows, k) + (log_size + log_orders[:, None])

    def next_log_probs(self, prompts: ClimbBatch, legal: bool = True) -> Tensor:
        """See `Generator.next_log_probs`."""
        left = self.likely_size(prompts, Placed.of(self.board, prompts), legal) - prompts.size
        logits = self.element_logits(prompts, left)
        full = prompts.size >= self.most(legal)
        return self._step(logits, prompts, left.clamp(min=1), legal).masked_fill(full[:, None], -torch.inf)

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
        unmasking: Unmasking | None = None,
        sharpening: Sharpening | None = None,
    ) -> Climbs:
        """See `Generator.sample`. unmasking: in how many calls; None: one a hold, which is exact."""
        ready = make_ready(self, prompts, sizes, legal, constraints, temperature, seed)

        def complete(part: Climbs, wanted: Tensor, rows: np.ndarray) -> Climbs:
            def noise(stream: int | None) -> Tensor:
                return row_uniforms(seed, rows, self.sizes.most + 1, stream).to(self.device)

            given = to_batch(self.board, part, self.device)
            rules = (legal, ready.permitted, temperature)
            how = (unmasking or Unmasking(), sharpening or Sharpening())
            return to_climbs(self.board, reveal(self, given, wanted, noise, *rules, *how))

        return self.sample_in_batches(ready.prompts, ready.sizes, batch_size, complete)

    def _step(self, logits: Tensor, known: ClimbBatch, left: Tensor, legal: bool) -> Tensor:
        state = Placed.of(self.board, known)
        return self.step_log_probs(logits, state, left, elements_allowed(self.board, state, left, legal))


def _repeat(batch: ClimbBatch, times: int) -> ClimbBatch:
    """Row b becomes rows b·times … b·times + times − 1."""
    return batch.rows(torch.arange(len(batch), device=batch.angle.device).repeat_interleave(times))

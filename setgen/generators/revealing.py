"""Revealing: a masked climb is filled in, call by call, as an `Unmasking` says."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from setgen.dataset.batches import ClimbBatch
from setgen.generators.drawing import draw
from setgen.generators.legality import Placed, elements_allowed
from setgen.generators.permitted import Permitted
from setgen.generators.sized import put, widen
from setgen.generators.unmasking import Unmasking, entropy_bits, narrowed

if TYPE_CHECKING:
    from setgen.generators.denoiser import Denoiser

Noise = Callable[[int | None], Tensor]
"""stream → (B, most + 1) uniforms, each row's its own; None: the stream of the plain sampler."""

_TIMES, _FIRST_FREE = 2, 3  # streams; 1 draws open roles


@dataclass
class Growing:
    """B climbs that grow to `size` (B,) holds. Holds of `batch` stand as the state counts them."""

    batch: ClimbBatch
    state: Placed
    size: Tensor

    @property
    def left(self) -> Tensor:
        return self.size - self.state.count

    def keep(self, generator: Denoiser, kept: Tensor) -> None:
        """Hide all holds but those `kept` (B, L)."""
        order = (~kept).long().argsort(dim=1, stable=True)
        self.batch = self.batch.reordered(order).leading(kept.sum(1))
        # `leading` left the storage of hidden holds as it is; what is put there later must not alias it.
        self.batch = replace(self.batch, present=self.batch.present.clone())
        self.state = Placed.of(generator.board, self.batch)


@torch.inference_mode()
def reveal(
    generator: Denoiser,
    given: ClimbBatch,
    wanted: Tensor,
    noise: Noise,
    legal: bool,
    permitted: Permitted | None,
    temperature: float,
    how: Unmasking,
) -> ClimbBatch:
    """The prompts `given`, completed. wanted: (B,) holds in all, 0 where the size is drawn."""
    plain = noise(None)
    state = Placed.of(generator.board, given)
    drawn = draw(generator.size_log_probs(given, state, legal, permitted), plain[:, -1])
    size = torch.where(wanted > 0, wanted, drawn)
    growing = Growing(widen(given, int(size.max())), state, size)
    step = _Step(generator, growing, legal, permitted, temperature, how)
    fresh = (noise(stream) for stream in itertools.count(_FIRST_FREE))

    if how.block_bits is not None:
        while (growing.left > 0).any():
            step.block(growing.left, plain)
    else:
        times = noise(_TIMES) if how.schedule == "ancestral" else plain
        plan = how.plan(state.count, size, times)
        for call in range(plan.shape[1]):
            if how.schedule == "confident" and call + 1 < plan.shape[1]:
                step.surest(plan[:, call], next(fresh), next(fresh), 1 - (call + 1) / plan.shape[1])
            else:
                step.block(plan[:, call], plain if how.schedule != "confident" else next(fresh))
    for _ in range(how.refinements):
        step.redraw(given.size, next(fresh), next(fresh))
    return growing.batch


@dataclass
class _Step:
    """What one network call and the draws from it do to the climbs that grow."""

    generator: Denoiser
    growing: Growing
    legal: bool
    permitted: Permitted | None
    temperature: float
    how: Unmasking

    def block(self, sizes: Tensor, noise: Tensor) -> Tensor:
        """Draw up to `sizes` (B,) more holds from one call. (B, L) log-probabilities of new holds, else 0."""
        growing, how = self.growing, self.how
        scores = torch.zeros(growing.batch.present.shape, device=sizes.device, dtype=torch.float64)
        row = ((sizes > 0) & (growing.left > 0)).nonzero().squeeze(1)
        if not len(row):
            return scores
        logits, goal = self._logits(row), growing.state.count[row] + sizes[row]
        bits = torch.zeros(2, len(row), dtype=torch.float64, device=sizes.device)  # sum and largest
        first = True
        while len(row):
            here = growing.state.rows(row)
            left = growing.size[row] - here.count
            allowed = elements_allowed(self.generator.board, here, left, self.legal, self.permitted)
            log_p = self.generator.step_log_probs(logits, here, left, allowed)
            go = torch.ones_like(row, dtype=torch.bool)
            if how.block_bits is not None:
                entropy = entropy_bits(log_p)
                bits = torch.stack([bits[0] + entropy, torch.maximum(bits[1], entropy)])
                go = (bits[0] - bits[1] <= how.block_bits + 1e-9) | first
            first = False
            row, goal, logits, log_p, bits = row[go], goal[go], logits[go], log_p[go], bits[:, go]
            column = growing.state.count[row]
            uniform = noise[row, column]
            element = draw(narrowed(log_p, how.top_k, how.top_p), uniform, self.temperature)
            growing.state = put(growing.batch, growing.state, row, element)
            scores[row, column] = log_p.gather(1, element[:, None]).squeeze(1).double()
            more = (column + 1 < goal).nonzero().squeeze(1)
            row, goal, logits, bits = row[more], goal[more], logits[more], bits[:, more]
        return scores

    def surest(self, sizes: Tensor, noise: Tensor, doubt: Tensor, heat: float) -> None:
        """Draw all that is masked in one call, and keep the `sizes` (B,) new holds of highest probability.

        Their log-probabilities are perturbed with `heat` times Gumbel noise, which falls to 0 (as MaskGIT).
        """
        growing = self.growing
        before = growing.state.count
        scores = self.block(growing.left, noise)
        length = growing.batch.placement.shape[1]
        column = torch.arange(length, device=before.device)
        new = growing.batch.present & (column >= before[:, None])
        gumbel = -(-doubt[:, :length].clamp(min=1e-300).log()).log()
        rank = (scores + heat * gumbel).masked_fill(~new, -torch.inf).argsort(1, descending=True).argsort(1)
        growing.keep(self.generator, growing.batch.present & (~new | (rank < sizes[:, None])))

    def redraw(self, given: Tensor, noise: Tensor, choice: Tensor) -> None:
        """Hide a share of the holds that are not given, chosen at random, and draw them anew in one call."""
        growing = self.growing
        length = growing.batch.placement.shape[1]
        column = torch.arange(length, device=given.device)
        new = growing.batch.present & (column >= given[:, None])
        key = choice[:, :length].masked_fill(~new, 2.0)
        n_hidden = ((new.sum(1) * self.how.hidden).ceil()).long()
        hidden = new & (key.argsort(1).argsort(1) < n_hidden[:, None])
        growing.keep(self.generator, growing.batch.present & ~hidden)
        self.block(growing.left, noise)

    def _logits(self, row: Tensor) -> Tensor:
        """(T, V·4) logits of the climbs in `row`, guided where that is asked."""
        known, left = self.growing.batch.rows(row), self.growing.left[row]
        guidance = self.how.guidance
        if not guidance:
            return self.generator.element_logits(known, left)
        nothing = torch.zeros_like(known.angle)
        told = self.generator.element_logits(known, left)
        untold = self.generator.element_logits(replace(known, angle=nothing, grade=nothing), left)
        return (1 + guidance) * told - guidance * untold

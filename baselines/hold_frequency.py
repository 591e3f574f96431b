"""Hold frequencies: what counting alone can say about a climb."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.constraints import Constraints
from setgen.boards.roles import N_ROLES
from setgen.boards.rules import size_range
from setgen.dataset.batches import ClimbBatch, to_batch, to_climbs
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.config import GeneratorConfig
from setgen.generators.drawing import draw, row_uniforms
from setgen.generators.legality import Placed, elements_allowed, owed
from setgen.generators.permitted import Permitted
from setgen.generators.prompts import make_ready


@dataclass(frozen=True)
class FrequencyConfig(GeneratorConfig):
    """smoothing: added to every element's count. backoff: climbs' worth of trust in the coarser sizes."""

    smoothing: float = 0.5
    backoff: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.smoothing <= 0 or self.backoff <= 0:
            raise InputError("smoothing and backoff must be above 0: what was never seen is still possible")


class HoldFrequency(Generator):
    """Size from counts by angle and grade; elements by frequency, without replacement (Plackett–Luce).

    p(n | a, g) ∝ N(a, g, n) + κ p(n | g),  p(n | g) ∝ N(g, n) + κ p(n),  p(n) ∝ N(n) + κ / sizes;
    p(e | placed) ∝ count(e) + smoothing over the elements that are allowed. No network, no gradients.
    """

    name = "hold_frequency"
    Config = FrequencyConfig

    def __init__(self, board: Board, config: FrequencyConfig) -> None:
        super().__init__(board, config)
        shape = (len(board.angles) + 1, len(board.grades) + 1, min(board.limits.holds[1], len(board)) + 1)
        self.register_buffer("element_counts", torch.zeros(len(board) * N_ROLES, dtype=torch.float64))
        self.register_buffer("size_counts", torch.zeros(shape, dtype=torch.float64))
        self.element_counts: Tensor
        self.size_counts: Tensor

    def fit_counts(self, climbs: Climbs) -> None:
        """Count elements and sizes; index 0 of angle and grade holds the totals over all of them."""
        elements = climbs.placement.astype(np.int64) * N_ROLES + climbs.role
        counts = np.bincount(elements, minlength=len(self.element_counts))
        self.element_counts.copy_(torch.from_numpy(counts))
        batch = to_batch(self.board, climbs.without_holds())
        angle, grade, size = batch.angle.numpy(), batch.grade.numpy(), climbs.sizes
        keep = size < self.size_counts.shape[2]
        angle, grade, size = angle[keep], grade[keep], size[keep]
        table = np.zeros(tuple(self.size_counts.shape))
        np.add.at(table, (angle, grade, size), 1)
        table[0] = table.sum(0)
        table[:, 0] = table.sum(1)
        self.size_counts.copy_(torch.from_numpy(table))

    def _log_size(self, angle: Tensor, grade: Tensor, fewest: Tensor, most: int) -> Tensor:
        """(B, N + 1) log p(n | angle, grade) over fewest ≤ n ≤ most, renormalised."""
        kappa = self.config.backoff
        n = torch.arange(self.size_counts.shape[2], device=angle.device)
        p = ((n >= 1) & (n <= most)).double() / most
        all_grades, all_angles = (grade == 0)[:, None], (angle == 0)[:, None]  # already counted one up
        by_grade = self.size_counts[0, grade].masked_fill(all_grades, 0.0)
        by_both = self.size_counts[angle, grade].masked_fill(all_angles, 0.0)
        for counts in (self.size_counts[0, 0], by_grade, by_both):
            p = (counts + kappa * p) / (counts.sum(-1, keepdim=True) + kappa)
        possible = (n >= fewest[:, None]) & (n <= most)
        return p.log().masked_fill(~possible, -torch.inf).log_softmax(1)

    def _sizes_allowed(self, placed: Placed, legal: bool) -> tuple[Tensor, int]:
        """(B,) fewest holds, and the most, of a climb that contains what is placed."""
        if not legal:
            return placed.count.clamp(min=1), self.size_counts.shape[2] - 1
        starts, finishes = owed(self.board, placed)
        fewest = (placed.count + starts + finishes).clamp(min=self.board.limits.holds[0])
        return fewest, size_range(self.board, Climb(()))[1]

    def _logits(
        self, placed: Placed, remaining: Tensor, legal: bool, permitted: Permitted | None = None
    ) -> Tensor:
        """(B, V·4) log-weights of the next element, −inf where it may not come."""
        weights = (self.element_counts + self.config.smoothing).log()
        allowed = elements_allowed(self.board, placed, remaining, legal, permitted)
        return torch.where(allowed, weights, -torch.inf)

    def loss(self, batch: ClimbBatch) -> Tensor:
        """Minus the bound in nats per hold, of one random order as in the networks' losses."""
        keys = torch.rand(batch.present.shape, device=batch.angle.device).masked_fill(~batch.present, 2.0)
        nothing = torch.zeros_like(batch.size)
        log_p = self._log_probability(batch.reordered(keys.argsort(1)), nothing, legal=False)
        log_p = log_p + torch.lgamma(batch.size.double() + 1)
        return -(log_p / batch.size.clamp(min=1)).mean()

    def _log_probability(self, batch: ClimbBatch, given: Tensor, legal: bool) -> Tensor:
        """(B,) nats: log p(n) plus the elements behind the first `given` (B,), in the batch's own order."""
        placed = Placed.of(self.board, batch.leading(given))
        fewest, most = self._sizes_allowed(placed, legal)
        log_size = self._log_size(batch.angle, batch.grade, fewest, most)
        size = batch.size
        total = log_size.gather(1, size.clamp(max=log_size.shape[1] - 1)[:, None]).squeeze(1)
        total = total.where(size < log_size.shape[1], -torch.inf)
        for i in range(batch.present.shape[1]):
            new = batch.present[:, i] & (given <= i)
            logits = self._logits(placed, size - placed.count, legal)
            element = batch.element[:, i : i + 1]
            step = (logits.gather(1, element) - logits.logsumexp(1, keepdim=True)).squeeze(1)
            step = step.where(logits.gather(1, element).squeeze(1) > -torch.inf, -torch.inf)
            total = total + step.where(new, 0.0)
            placed = placed.add(batch.placement[:, i], batch.role[:, i], new)
        return total

    def log_likelihood(
        self, batch: ClimbBatch, orders: Tensor, legal: bool = True, given: Tensor | None = None
    ) -> Tensor:
        """See `Generator.log_likelihood`."""
        given = torch.zeros_like(batch.size) if given is None else given
        orders = orders.to(self.device)
        columns = [self._log_probability(batch.reordered(order), given, legal) for order in orders]
        return torch.stack(columns, 1) + torch.lgamma((batch.size - given).double() + 1)[:, None]

    def next_log_probs(self, prompts: ClimbBatch, legal: bool = True) -> Tensor:
        """See `Generator.next_log_probs`; the size is the most likely one that leaves room for a hold."""
        placed = Placed.of(self.board, prompts)
        fewest, most = self._sizes_allowed(placed, legal)
        fewest = torch.maximum(fewest, placed.count + 1)
        room = fewest <= most
        log_size = self._log_size(prompts.angle, prompts.grade, fewest.clamp(max=most), most)
        logits = self._logits(placed, log_size.argmax(1) - placed.count, legal)
        return torch.where(room[:, None], logits.log_softmax(1), -torch.inf)

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
        """See `Generator.sample`. Without `legal` repeats are still impossible."""
        ready = make_ready(self, prompts, sizes, legal, constraints, temperature, seed)
        parts = []
        for start in range(0, len(prompts), batch_size):
            rows = np.arange(start, min(start + batch_size, len(prompts)))
            batch = to_batch(self.board, ready.prompts[rows], self.device)
            uniforms = row_uniforms(seed, rows, self.size_counts.shape[2]).to(self.device)
            size = torch.from_numpy(ready.sizes[rows]).to(self.device)
            grown = self._complete(batch, size, uniforms, legal, ready.permitted, temperature)
            parts.append(to_climbs(self.board, grown))
        return Climbs.concatenate(parts) if parts else prompts

    def _complete(
        self,
        batch: ClimbBatch,
        size: Tensor,
        uniforms: Tensor,
        legal: bool,
        permitted: Permitted | None,
        temperature: float,
    ) -> ClimbBatch:
        """The prompts with new holds behind the given ones; uniforms: (B, 1 + N), the size's first."""
        placed = Placed.of(self.board, batch)
        fewest, most = self._sizes_allowed(placed, legal)
        log_size = self._log_size(batch.angle, batch.grade, fewest, most)
        if permitted is not None:
            possible = permitted.sizes(placed)
            possible = torch.nn.functional.pad(possible, (0, log_size.shape[1] - possible.shape[1]))
            log_size = log_size.masked_fill(~possible, -torch.inf)
        size = torch.where(size > 0, size, draw(log_size, uniforms[:, 0], temperature))
        length = max(int(size.max()), batch.present.shape[1])
        grow = (0, length - batch.present.shape[1])
        placement, role = (torch.nn.functional.pad(x, grow) for x in (batch.placement, batch.role))
        for i in range(int((size - placed.count).max())):
            open_rows = placed.count < size
            logits = self._logits(placed, size - placed.count, legal, permitted)[open_rows]
            element = draw(logits, uniforms[open_rows, 1 + i], temperature)
            at = (open_rows.nonzero().squeeze(1), placed.count[open_rows])
            placement[at], role[at] = element // N_ROLES, element % N_ROLES
            new_placement, new_role = torch.zeros_like(size), torch.zeros_like(size)
            new_placement[open_rows], new_role[open_rows] = placement[at], role[at]
            placed = placed.add(new_placement, new_role, open_rows)
        present = torch.arange(length, device=size.device) < size[:, None]
        return ClimbBatch(placement, role, present, batch.angle, batch.grade)

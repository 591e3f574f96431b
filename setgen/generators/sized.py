"""What generators share that first draw how many holds a climb has, and then which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import N_ROLES, Role
from setgen.boards.rules import size_range
from setgen.dataset.batches import ClimbBatch
from setgen.generators.base import Generator
from setgen.generators.legality import Placed, owed
from setgen.generators.permitted import Permitted
from setgen.generators.sizes import SizeModel

_PSEUDO_COUNT = 0.1


class SizedGenerator(Generator):
    """A generator with p(n | what is given, angle, grade) in front. Its config has `condition_dropout`."""

    def __init__(self, board: Board, config: Any) -> None:
        super().__init__(board, config)
        self.sizes = SizeModel(board)
        self.most_legal = size_range(board, Climb(()))[1]

    def most(self, legal: bool) -> int:
        """Holds that a climb has at most."""
        return self.most_legal if legal else self.sizes.most

    def fewest(self, state: Placed, legal: bool) -> Tensor:
        """(B,) holds that a climb has at least: those placed, and with `legal` those still owed."""
        return state.count + sum(owed(self.board, state)) if legal else state.count

    def size_log_probs(
        self, given: ClimbBatch, state: Placed, legal: bool, permitted: Permitted | None = None
    ) -> Tensor:
        """(B, most + 1) log p(n | given, c): no size that the given holds, and what they owe, exceed.

        permitted: sizes that constraints rule out have no probability either.
        """
        fewest = self.fewest(state, legal)
        log_p = self.sizes(given.angle, given.grade, fewest, self.most(legal))
        if permitted is None:
            return log_p
        possible = pad(permitted.sizes(state), (0, log_p.shape[1] - permitted.holds[1] - 1))
        return log_p.masked_fill(~possible, -torch.inf).log_softmax(1)

    def log_size(self, batch: ClimbBatch, given: ClimbBatch, legal: bool) -> Tensor:
        """(B,) log p(n | given, c) of each climb's own size."""
        log_probs = self.size_log_probs(given, Placed.of(self.board, given), legal)
        return log_probs.gather(1, batch.size[:, None]).squeeze(1)

    def likely_size(self, prompts: ClimbBatch, state: Placed, legal: bool) -> Tensor:
        """(B,) the most likely size that is larger than the prompt; of a full prompt, its own."""
        most = self.most(legal)
        fewest = self.fewest(state, legal)
        at_least = torch.maximum(prompts.size + 1, fewest).clamp(max=most)
        return self.sizes(prompts.angle, prompts.grade, at_least, most).argmax(1)

    def hide_conditions(self, batch: ClimbBatch) -> ClimbBatch:
        """In training, the batch with some angles and some grades hidden."""
        if not self.training:
            return batch
        hidden = torch.rand(2, len(batch), device=batch.angle.device) < self.config.condition_dropout
        return replace(
            batch, angle=batch.angle.masked_fill(hidden[0], 0), grade=batch.grade.masked_fill(hidden[1], 0)
        )

    def sample_in_batches(
        self,
        prompts: Climbs,
        wanted: np.ndarray,
        batch_size: int,
        complete: Callable[[Climbs, Tensor, np.ndarray], Climbs],
    ) -> Climbs:
        """complete(prompts, sizes wanted (B,), their row numbers) → climbs, called on the rows in turn."""
        if not len(prompts):
            return prompts
        was_training = self.training
        if was_training:
            self.eval()
        parts = [
            complete(prompts[rows], torch.from_numpy(wanted[rows]).to(self.device), rows)
            for rows in np.split(np.arange(len(prompts)), range(batch_size, len(prompts), batch_size))
        ]
        if was_training:
            self.train()
        return Climbs.concatenate(parts)


def log_frequencies(climbs: Climbs, placements: int) -> Tensor:
    """(V·4,) float64 log-share of all holds that each element is, 0.1 added to each count."""
    element = torch.from_numpy(climbs.placement.astype(np.int64) * N_ROLES + climbs.role)
    counts = torch.bincount(element, minlength=placements * N_ROLES).double() + _PSEUDO_COUNT
    return (counts / counts.sum()).log()


def widen(batch: ClimbBatch, length: int) -> ClimbBatch:
    """Pad the width up to `length`; the result owns its memory."""
    extra = max(0, length - batch.placement.shape[1])
    return replace(
        batch,
        placement=pad(batch.placement, (0, extra)).clone(),
        role=pad(batch.role, (0, extra)).clone(),
        present=pad(batch.present, (0, extra)).clone(),
    )


def put(grown: ClimbBatch, state: Placed, rows: Tensor, element: Tensor) -> Placed:
    """Write one more hold into `rows` of `grown` (in place) and return the new state."""
    placement, role = element // N_ROLES, element % N_ROLES
    column = state.count[rows]
    grown.placement[rows, column] = placement
    grown.role[rows, column] = role
    grown.present[rows, column] = True
    used, starts, finishes, feet, count = (
        getattr(state, f).clone() for f in ("used", "starts", "finishes", "feet", "count")
    )
    used[rows, placement] = True
    starts[rows] += role == Role.START
    finishes[rows] += role == Role.FINISH
    feet[rows] += role == Role.FOOT
    count[rows] += 1
    return Placed(used, starts, finishes, feet, count)

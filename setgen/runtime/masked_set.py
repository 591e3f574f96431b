"""The sampler of MaskedSet in NumPy; every choice is made as `generators.masked_set` makes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.completable import check_prompts
from setgen.climbing.padding import pad
from setgen.climbing.roles import N_ROLES
from setgen.climbing.rules import size_range
from setgen.errors import InputError
from setgen.runtime.drawing import draw, row_uniforms
from setgen.runtime.legality import Placed, elements_allowed, owed
from setgen.runtime.sampler import Run
from setgen.runtime.sizes import SizeTable


class MaskedSetSampler:
    """Draws a size, then the masked slots one after another."""

    def __init__(self, board: Board, settings: dict[str, Any], run: Run) -> None:
        self.board, self.run = board, run
        self.sizes = SizeTable(board, settings["sizes"])
        self.most_legal = size_range(board, Climb(()))[1]

    def sample(
        self,
        prompts: Climbs,
        *,
        sizes: np.ndarray | None = None,
        legal: bool = True,
        temperature: float = 1.0,
        seed: int = 0,
        batch_size: int = 256,
        calls: int | None = None,
    ) -> Climbs:
        """See `Sampler.sample`. calls: network calls for one climb at most; None means one a hold (exact)."""
        if calls is not None and calls < 1:
            raise InputError(f"calls is {calls}: a climb needs at least one network call")
        wanted = check_prompts(self.board, prompts, sizes, legal)
        rows = np.arange(len(prompts))
        parts = [
            self._sample_batch(prompts[part], wanted[part], part, legal, temperature, seed, calls)
            for part in np.split(rows, range(batch_size, len(rows), batch_size))
        ]
        return Climbs.concatenate(parts)

    def _sample_batch(
        self,
        prompts: Climbs,
        wanted: np.ndarray,
        rows: np.ndarray,
        legal: bool,
        temperature: float,
        seed: int,
        calls: int | None,
    ) -> Climbs:
        grown = pad(self.board, prompts, self.sizes.most)
        noise = row_uniforms(seed, rows, self.sizes.most + 1)
        state = Placed.of(self.board, grown)
        fewest = state.count + sum(owed(self.board, state)) if legal else state.count
        most = self.most_legal if legal else self.sizes.most
        drawn = draw(self.sizes.logits(grown.angle, grown.grade, fewest, most), noise[:, -1])
        size = np.where(wanted > 0, wanted, drawn)

        for call in range(self.sizes.most):
            active = (state.count < size).nonzero()[0]
            if len(active) == 0:
                break
            left = (size - state.count)[active]
            block = np.ones_like(left) if calls is None else -(-left // (calls - call))
            width = max(1, int(state.count[active].max()))
            logits = self.run(
                element=grown.element[active, :width],
                present=grown.present[active, :width],
                angle=grown.angle[active],
                grade=grown.grade[active],
                remaining=left,
            )[0]
            for i in range(int(block.max())):
                chosen = active[block > i]
                remaining = size[chosen] - state.count[chosen]
                allowed = elements_allowed(self.board, state.rows(chosen), remaining, legal)
                masked = np.where(allowed, logits[block > i], -np.inf)
                element = draw(masked, noise[chosen, state.count[chosen]], temperature)
                placement, role, column = element // N_ROLES, element % N_ROLES, state.count[chosen]
                grown.placement[chosen, column] = placement
                grown.role[chosen, column] = role
                grown.present[chosen, column] = True
                state.add(chosen, placement, role)
        offsets = np.concatenate([[0], np.cumsum(grown.size)])
        here = grown.present
        return Climbs(grown.placement[here], grown.role[here], offsets, prompts.angle, prompts.grade)

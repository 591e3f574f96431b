"""The sampler of SweepSet in NumPy; every choice is made as `generators.sweep_set` makes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.completable import check_prompts
from setgen.climbing.padding import PaddedClimbs, pad
from setgen.climbing.roles import N_ROLES
from setgen.climbing.rules import size_range
from setgen.runtime.drawing import draw, row_uniforms
from setgen.runtime.legality import Placed, owed, roles_allowed
from setgen.runtime.sampler import Run
from setgen.runtime.sizes import SizeTable


class Telling:
    """Tells the network the given holds and then, hold by hold, what the line meets.

    logits: (B, V·4) of what comes next.
    """

    def __init__(
        self,
        run: Run,
        settings: dict[str, Any],
        given: PaddedClimbs,
        size: np.ndarray,
        direction: np.ndarray,
    ) -> None:
        self.run, self.kinds = run, settings["kinds"]
        self.angle, self.grade, self.direction = given.angle, given.grade, direction
        n_given, rows = given.size, len(given)
        width = int(n_given.max(initial=0))
        depth, heads, part = settings["memory"]
        room = width + 1 + int((size - n_given).max(initial=0))
        self.present = np.zeros((rows, room), dtype=bool)
        self.memory = np.zeros((depth, 2, rows, heads, room, part), dtype=np.float32)
        self.told = 0
        line = np.zeros((rows, 1), dtype=np.int64)
        kind = np.full((rows, width), self.kinds["given"])
        self._feed(
            np.arange(rows),
            np.concatenate([given.element[:, :width], line], 1),
            np.concatenate([kind, line + self.kinds["line"]], 1),
            np.repeat((size - n_given)[:, None], width + 1, 1),
            np.concatenate([given.present[:, :width], line == 0], 1),
        )

    def tell(self, rows: np.ndarray, element: np.ndarray, left: np.ndarray) -> None:
        """One more hold in each of `rows` (R,), and how many are still to come behind it."""
        one = np.ones((len(rows), 1), dtype=np.int64)
        self._feed(rows, element[:, None], one * self.kinds["met"], left[:, None], one == 1)

    def _feed(
        self, rows: np.ndarray, element: np.ndarray, kind: np.ndarray, left: np.ndarray, present: np.ndarray
    ) -> None:
        old, new = self.told, self.told + element.shape[1]
        logits, kept = self.run(
            element=element,
            kind=kind,
            left=left,
            present=present,
            angle=self.angle[rows],
            grade=self.grade[rows],
            direction=self.direction[rows],
            known=self.present[rows, :old],
            past=self.memory[:, :, rows, :, :old],
        )
        if old == 0:
            self.logits = logits
        else:
            self.logits[rows] = logits
        if new < self.present.shape[1]:
            self.memory[:, :, rows, :, old:new] = kept
            self.present[rows, old:new] = present
        self.told = new


class Ahead:
    """Where the next hold of each sweep may lie: `generators.sweeps.Ahead`. rank, free: (B, V)."""

    def __init__(self, rank: np.ndarray, free: np.ndarray) -> None:
        self.rank, self.free = rank, free
        in_order = np.zeros_like(free)
        np.put_along_axis(in_order, rank, free, 1)
        self.count = np.take_along_axis(in_order[:, ::-1].cumsum(1)[:, ::-1], rank, 1)

    def open(self, rows: np.ndarray, line: np.ndarray, left: np.ndarray) -> np.ndarray:
        """(R, V) bool: free placements beyond the line that leave room for `left` holds, itself included."""
        beyond = self.rank[rows] > line[:, None]
        return beyond & self.free[rows] & (self.count[rows] >= left[:, None])


class SweepSetSampler:
    """Draws a size and a direction, then the holds as the line meets them."""

    def __init__(self, board: Board, settings: dict[str, Any], run: Run) -> None:
        self.board, self.settings, self.run = board, settings, run
        self.sizes = SizeTable(board, settings["sizes"])
        self.ranks = np.array(settings["ranks"], dtype=np.int64)
        if self.ranks.ndim != 2 or self.ranks.shape[1] != len(board):
            raise ValueError("the sweeps are those of another board")
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
    ) -> Climbs:
        """See `Sampler.sample`."""
        wanted = check_prompts(self.board, prompts, sizes, legal)
        if not len(prompts):
            return prompts
        parts = [
            self._sample_batch(prompts[part], wanted[part], part, legal, temperature, seed)
            for part in np.split(np.arange(len(prompts)), range(batch_size, len(prompts), batch_size))
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
    ) -> Climbs:
        grown = pad(self.board, prompts, self.sizes.most)
        noise = row_uniforms(seed, rows, self.sizes.most + 2)
        state = Placed.of(self.board, grown)
        fewest = state.count + sum(owed(self.board, state)) if legal else state.count
        most = self.most_legal if legal else self.sizes.most
        drawn = draw(self.sizes.logits(grown.angle, grown.grade, fewest, most), noise[:, -1])
        size = np.where(wanted > 0, wanted, drawn)
        direction = (noise[:, -2] * len(self.ranks) * (temperature > 0)).astype(np.int64)

        rank, line = self.ranks[direction], np.full(len(size), -1)
        ahead = Ahead(rank, ~state.used)
        telling = Telling(self.run, self.settings, grown, size, direction)
        while len(active := (state.count < size).nonzero()[0]):
            left, column = (size - state.count)[active], state.count[active]
            roles = roles_allowed(self.board, state.rows(active), left, legal)
            allowed = ahead.open(active, line[active], left)[:, :, None] & roles[:, None, :]
            masked = np.where(allowed.reshape(len(active), -1), telling.logits[active], -np.inf)
            element = draw(masked, noise[active, column], temperature)
            placement, role = element // N_ROLES, element % N_ROLES
            grown.placement[active, column], grown.role[active, column] = placement, role
            grown.present[active, column] = True
            state.add(active, placement, role)
            line[active] = rank[active, placement]
            if (going := left > 1).any():
                telling.tell(active[going], element[going], left[going] - 1)
        offsets = np.concatenate([[0], np.cumsum(grown.size)])
        here = grown.present
        return Climbs(grown.placement[here], grown.role[here], offsets, prompts.angle, prompts.grade)

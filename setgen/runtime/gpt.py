"""The sampler of the GPTs in NumPy; every choice is made as `baselines.gpt_sampling` makes it."""

from __future__ import annotations

from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.completable import check_prompts
from setgen.climbing.padding import PaddedClimbs, pad
from setgen.runtime.drawing import draw, row_uniforms
from setgen.runtime.grammar import Grammar
from setgen.runtime.sampler import Run


class CachedReader:
    """Reads every token once: the cache of earlier ones goes in and comes out of the network."""

    def __init__(self, run: Run, settings: dict[str, Any], rows: int) -> None:
        self.run, self.past = run, empty_cache(settings, rows)

    def feed(self, tokens: np.ndarray) -> np.ndarray:
        """(B, T) more tokens → (B, vocabulary) logits of the token behind them."""
        logits, self.past = self.run(tokens=tokens, past=self.past)
        return logits[:, -1]

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows only."""
        self.past = self.past[:, :, rows]


class SlidingReader:
    """kilter-gpt's window: the text at its right end, padding to its left, whose cache alone can be kept."""

    def __init__(self, run: Run, settings: dict[str, Any], rows: int) -> None:
        self.run, self.context = run, settings["context"]
        self.text = np.empty((rows, 0), dtype=np.int64)
        padding = np.full((1, self.context), settings["tokens"]["pad"])
        self.padding = run(tokens=padding, past=empty_cache(settings, 1))[1]

    def feed(self, tokens: np.ndarray) -> np.ndarray:
        self.text = np.concatenate([self.text, tokens], 1)
        window = self.text[:, -self.context :]
        past = self.padding[:, :, :, :, : self.context - window.shape[1]].repeat(len(window), axis=2)
        return self.run(tokens=window, past=past)[0][:, -1]

    def keep(self, rows: np.ndarray) -> None:
        self.text = self.text[rows]


def empty_cache(settings: dict[str, Any], rows: int) -> np.ndarray:
    """(depth, 2, rows, heads, 0, d): the keys and values of no tokens."""
    depth, heads, width = settings["cache"]
    return np.zeros((depth, 2, rows, heads, 0, width), dtype=np.float32)


class GPTSampler:
    """Writes climbs token by token; a given hold is a draw already decided."""

    def __init__(self, board: Board, settings: dict[str, Any], run: Run) -> None:
        self.board, self.settings, self.run = board, settings, run
        self.ascending = bool(settings["ascending"])
        self.reader = SlidingReader if settings["sliding"] else CachedReader
        tokens = settings["tokens"]
        self.holds = np.append(tokens["hold"] + np.arange(len(board)), tokens["end"])
        self.roles, self.angles, self.grades = (np.array(tokens[k]) for k in ("roles", "angles", "grades"))
        if (len(self.angles), len(self.grades)) != (len(board.angles) + 1, len(board.grades) + 1):
            raise ValueError("the tokens are those of another board")

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
        """See `Sampler.sample`. Without `legal` only the grammar holds: a placement may come twice."""
        wanted = check_prompts(self.board, prompts, sizes, legal)
        grammar = Grammar(self.board, legal, not self.ascending, self.ascending)
        parts = []
        for start in range(0, len(prompts), batch_size):
            rows = np.arange(start, min(start + batch_size, len(prompts)))
            given = pad(self.board, prompts[rows])
            noise = row_uniforms(seed, rows, 2 * grammar.most)
            drawn = self._complete(grammar, given, wanted[rows], noise, temperature)
            parts.append(_assemble(prompts[rows], *drawn))
        return Climbs.concatenate(parts) if parts else prompts

    def _complete(
        self,
        grammar: Grammar,
        given: PaddedClimbs,
        sizes: np.ndarray,
        noise: np.ndarray,
        temperature: float,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Placement, role and is-new, each (B, N), of B climbs written to their ends."""
        state = grammar.start(given, sizes)
        given_role = np.zeros(state.waiting.shape, dtype=np.int64)
        row, column = given.present.nonzero()
        given_role[row, given.placement[row, column]] = given.role[row, column]

        n = noise.shape[1] // 2
        placements = np.full((len(given), n), -1)
        roles, fresh = placements.copy(), np.zeros(placements.shape, dtype=bool)
        rows = np.arange(len(given))  # rows still being written
        reader = self.reader(self.run, self.settings, len(given))
        logits = reader.feed(np.stack([self.angles[given.angle], self.grades[given.grade]], 1))
        for step in range(n):
            masked = np.where(grammar.holds(state), logits[:, self.holds], -np.inf)
            hold = draw(masked, noise[rows, 2 * step], temperature)
            if not grammar.ascending and step < given.placement.shape[1]:
                hold = np.where(given.present[rows, step], given.placement[rows, step], hold)
            going = hold < len(self.board)
            if not going.all():
                reader.keep(going)
                rows, hold, given_role, state = rows[going], hold[going], given_role[going], state.rows(going)
            if not len(rows):
                break
            logits = reader.feed(self.holds[hold][:, None])
            masked = np.where(grammar.roles(state, hold), logits[:, self.roles], -np.inf)
            role = draw(masked, noise[rows, 2 * step + 1], temperature)
            line = np.arange(len(rows))
            known = state.waiting[line, hold]
            role = np.where(known, given_role[line, hold], role)
            placements[rows, step], roles[rows, step], fresh[rows, step] = hold, role, ~known
            state.write(hold, role)
            if step + 1 < n:
                logits = reader.feed(self.roles[role][:, None])
        return placements, roles, fresh


def _assemble(prompts: Climbs, placement: np.ndarray, role: np.ndarray, fresh: np.ndarray) -> Climbs:
    """Climbs with each prompt's holds first, as they were given, and the new ones behind."""
    offsets = np.concatenate([[0], np.cumsum(fresh.sum(1))])
    drawn = Climbs(placement[fresh], role[fresh], offsets, prompts.angle, prompts.grade)
    both = Climbs.concatenate([prompts, drawn])
    order = np.argsort(np.concatenate([prompts.owner, drawn.owner]), kind="stable")
    return Climbs(
        both.placement[order], both.role[order], prompts.offsets + offsets, prompts.angle, prompts.grade
    )

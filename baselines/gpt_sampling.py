"""Sampling from a GPT: all rows in step, one token at a time; a given hold is a draw already decided."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from baselines.gpt import GPT, Cache
from baselines.grammar import Grammar
from setgen.boards.climbs import Climbs
from setgen.dataset.batches import ClimbBatch
from setgen.dataset.vocabulary import END, PAD, TokenType, Vocabulary
from setgen.generators.drawing import draw


class Reader(Protocol):
    """Reads tokens and says what comes next."""

    def feed(self, tokens: Tensor) -> Tensor:
        """(B, T) more tokens → (B, vocabulary) logits of the token behind them."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only."""

    def branch(self, tokens: Tensor) -> Tensor:
        """(C,) tokens, each tried in turn behind the one row that was read → (C, vocabulary) logits.

        The last call to a reader: what it read is not what it goes on with.
        """


class CachedReader:
    """Every token is read once: its keys and values are kept."""

    def __init__(self, gpt: GPT) -> None:
        self.gpt, self.cache = gpt, Cache()

    def feed(self, tokens: Tensor) -> Tensor:
        return self.gpt(tokens, self.cache)[:, -1]

    def keep(self, rows: Tensor) -> None:
        self.cache = self.cache.rows(rows)

    def branch(self, tokens: Tensor) -> Tensor:
        return self.gpt(tokens[:, None], self.cache.prefix(self.cache.length, len(tokens)))[:, -1]


class SlidingReader:
    """kilter-gpt's way: the text stands at the right end of a fixed window, padding to its left.

    Each new token moves all others one position on, so their keys and values cannot be kept. Those of
    the padding can: it always comes first and sees only itself.
    """

    def __init__(self, gpt: GPT) -> None:
        self.gpt, self.text = gpt, torch.empty(0)
        self.padding = Cache()
        gpt(torch.full((1, gpt.context), PAD, device=gpt.bias.device), self.padding)

    def feed(self, tokens: Tensor) -> Tensor:
        self.text = torch.cat([self.text, tokens], 1) if self.text.numel() else tokens
        window = self.text[:, -self.gpt.context :]
        rows, length = window.shape
        return self.gpt(window, self.padding.prefix(self.gpt.context - length, rows))[:, -1]

    def keep(self, rows: Tensor) -> None:
        self.text = self.text[rows]

    def branch(self, tokens: Tensor) -> Tensor:
        # The text slides on by one for all of them alike: it is read once, not once for each.
        window = self.text[:, max(0, self.text.shape[1] + 1 - self.gpt.context) :]
        cache = self.padding.prefix(self.gpt.context - 1 - window.shape[1], 1)
        if window.shape[1]:
            self.gpt(window, cache)
        return self.gpt(tokens[:, None], cache.prefix(cache.length, len(tokens)))[:, -1]


class TokenGroups:
    """The token ids of holds (with `end` last) and of roles, as tensors: each step is typed."""

    def __init__(self, vocabulary: Vocabulary, device: torch.device) -> None:
        first = vocabulary.first[TokenType.HOLD]
        self.holds = torch.tensor([*range(first, first + len(vocabulary.holds)), END], device=device)
        self.roles = torch.from_numpy(vocabulary.role_tokens).to(device)


def complete(
    reader: Reader,
    vocabulary: Vocabulary,
    grammar: Grammar,
    prompts: ClimbBatch,
    sizes: Tensor,
    uniforms: Tensor,
    temperature: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Write B climbs to their ends: placement, role and is-new, each (B, N); −1 behind the end.

    uniforms: (B, 2N) float64, one a draw, N = the largest climb. Given holds are written first and in
    order; an ascending grammar writes them at their place.
    """
    device = prompts.angle.device
    groups = TokenGroups(vocabulary, device)
    state = grammar.start(prompts, sizes)
    given_role = torch.zeros_like(state.waiting, dtype=torch.int64)
    where = prompts.present.nonzero(as_tuple=True)
    given_role[where[0], prompts.placement[where]] = prompts.role[where]

    n = uniforms.shape[1] // 2
    placements = torch.full((len(prompts), n), -1, device=device)
    roles, fresh = placements.clone(), torch.zeros_like(placements, dtype=torch.bool)
    rows = torch.arange(len(prompts), device=device)  # rows still being written
    logits = reader.feed(vocabulary.encode_batch(prompts)[:, :2])
    for step in range(n):
        masked = logits[:, groups.holds].masked_fill(~grammar.holds(state), -torch.inf)
        hold = draw(masked, uniforms[rows, 2 * step], temperature)
        if not grammar.ascending and step < prompts.placement.shape[1]:
            hold = torch.where(prompts.present[rows, step], prompts.placement[rows, step], hold)
        if (ended := hold == len(vocabulary.holds)).any():
            reader.keep(~ended)
            rows, hold, given_role, state = rows[~ended], hold[~ended], given_role[~ended], state.rows(~ended)
        if not len(rows):
            break
        logits = reader.feed(groups.holds[hold][:, None])
        masked = logits[:, groups.roles].masked_fill(~grammar.roles(state, hold), -torch.inf)
        role = draw(masked, uniforms[rows, 2 * step + 1], temperature)
        line = torch.arange(len(rows), device=device)
        given = state.waiting[line, hold]
        role = torch.where(given, given_role[line, hold], role)
        placements[rows, step], roles[rows, step], fresh[rows, step] = hold, role, ~given
        state = state.write(hold, role)
        if step + 1 < n:
            logits = reader.feed(groups.roles[role][:, None])
    return placements, roles, fresh


def assemble(prompts: Climbs, placement: Tensor, role: Tensor, fresh: Tensor) -> Climbs:
    """Climbs with each prompt's holds first, as they were given, and the new ones behind."""
    new = fresh.cpu().numpy()
    drawn = Climbs(
        placement.cpu().numpy()[new],
        role.cpu().numpy()[new],
        np.concatenate([[0], np.cumsum(new.sum(1))]),
        prompts.angle,
        prompts.grade,
    )
    both = Climbs.concatenate([prompts, drawn])
    order = np.argsort(np.concatenate([prompts.owner, drawn.owner]), kind="stable")
    offsets = prompts.offsets + drawn.offsets
    return Climbs(both.placement[order], both.role[order], offsets, prompts.angle, prompts.grade)

"""Prompts against the rules: what `sets.prompts` checks, where the rules are tensors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from setgen.sets import prompts as checks
from setgen.sets.batch import to_batch
from setgen.sets.rules import Partial, Rules
from setgen.sets.sets import Sets
from setgen.sets.space import OPEN, Space

_ROWS = 4096


def check_prompts(
    rules: Rules, prompts: Sets, sizes: np.ndarray | None = None, constraints: Any = None
) -> np.ndarray:
    """(C,) int64 sizes wanted, 0 where free; see `sets.prompts`. constraints: those that the rules hold.

    Raises InputError for a prompt that cannot be completed.
    """
    possible, why_not = partial(sizes_possible, rules), partial(_why_not, rules)
    return checks.check_prompts(rules.space, prompts, sizes, possible, constraints, why_not)


def sizes_possible(rules: Rules, prompts: Sets) -> np.ndarray:
    """(C, widest + 1) bool: how many items a set that contains each prompt's may have in all."""
    found = [np.zeros((0, rules.space.widest + 1), dtype=bool)]
    for start in range(0, len(prompts), _ROWS):
        batch = to_batch(rules.space, prompts[start : start + _ROWS], rules.bounds.device)
        undecided = ((batch.label == OPEN) & batch.present).sum(1)
        possible = rules.possible_sizes(Partial.of(rules.space, batch), undecided)
        found.append(possible.cpu().numpy())
    return np.concatenate(found)


def sizes_permitted(space: Space, prompt: Sets, constraints: Any = None) -> list[int]:
    """How many items a set that contains one prompt's and keeps to the constraints may have, in order.

    Raises InputError with the reason where no set does.
    """
    rules = Rules.of(space, limits=None if constraints is None else constraints.limits(space))
    check_prompts(rules, prompt, None, constraints)
    return np.flatnonzero(sizes_possible(rules, prompt)[0]).tolist()


def _why_not(rules: Rules, prompt: Sets) -> str:
    """The reason why no set can come of one prompt."""
    undecided = sum(label == OPEN for _, label in prompt.one(0).elements)
    batch = to_batch(rules.space, prompt, rules.bounds.device)
    return rules.why_not(Partial.of(rules.space, batch), undecided)

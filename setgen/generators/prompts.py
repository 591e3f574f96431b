"""Prompts: checked once, one clear line each, before anything is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from setgen.errors import InputError
from setgen.sets.batch import to_batch
from setgen.sets.bounds import check_elements, check_given
from setgen.sets.rules import Partial, Rules
from setgen.sets.sets import Sets
from setgen.sets.space import OPEN, UNKNOWN, Space

_ROWS = 4096


def check_prompts(
    rules: Rules, prompts: Sets, sizes: np.ndarray | None = None, constraints: Any = None
) -> np.ndarray:
    """(C,) int64 sizes wanted, 0 where free. Raises InputError for a prompt that cannot be completed.

    constraints: those that the rules hold; one with a method `check_given(space, elements)` is asked about
    given items that it contradicts.
    """
    space = rules.space
    wanted = np.zeros(len(prompts), np.int64) if sizes is None else np.asarray(sizes, dtype=np.int64)
    if wanted.shape != (len(prompts),):
        raise InputError(f"{wanted.size} sizes are given for {len(prompts)} prompts: give one each")
    for name, values in prompts.conditions.items():
        for value in set(values.tolist()) - {UNKNOWN}:
            space.check_condition(name, value)
    different, where = _different(prompts)
    for i in different:
        elements = prompts.one(i).elements
        check_elements(space, elements)
        if constraints is not None and hasattr(constraints, "check_given"):
            constraints.check_given(space, elements)
    possible = sizes_possible(rules, prompts[different])
    for i, fits in zip(different, possible, strict=True):
        if not fits.any():
            raise InputError(_why_not(rules, prompts[[i]]))
    fits = possible[where, wanted.clip(0, space.widest)] & (wanted <= space.widest)
    wrong = np.flatnonzero((wanted > 0) & ~fits)
    if len(wrong):
        row = wrong[0]
        fewest, most = np.flatnonzero(possible[where[row]])[[0, -1]]
        given = f"with the {prompts.sizes[row]} {space.item_word}s given"
        raise InputError(
            f"{wanted[row]} {space.item_word}s cannot be had: "
            + (
                f"{given} this {space.word} allows {fewest} to {most}"
                if rules.elements is None
                else f"under these constraints a {space.set_word} {given} has {fewest} to {most}"
            )
        )
    return wanted


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


def _different(prompts: Sets) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose items differ from those of all rows before, and for each row which of these it equals."""
    first: dict[bytes, int] = {}
    rows, where = [], np.empty(len(prompts), dtype=np.int64)
    pairs = np.stack([prompts.item, prompts.label.astype(np.int32)], 1)
    for i, (a, b) in enumerate(zip(prompts.offsets[:-1].tolist(), prompts.offsets[1:].tolist(), strict=True)):
        key = pairs[a:b].tobytes()
        if key not in first:
            first[key] = len(rows)
            rows.append(i)
        where[i] = first[key]
    return np.array(rows, dtype=np.int64), where


def _why_not(rules: Rules, prompt: Sets) -> str:
    """The reason why no set can come of one prompt."""
    space, elements = rules.space, prompt.one(0).elements
    try:
        check_given(space, elements)
    except InputError as error:  # no set of this space, whatever the constraints
        return str(error)
    undecided = sum(label == OPEN for _, label in elements)
    state = Partial.of(space, to_batch(space, prompt, rules.bounds.device))
    given = f"{len(elements)} {space.item_word}s are given; " if elements else ""
    return f"no {space.set_word} keeps to these constraints: {given}{rules.why_not(state, undecided)}"

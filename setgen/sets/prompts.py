"""Prompts: checked once, one clear line each, before anything is drawn. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from setgen.errors import InputError
from setgen.sets.bounds import check_elements, check_given
from setgen.sets.sets import Sets
from setgen.sets.space import UNKNOWN, Space


def check_prompts(
    space: Space,
    prompts: Sets,
    sizes: np.ndarray | None,
    possible: Callable[[Sets], np.ndarray],
    constraints: Any = None,
    why_not: Callable[[Sets], str] = lambda prompt: "",
) -> np.ndarray:
    """(C,) int64 sizes wanted, 0 where free. Raises InputError for a prompt that cannot be completed.

    possible: prompts → (C, widest + 1) bool, how many items a set that contains each may have in all, by the
    rules and the constraints. constraints: what they are; with a method `check_given(space, elements)` it is
    asked about given items that it contradicts. why_not: the reason why one prompt has no such size.
    """
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
    fitting = possible(prompts[different])
    for i, fits in zip(different, fitting, strict=True):
        if not fits.any():
            raise InputError(_impossible(space, prompts[[i]], why_not))
    fits = fitting[where, wanted.clip(0, space.widest)] & (wanted <= space.widest)
    wrong = np.flatnonzero((wanted > 0) & ~fits)
    if len(wrong):
        row = wrong[0]
        fewest, most = np.flatnonzero(fitting[where[row]])[[0, -1]]
        given = f"with the {prompts.sizes[row]} {space.item_word}s given"
        raise InputError(
            f"{wanted[row]} {space.item_word}s cannot be had: "
            + (
                f"{given} this {space.word} allows {fewest} to {most}"
                if constraints is None
                else f"under these constraints a {space.set_word} {given} has {fewest} to {most}"
            )
        )
    return wanted


def _different(prompts: Sets) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose items differ from those of all rows before, and for each row which of these it equals."""
    first: dict[bytes, int] = {}
    rows: list[int] = []
    where = np.empty(len(prompts), dtype=np.int64)
    pairs = np.stack([prompts.item, prompts.label.astype(np.int32)], 1)
    for i, (a, b) in enumerate(zip(prompts.offsets[:-1].tolist(), prompts.offsets[1:].tolist(), strict=True)):
        key = pairs[a:b].tobytes()
        if key not in first:
            first[key] = len(rows)
            rows.append(i)
        where[i] = first[key]
    return np.array(rows, dtype=np.int64), where


def _impossible(space: Space, prompt: Sets, why_not: Callable[[Sets], str]) -> str:
    """The reason why no set can come of one prompt."""
    elements = prompt.one(0).elements
    try:
        check_given(space, elements)
    except InputError as error:  # no set of this space, whatever the constraints
        return str(error)
    given = f"{len(elements)} {space.item_word}s are given" if elements else ""
    parts = "; ".join(part for part in (given, why_not(prompt)) if part)
    return f"no {space.set_word} keeps to these constraints" + (f": {parts}" if parts else "")

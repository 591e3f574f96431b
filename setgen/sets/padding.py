"""Padded sets: one row a set, one column an item, conditions as codes. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from setgen.sets.sets import Sets
from setgen.sets.space import Space


@dataclass(frozen=True, eq=False)
class Padded:
    """B sets padded to L items.

    item, label: (B, L) int64, 0 where padded. present: (B, L) bool. conditions: name → (B,) int64, index into
    the space's values plus one; 0 means not given. labels: R of the space.
    """

    item: np.ndarray
    label: np.ndarray
    present: np.ndarray
    conditions: Mapping[str, np.ndarray]
    labels: int

    @property
    def element(self) -> np.ndarray:
        """(B, L) element index, item · R + label."""
        return self.item * self.labels + self.label

    def widened(self, length: int) -> Padded:
        """A copy with room for so many items, or as many as there are columns."""
        more = ((0, 0), (0, max(0, length - self.item.shape[1])))
        item, label, present = (np.pad(x, more) for x in (self.item, self.label, self.present))
        return Padded(item, label, present, self.conditions, self.labels)


def pad(space: Space, sets: Sets, length: int = 1) -> Padded:
    """Pad sets (or prompts) of `space`; L is the largest size, at least `length`."""
    sizes = sets.sizes
    present = np.arange(max(length, int(sizes.max(initial=0)))) < sizes[:, None]
    item, label = np.zeros(present.shape, dtype=np.int64), np.zeros(present.shape, dtype=np.int64)
    item[present], label[present] = sets.item, sets.label
    codes = {name: codes_of(sets.conditions[name], known) for name, known in space.conditions.items()}
    return Padded(item, label, present, codes, space.n_labels)


def codes_of(values: np.ndarray, known: tuple[int, ...]) -> np.ndarray:
    """(C,) int64 index into `known` plus one, 0 for values that are not in it (UNKNOWN)."""
    if not known:
        return np.zeros(len(values), dtype=np.int64)
    table = np.array(known, dtype=np.int64)
    order = np.argsort(table)
    at = np.searchsorted(table[order], values).clip(max=len(table) - 1)
    index = order[at]
    return np.where(table[index] == values, index + 1, 0)

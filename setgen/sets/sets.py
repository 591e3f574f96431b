"""Sets as arrays: one flat list of (item, label) elements and the offsets that cut it into sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np

from setgen.sets.space import UNKNOWN, Space


class One(NamedTuple):
    """One set: its (item, label) pairs, and the conditions that are given."""

    elements: tuple[tuple[int, int], ...]
    conditions: tuple[tuple[str, int], ...] = ()


class Sets:
    """C sets (or prompts: partial sets) of one space.

    item: (N,) int32 index into the space's items. label: (N,) int8. offsets: (C+1,) int64, set i owns
    elements offsets[i]:offsets[i+1]. conditions: name → (C,) int16, UNKNOWN (−1) where not given.
    The order of elements inside a set carries no meaning; readers store them by item.
    """

    def __init__(
        self,
        item: np.ndarray,
        label: np.ndarray,
        offsets: np.ndarray,
        conditions: Mapping[str, np.ndarray],
    ) -> None:
        self.item = np.ascontiguousarray(item, dtype=np.int32)
        self.label = np.ascontiguousarray(label, dtype=np.int8)
        self.offsets = np.ascontiguousarray(offsets, dtype=np.int64)
        self.conditions = {
            name: np.ascontiguousarray(value, dtype=np.int16) for name, value in conditions.items()
        }

    @classmethod
    def from_arrays(
        cls,
        item: np.ndarray,
        label: np.ndarray,
        offsets: np.ndarray,
        conditions: Mapping[str, np.ndarray],
    ) -> Self:
        """What all methods here make new sets with; a subclass with a constructor of its own has its own."""
        return cls(item, label, offsets, conditions)

    @classmethod
    def of(cls, space: Space, sets: Iterable[One]) -> Self:
        """Sets of `space` one by one; conditions that are left out are UNKNOWN."""
        sets = list(sets)
        flat = np.array([e for one in sets for e in one.elements], dtype=np.int64).reshape(-1, 2)
        told = [dict(one.conditions) for one in sets]
        conditions = {
            name: np.array([t.get(name, UNKNOWN) for t in told], dtype=np.int64) for name in space.conditions
        }
        offsets = np.cumsum([0] + [len(one.elements) for one in sets])
        return cls.from_arrays(flat[:, 0], flat[:, 1], offsets, conditions)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """All sets of the parts, which have the same conditions, in order."""
        sizes = np.concatenate([[0], *(p.sizes for p in parts)])
        return parts[0].from_arrays(
            np.concatenate([p.item for p in parts]),
            np.concatenate([p.label for p in parts]),
            np.cumsum(sizes),
            {name: np.concatenate([p.conditions[name] for p in parts]) for name in parts[0].conditions},
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> np.ndarray:
        """(C,) number of items of each set."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> np.ndarray:
        """(N,) index of the set that each element belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def __getitem__(self, index: np.ndarray | slice | Sequence[int]) -> Self:
        """The chosen sets, in the order asked for; `index` is a slice, integers or a boolean mask."""
        rows = np.arange(len(self))[index]
        sizes = self.sizes[rows]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        # Element j of the result is the (j − offsets[i])th of chosen set i, which begins at its old offset.
        flat = np.repeat(self.offsets[rows] - offsets[:-1], sizes) + np.arange(offsets[-1])
        conditions = {name: value[rows] for name, value in self.conditions.items()}
        return self.from_arrays(self.item[flat], self.label[flat], offsets, conditions)

    def at_most(self, most: int | None, seed: int | Sequence[int]) -> Self:
        """So many sets at most (None: all), drawn with `seed`, in the order they came."""
        if most is None or len(self) <= most:
            return self
        return self[np.sort(np.random.default_rng(seed).permutation(len(self))[:most])]

    def one(self, i: int) -> One:
        """Set i, with its conditions that are known."""
        part = slice(self.offsets[i], self.offsets[i + 1])
        elements = tuple(zip(self.item[part].tolist(), self.label[part].tolist(), strict=True))
        told = ((name, int(value[i])) for name, value in self.conditions.items())
        return One(elements, tuple((name, value) for name, value in told if value != UNKNOWN))

    def ones(self) -> Iterator[One]:
        """The sets one by one."""
        return (self.one(i) for i in range(len(self)))

    def kept(self, keep: np.ndarray) -> Self:
        """The same sets with only those elements (N,) that `keep` says."""
        kept = np.concatenate([[0], np.cumsum(keep)])[self.offsets]
        return self.from_arrays(self.item[keep], self.label[keep], kept, self.conditions)

    def reordered(self, order: np.ndarray) -> Self:
        """The same sets with the elements in another order (N,), which keeps each set's together."""
        return self.from_arrays(self.item[order], self.label[order], self.offsets, self.conditions)

    def relabelled(self, label: np.ndarray) -> Self:
        """The same sets with other labels (N,)."""
        return self.from_arrays(self.item, label, self.offsets, self.conditions)

    def ordered(self) -> Self:
        """The same sets with each one's elements sorted by item, then label."""
        rises = np.diff(self.item, prepend=-1) > 0
        rises[self.offsets[:-1][self.sizes > 0]] = True  # a set's first element need not rise
        if rises.all():
            return self
        return self.reordered(np.lexsort((self.label, self.item, self.owner)))

    def emptied(self) -> Self:
        """The same conditions with nothing in the sets: prompts for generation."""
        return self.kept(np.zeros(len(self.item), dtype=bool))

    def asked(self, conditions: Mapping[str, np.ndarray]) -> Self:
        """The same sets with other conditions."""
        return self.from_arrays(self.item, self.label, self.offsets, conditions)

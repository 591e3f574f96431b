"""Climbs as arrays: one flat list of (placement, role) elements and the offsets that cut it into sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from setgen.boards.grades import UNKNOWN


class Climb(NamedTuple):
    """One climb: its set of (placement index, role) pairs, angle in degrees and difficulty id."""

    holds: tuple[tuple[int, int], ...]
    angle: int = UNKNOWN
    grade: int = UNKNOWN


@dataclass(frozen=True, eq=False)
class Climbs:
    """C climbs (or prompts: partial sets of holds) on one board.

    placement: (N,) int16 index into the board. role: (N,) int8. offsets: (C+1,) int64, climb i owns
    elements offsets[i]:offsets[i+1]. angle, grade: (C,) int16, UNKNOWN (−1) where not given.
    The order of elements inside a climb carries no meaning; readers store them by placement.
    """

    placement: np.ndarray
    role: np.ndarray
    offsets: np.ndarray
    angle: np.ndarray
    grade: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (
            ("placement", np.int16),
            ("role", np.int8),
            ("offsets", np.int64),
            ("angle", np.int16),
            ("grade", np.int16),
        ):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))

    @classmethod
    def from_list(cls, climbs: Iterable[Climb]) -> Climbs:
        climbs = list(climbs)
        holds = [hold for climb in climbs for hold in climb.holds]
        flat = np.array(holds, dtype=np.int64).reshape(-1, 2)
        return cls(
            flat[:, 0],
            flat[:, 1],
            np.cumsum([0] + [len(c.holds) for c in climbs]),
            np.array([c.angle for c in climbs], dtype=np.int64),
            np.array([c.grade for c in climbs], dtype=np.int64),
        )

    @classmethod
    def prompts(
        cls,
        n: int,
        holds: Sequence[tuple[int, int]] = (),
        angle: int = UNKNOWN,
        grade: int = UNKNOWN,
    ) -> Climbs:
        """n equal prompts: given holds, angle and grade; what is left out is for the model to choose."""
        return cls.from_list([Climb(tuple(holds), angle, grade)] * n)

    @classmethod
    def concatenate(cls, parts: Sequence[Climbs]) -> Climbs:
        sizes = np.concatenate([[0], *(p.sizes for p in parts)])
        return cls(
            np.concatenate([p.placement for p in parts]),
            np.concatenate([p.role for p in parts]),
            np.cumsum(sizes),
            np.concatenate([p.angle for p in parts]),
            np.concatenate([p.grade for p in parts]),
        )

    def __len__(self) -> int:
        return len(self.angle)

    @property
    def sizes(self) -> np.ndarray:
        """(C,) number of holds of each climb."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> np.ndarray:
        """(N,) index of the climb that each element belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def __getitem__(self, index: np.ndarray | slice | Sequence[int]) -> Climbs:
        """The chosen climbs, in the order asked for; `index` is a slice, integers or a boolean mask."""
        rows = np.arange(len(self))[index]
        sizes = self.sizes[rows]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        flat = np.repeat(self.offsets[rows] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return Climbs(self.placement[flat], self.role[flat], offsets, self.angle[rows], self.grade[rows])

    def at_most(self, most: int | None, seed: int | Sequence[int]) -> Climbs:
        """So many climbs at most (None: all), drawn with `seed`, in the order they came."""
        if most is None or len(self) <= most:
            return self
        return self[np.sort(np.random.default_rng(seed).permutation(len(self))[:most])]

    def __iter__(self) -> Iterator[Climb]:
        return (self.climb(i) for i in range(len(self)))

    def climb(self, i: int) -> Climb:
        part = slice(self.offsets[i], self.offsets[i + 1])
        holds = tuple(zip(self.placement[part].tolist(), self.role[part].tolist(), strict=True))
        return Climb(holds, int(self.angle[i]), int(self.grade[i]))

    def ordered(self) -> Climbs:
        """The same climbs with each one's elements sorted by placement, then role."""
        rises = np.diff(self.placement, prepend=-1) > 0
        rises[self.offsets[:-1][self.sizes > 0]] = True  # a climb's first element need not rise
        if rises.all():
            return self
        order = np.lexsort((self.role, self.placement, self.owner))
        return Climbs(self.placement[order], self.role[order], self.offsets, self.angle, self.grade)

    def without_holds(self) -> Climbs:
        """The same conditions with empty hold sets: prompts for generation."""
        return Climbs(
            self.placement[:0], self.role[:0], np.zeros(len(self) + 1, np.int64), self.angle, self.grade
        )

    def with_conditions(self, angle: np.ndarray, grade: np.ndarray) -> Climbs:
        return Climbs(self.placement, self.role, self.offsets, angle, grade)

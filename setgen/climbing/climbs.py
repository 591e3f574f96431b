"""Climbs: sets of holds on a board, in the climber's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from setgen.climbing.grades import UNKNOWN
from setgen.sets.sets import Sets


class Climb(NamedTuple):
    """One climb: its set of (placement index, role) pairs, angle in degrees and difficulty id."""

    holds: tuple[tuple[int, int], ...]
    angle: int = UNKNOWN
    grade: int = UNKNOWN


class Climbs(Sets):
    """C climbs (or prompts: partial sets of holds) on one board: `Sets` with the conditions angle and grade.

    placement: (N,) int32 index into the board. role: (N,) int8. offsets: (C+1,) int64, climb i owns
    elements offsets[i]:offsets[i+1]. angle, grade: (C,) int16, UNKNOWN (−1) where not given.
    """

    def __init__(
        self,
        placement: np.ndarray,
        role: np.ndarray,
        offsets: np.ndarray,
        angle: np.ndarray,
        grade: np.ndarray,
    ) -> None:
        super().__init__(placement, role, offsets, {"angle": angle, "grade": grade})

    @classmethod
    def from_arrays(
        cls,
        item: np.ndarray,
        label: np.ndarray,
        offsets: np.ndarray,
        conditions: Mapping[str, np.ndarray],
    ) -> Climbs:
        return cls(item, label, offsets, conditions["angle"], conditions["grade"])

    @property
    def placement(self) -> np.ndarray:
        return self.item

    @property
    def role(self) -> np.ndarray:
        return self.label

    @property
    def angle(self) -> np.ndarray:
        return self.conditions["angle"]

    @property
    def grade(self) -> np.ndarray:
        return self.conditions["grade"]

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

    def __iter__(self) -> Iterator[Climb]:
        return (self.climb(i) for i in range(len(self)))

    def climb(self, i: int) -> Climb:
        part = slice(self.offsets[i], self.offsets[i + 1])
        holds = tuple(zip(self.placement[part].tolist(), self.role[part].tolist(), strict=True))
        return Climb(holds, int(self.angle[i]), int(self.grade[i]))

    def without_holds(self) -> Climbs:
        """The same conditions with empty hold sets: prompts for generation."""
        return self.emptied()

    def with_conditions(self, angle: np.ndarray, grade: np.ndarray) -> Climbs:
        return self.asked({"angle": angle, "grade": grade})

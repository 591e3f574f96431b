"""What a metric may look at: the climbs judged, real ones of both splits, soft rules, a grader, a seed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.geometry import Geometry, as_sets, geometry
from setgen.boards.roles import N_ROLES
from setgen.boards.sensible import SensibleRules
from setgen.boards.shape import shape_features
from setgen.grading.grader import Grader, Grading

T = TypeVar("T")


class Sample:
    """Climbs and what metrics ask of them, computed once. memo: for what one family needs more than once."""

    def __init__(self, board: Board, climbs: Climbs, grader: Grader | None = None) -> None:
        self.board, self.climbs, self.grader = board, climbs, grader
        self.memo: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self.climbs)

    @cached_property
    def sets(self) -> Climbs:
        """The climbs as sets of known holds (see `geometry.as_sets`)."""
        return as_sets(self.board, self.climbs)

    @cached_property
    def geometry(self) -> Geometry:
        return geometry(self.board, self.climbs)

    @cached_property
    def incidence(self) -> sp.csr_array:
        """(C, V) float32, 1 where the climb uses the placement."""
        sets = self.sets
        ones = np.ones(len(sets.placement), dtype=np.float32)
        return sp.csr_array((ones, sets.placement, sets.offsets), shape=(len(sets), len(self.board)))

    @cached_property
    def elements(self) -> sp.csr_array:
        """(C, V·4) float32, 1 where the climb has the (placement, role) pair."""
        sets = self.sets
        element = sets.placement.astype(np.int64) * N_ROLES + sets.role
        ones = np.ones(len(element), dtype=np.float32)
        return sp.csr_array((ones, element, sets.offsets), shape=(len(sets), len(self.board) * N_ROLES))

    @cached_property
    def shape(self) -> np.ndarray:
        """(C, F) float64 features of `shape_features`, NaN where a climb has none."""
        return shape_features(self.board, self.sets, self.geometry)

    @cached_property
    def grading(self) -> Grading | None:
        """What the grader says of each climb at its own angle; None without a grader."""
        return None if self.grader is None else self.grader.grade(self.sets)

    @cached_property
    def learned(self) -> np.ndarray | None:
        """(C, D) float32 features of the grader; None without one."""
        return None if self.grading is None else self.grading.features

    def some(self, most: int, seed: int) -> Sample:
        """At most `most` of the climbs, drawn with `seed`; what is computed already is kept."""
        n = len(self)
        if n <= most:
            return self
        if ("some", most, seed) in self.memo:
            return self.memo["some", most, seed]
        rows = np.sort(np.random.default_rng([seed, n]).choice(n, most, replace=False))
        part = Sample(self.board, self.climbs[rows], self.grader)
        for name in ("incidence", "elements", "shape", "learned"):
            if name in self.__dict__ and self.__dict__[name] is not None:
                part.__dict__[name] = self.__dict__[name][rows]
        if self.__dict__.get("grading") is not None:
            part.__dict__["grading"] = self.__dict__["grading"][rows]
        self.memo["some", most, seed] = part
        return part


@dataclass(frozen=True, eq=False)
class Comparison:
    """The climbs judged (`sample`) and the real ones of both splits. rules: calibrated on `train`."""

    sample: Sample
    test: Sample
    train: Sample
    rules: SensibleRules
    seed: int = 0
    memo: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def board(self) -> Board:
        return self.sample.board

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """compute(), which several metrics of a family share, run for the first of them."""
        if key not in self.memo:
            self.memo[key] = compute()
        return self.memo[key]

    def at_most(self, most: int) -> tuple[Comparison, str]:
        """The same with at most so many climbs judged and as many test climbs, and the note that says so."""
        sample, test = self.sample.some(most, self.seed), self.test.some(most, self.seed + 1)
        cut = [
            f"{len(part)} of {len(whole)} {name}"
            for part, whole, name in ((sample, self.sample, "climbs"), (test, self.test, "test climbs"))
            if len(part) < len(whole)
        ]
        if not cut:
            return self, ""
        return replace(self, sample=sample, test=test, memo={}), f"on {' and '.join(cut)}"

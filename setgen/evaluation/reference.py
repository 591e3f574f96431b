"""Reference: the real climbs that generated ones are judged against, and the floors that go with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from setgen.boards.climbs import Climbs
from setgen.boards.identity import canonical
from setgen.boards.sensible import SensibleRules
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate
from setgen.evaluation.metric import Metric
from setgen.grading.cache import grader_for
from setgen.grading.grader import Grader


@dataclass(eq=False)
class Reference:
    """Prepared once for a dataset, it judges any number of samples; floors are computed once a size."""

    dataset: Dataset
    test: Sample
    train: Sample
    rules: SensibleRules
    seed: int
    _stand_ins: dict[tuple[str, int], Comparison] = field(default_factory=dict)
    _floors: dict[tuple[str, int], Estimate | None] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Dataset, seed: int = 0, grader: Grader | Literal["own"] | None = "own") -> Reference:
        """grader: `own` is the dataset's, trained on its training climbs where that is not done yet (see
        `grading.cache`); None leaves out what needs one. Raises InputError when a split is empty.
        """
        test, train = canonical(dataset.part("test")), canonical(dataset.part("train"))
        for name, part in (("test", test), ("training", train)):
            if len(part) == 0:
                raise InputError(f"the dataset has no {name} climbs to compare with: it is too small")
        known = grader_for(dataset) if grader == "own" else grader
        board = dataset.board
        return cls(
            dataset,
            Sample(board, test, known),
            Sample(board, train, known),
            SensibleRules.fit(board, train),
            seed,
        )

    @property
    def grader(self) -> Grader | None:
        return self.test.grader

    def comparison(self, climbs: Climbs) -> Comparison:
        """The climbs, in an order that does not depend on how they came, beside the real ones."""
        sample = Sample(self.dataset.board, canonical(climbs), self.grader)
        return Comparison(sample, self.test, self.train, self.rules, self.seed)

    def floor(self, metric: Metric, n: int) -> Estimate | None:
        """The metric with real climbs in the place of n generated ones, as `metric.floor` says."""
        if metric.floor == "none":
            return None
        size = len(self.test) if metric.floor == "test" else min(n, len(self.train))
        key = (metric.name, size)
        if key not in self._floors:
            self._floors[key] = metric.compute(self._stand_in(metric.floor, size))
        return self._floors[key]

    def _stand_in(self, part: str, size: int) -> Comparison:
        """All test climbs, or `size` training climbs, in the place of generated ones."""
        if (part, size) not in self._stand_ins:
            judged = self.test
            if part == "train":
                drawn = np.random.default_rng(self.seed).permutation(len(self.train))[:size]
                judged = Sample(self.dataset.board, self.train.climbs[np.sort(drawn)], self.grader)
            real = Comparison(judged, self.test, self.train, self.rules, self.seed)
            self._stand_ins[part, size] = real
        return self._stand_ins[part, size]

"""Reference: the real climbs that generated ones are judged against, and the floors that go with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from setgen.boards.climbs import Climbs
from setgen.boards.identity import canonical
from setgen.boards.sensible import SensibleRules
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate
from setgen.evaluation.metric import Metric, MetricValue
from setgen.grading.cache import grader_for
from setgen.grading.fit import why_not
from setgen.grading.grader import Grader
from setgen.sets.identity import one_of_each


@dataclass(eq=False)
class Reference:
    """Prepared once for a dataset, it judges any number of samples; floors are computed once a size.

    test, train: one row of each hold set. Real boards store a climb at every angle it was climbed at; counted
    as often, real climbs would be their own nearest neighbours, and errors would be too small.
    """

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
        for part, name in (("test", "test"), ("train", "training")):
            if len(dataset.part(part)) == 0:
                raise InputError(f"the dataset has no {name} climbs to compare with: it is too small")
        test, train = (independent(dataset, part, seed) for part in ("test", "train"))
        known = grader_for(dataset) if grader == "own" else grader
        board = dataset.board
        return cls(
            dataset,
            Sample(board, test, known),
            Sample(board, train, known),
            SensibleRules.fit(board, dataset.part("train")),
            seed,
        )

    @property
    def grader(self) -> Grader | None:
        return self.test.grader

    @property
    def no_grader(self) -> str:
        """Why there is no grader, in words; empty where there is one."""
        if self.grader is not None:
            return ""
        return why_not(self.dataset) or "no grader was asked for"

    def comparison(self, climbs: Climbs) -> Comparison:
        """The climbs, in an order that does not depend on how they came, beside the real ones."""
        sample = Sample(self.dataset.board, canonical(climbs), self.grader)
        return Comparison(sample, self.test, self.train, self.rules, self.seed)

    def judge(self, metric: Metric, whole: Comparison) -> MetricValue | None:
        """The metric beside its floor; None where it does not exist on the board or for the data.

        Where as many training climbs as generated ones are to take their place and there are not so many, it
        looks at so many of the generated ones: its value depends on their number.
        """
        judged, notes, most = whole, [], len(self.train)
        if metric.floor == "train" and len(whole.sample) > most:
            fewer = whole.sample.some(most, self.seed)
            judged = whole.once("cut", lambda: replace(whole, sample=fewer, memo={}))
            notes.append(f"on {most} of {len(whole.sample)} climbs, as many as there are training climbs")
        estimate = metric.compute(judged)
        if estimate is None:
            return None
        floor = self.floor(metric, len(judged.sample))
        graded = floor.n if floor and metric.family == "conditioning" else len(self.test)
        notes.append(metric.wanting(estimate.n, graded))
        return MetricValue.of(estimate, floor, metric.direction, notes)

    def floor(self, metric: Metric, n: int) -> Estimate | None:
        """The metric with real climbs in the place of n generated ones, as `metric.floor` says; at most as
        many as there are training climbs."""
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
                judged = Sample(self.dataset.board, self.train.climbs.at_most(size, self.seed), self.grader)
            real = Comparison(judged, self.test, self.train, self.rules, self.seed)
            self._stand_ins[part, size] = real
        return self._stand_ins[part, size]


def independent(dataset: Dataset, part: str, seed: int) -> Climbs:
    """One row of each hold set of a part, in an order that does not depend on how the rows came."""
    return one_of_each(dataset.board, canonical(dataset.part(part)), seed)

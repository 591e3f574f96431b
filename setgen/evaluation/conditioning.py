"""Conditioning: are the climbs as hard, and made for such a wall, as was asked?

No label is exact: a grader trained on real climbs reads grades with an error on *real* test climbs too, and
that error is the measure. For angles a second judge, boosted trees, reads the angle off shape and grade.
Angles and grades go together in real data, so that the grade alone says something about the angle: where the
judge reads no more than that, found by dealing out the shapes of test climbs anew, a note says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from setgen.boards.grades import UNKNOWN
from setgen.boards.shape import informative
from setgen.evaluation.comparison import Comparison, Sample
from setgen.evaluation.estimate import Estimate, from_replicates, mean, resamples, symmetric, undefined
from setgen.evaluation.metric import Metric

_FEWEST = 10
_MOST_TRAINING = 20_000


@dataclass(frozen=True)
class Read:
    """Conditions that were asked for (C,), what a judge read off the climbs (C,), and a note on the judge."""

    asked: np.ndarray
    found: np.ndarray
    note: str = ""

    @property
    def error(self) -> np.ndarray:
        return np.abs(self.found - self.asked)


def grades_read(c: Comparison, sample: Sample, point: str = "median") -> Read | None:
    """Graded climbs with the grader's median (for absolute errors) or mean; None without a grader."""
    if sample.grading is None or c.test.grading is None:
        return None
    truth, read = _grades(c.test, c.test.grading.median)
    note = _blind(truth, read, c.train.climbs.grade)
    return Read(*_grades(sample, getattr(sample.grading, point)), note)


def angles_read(c: Comparison, sample: Sample) -> Read | None:
    """Climbs with an angle and what the angle judge reads; None where the data has one angle only."""
    judge = _angle_judge(c.train, c.seed)
    if judge is None:
        return None
    return Read(*_angles(judge, sample, c.seed), _sees_grades_only(judge, c.test, c.seed))


def _sees_grades_only(judge: HistGradientBoostingRegressor, test: Sample, seed: int) -> str:
    """A note where the judge reads real climbs no better than others dealt into their angles and grades: by
    less than three standard errors of the mean difference of its absolute errors."""
    key = ("sees grades only", seed)
    if key not in test.memo:
        truth, read = _angles(judge, test, seed)
        columns = _angle_columns(test)[_told(test, test.climbs.angle)]
        dealt = np.random.default_rng(seed).permutation(len(columns))
        columns[:, :-1] = columns[dealt, :-1]
        gain = np.zeros(0)
        if len(columns):
            with threadpool_limits(limits=1):
                gain = np.abs(judge.predict(columns) - truth) - np.abs(read - truth)
        clear = len(gain) > 1 and gain.mean() > 3 * gain.std(ddof=1) / np.sqrt(len(gain))
        test.memo[key] = "" if clear else "the angle judge reads no more off real holds than off the grade"
    return test.memo[key]


def _blind(truth: np.ndarray, read: np.ndarray, train: np.ndarray) -> str:
    """A note where the grader reads test climbs no better than the median of the training climbs does."""
    known = train[train != UNKNOWN]
    if not len(truth) or not len(known):
        return ""
    guess = np.median(known)
    blind = np.abs(truth - read).mean() >= np.abs(truth - guess).mean()
    return "the grader is no better than the median guess" if blind else ""


def _told(sample: Sample, values: np.ndarray) -> np.ndarray:
    """(C,) bool: the climb has holds, and a grade (or an angle: values are the ones or the others)."""
    return (values != UNKNOWN) & (sample.sets.sizes > 0)


def _grades(sample: Sample, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grades asked for and grades read, of the climbs that have a grade and holds."""
    known = _told(sample, sample.climbs.grade)
    return sample.climbs.grade[known].astype(float), read[known].astype(float)


def _angles(judge: HistGradientBoostingRegressor, sample: Sample, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles asked for and angles read, of the climbs that have an angle and holds."""
    known = _told(sample, sample.climbs.angle)
    if ("angle read", seed) not in sample.memo:
        columns = _angle_columns(sample)
        with threadpool_limits(limits=1):
            found = judge.predict(columns) if len(columns) else np.empty(0)
        sample.memo["angle read", seed] = found
    return sample.climbs.angle[known].astype(float), sample.memo["angle read", seed][known]


def _angle_columns(sample: Sample) -> np.ndarray:
    grade = np.where(sample.climbs.grade == UNKNOWN, np.nan, sample.climbs.grade)
    return np.column_stack([sample.shape, grade])


def _angle_judge(train: Sample, seed: int) -> HistGradientBoostingRegressor | None:
    """Boosted trees for the angle, trained once; None where there is nothing to learn it from."""
    key = ("angle judge", seed)
    if key in train.memo:
        return train.memo[key]
    part = train.some(_MOST_TRAINING, seed)
    known = part.climbs.angle != UNKNOWN
    angle = part.climbs.angle[known].astype(float)
    judge = None
    if len(angle) >= 100 and len(np.unique(angle)) > 1:
        columns = _angle_columns(part)[known]
        columns[:, ~informative(columns)] = 0.0  # trees refuse columns without a value
        with threadpool_limits(limits=1):
            judge = HistGradientBoostingRegressor(
                loss="absolute_error",
                max_iter=100,
                max_leaf_nodes=15,
                early_stopping=False,
                random_state=seed,
            ).fit(columns, angle)
    train.memo[key] = judge
    return train.memo[key]


def _ratio(own: Read | None, real: Read | None) -> Estimate | None:
    """MAE on the climbs / MAE on test climbs; log-ratio delta method over both. Real climbs over themselves
    are 1 and nothing else."""
    if own is None or real is None or len(real.asked) < _FEWEST:
        return None
    if len(own.asked) < 2:
        return undefined("no climb says what was asked for", len(own.asked))
    base = real.error.mean()
    if base == 0:
        return undefined("the judge makes no error on test climbs", len(own.asked))
    if own is real:
        return Estimate(1.0, 0.0, len(own.asked), own.note, 1.0, 1.0)
    value = float(own.error.mean() / base)
    parts = [
        np.square(r.error.std(ddof=1) / r.error.mean()) / len(r.error) for r in (own, real) if r.error.any()
    ]
    error = value * float(np.sqrt(sum(parts)))
    return symmetric(value, error, len(own.asked), own.note, (0, np.inf))


def _rank_correlation(own: Read | None, seed: int) -> Estimate | None:
    """Spearman's ρ with a bootstrap over climbs."""
    if own is None:
        return None
    n = len(own.asked)
    if n < _FEWEST:
        return undefined(f"wants {_FEWEST} climbs that say what was asked for", n)
    if len(np.unique(own.asked)) < 2:
        return undefined("one value asked for only", n)
    if len(np.unique(own.found)) < 2:
        return undefined("one value read only", n)
    value = _spearman(own.asked, own.found, np.ones(n))
    spread = [_spearman(own.asked, own.found, times) for times in resamples(n, seed)]
    return from_replicates(value, np.array(spread), n, own.note, (-1, 1))


def _spearman(a: np.ndarray, b: np.ndarray, times: np.ndarray) -> float:
    """ρ of the pairs, each counted `times`: Pearson's r of the ranks."""
    rows = np.repeat(np.arange(len(a)), times.astype(np.int64))
    x, y = rankdata(a[rows]), rankdata(b[rows])
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else float("nan")


def _grade_ratio(c: Comparison) -> Estimate | None:
    real = grades_read(c, c.test)
    return _ratio(real if c.sample is c.test else grades_read(c, c.sample), real)


def _grade_bias(c: Comparison) -> Estimate | None:
    own = grades_read(c, c.sample, "mean")
    if own is None:
        return None
    if len(own.asked) < 2:
        return undefined("no climb says what was asked for", len(own.asked))
    return mean(own.found - own.asked, c.seed, own.note)


def _grade_ranks(c: Comparison) -> Estimate | None:
    return _rank_correlation(grades_read(c, c.sample, "mean"), c.seed)


def _angle_ratio(c: Comparison) -> Estimate | None:
    real = angles_read(c, c.test)
    return _ratio(real if c.sample is c.test else angles_read(c, c.sample), real)


def _angle_ranks(c: Comparison) -> Estimate | None:
    return _rank_correlation(angles_read(c, c.sample), c.seed)


_GRADER = "ours; the grader: setgen.grading"
_TREES = "ours; angles read by boosted trees off shape and grade"

METRICS = (
    Metric(
        "grade error ratio",
        "ratio",
        "↓",
        "mean |grade asked for − median of the grader's distribution| / the same on test climbs",
        _GRADER,
        _grade_ratio,
        "test",
        "conditioning",
        sees=("grades shuffled", "random climbs"),
    ),
    Metric(
        "grade bias",
        "difficulty ids",
        "=",
        "mean of the grader's expected grade − grade asked for",
        _GRADER,
        _grade_bias,
        "test",
        "conditioning",
        sees=("holds replaced",),
    ),
    Metric(
        "grade rank correlation",
        "Spearman's ρ",
        "↑",
        "rank correlation of the grade asked for and the grader's expected grade",
        f"Spearman 1904; {_GRADER}",
        _grade_ranks,
        "test",
        "conditioning",
        sees=("grades shuffled", "random climbs"),
    ),
    Metric(
        "angle error ratio",
        "ratio",
        "↓",
        "mean |angle asked for − angle read| / the same on test climbs",
        _TREES,
        _angle_ratio,
        "test",
        "conditioning",
        sees=("angles shuffled",),
    ),
    Metric(
        "angle rank correlation",
        "Spearman's ρ",
        "↑",
        "rank correlation of the angle asked for and the angle read",
        f"Spearman 1904; {_TREES}",
        _angle_ranks,
        "test",
        "conditioning",
        sees=("angles shuffled",),
    ),
)

"""Conditioning: are the climbs as hard, and made for such a wall, as was asked?

No label is exact: a grader trained on real climbs reads grades with an error on *real* test climbs too, and
that error is the measure. For angles a second judge, boosted trees, reads the angle off shape and grade.
Angles and grades go together in real data, so that the grade alone says something about the angle: where the
judge reads no more than that, found by dealing out the shapes of test climbs anew, a note says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from setgen.climbing.board import Board
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.metrics.grader import grading
from setgen.metrics.context import Context, cached, per_set
from setgen.metrics.estimate import Estimate, each_resample, from_replicates, mean, symmetric, undefined
from setgen.metrics.features import shape
from setgen.metrics.metric import Unavailable, metric
from setgen.sets.per_set import informative

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


def grades_read(c: Context, point: str = "median") -> Read:
    """Graded climbs with the grader's median (for absolute errors) or mean."""
    note = _blind(*_grades(c.test, "median"), c.train.raw.conditions["grade"])
    return Read(*_grades(c, point), note)


def angles_read(c: Context) -> Read:
    """Climbs with an angle and what the angle judge reads."""
    return Read(*_angles(c), _sees_grades_only(c.test))


@cached
def _sees_grades_only(test: Context) -> str:
    """A note where the judge reads real climbs no better than others dealt into their angles and grades: by
    less than three standard errors of the mean difference of its absolute errors."""
    truth, read = _angles(test)
    columns = _angle_columns(test)[~np.isnan(_asked(test, "angle"))]
    dealt = np.random.default_rng(test.seed).permutation(len(columns))
    columns[:, :-1] = columns[dealt, :-1]
    gain = np.zeros(0)
    if len(columns):
        with threadpool_limits(limits=1):
            gain = np.abs(_angle_judge(test.train).predict(columns) - truth) - np.abs(read - truth)
    clear = len(gain) > 1 and gain.mean() > 3 * gain.std(ddof=1) / np.sqrt(len(gain))
    return "" if clear else "the angle judge reads no more off real holds than off the grade"


def _blind(truth: np.ndarray, read: np.ndarray, train: np.ndarray) -> str:
    """A note where the grader reads test climbs no better than the median of the training climbs does."""
    known = train[train != UNKNOWN]
    if not len(truth) or not len(known):
        return ""
    guess = np.median(known)
    blind = np.abs(truth - read).mean() >= np.abs(truth - guess).mean()
    return "the grader is no better than the median guess" if blind else ""


def _asked(c: Context, condition: str) -> np.ndarray:
    """(C,) the grade, or the angle, of climbs that have one and holds; NaN of others."""
    asked = c.raw.conditions[condition].astype(float)
    return np.where((asked != UNKNOWN) & (c.sets.sizes > 0), asked, np.nan)


@partial(per_set, space=Board)
def _graded(c: Context) -> dict[str, np.ndarray]:
    """The grade asked for, and what the grader reads."""
    read = grading(c)
    return {"asked": _asked(c, "grade"), "median": read.median.astype(float), "mean": read.mean.astype(float)}


@partial(per_set, space=Board)
def _angled(c: Context) -> dict[str, np.ndarray]:
    """The angle asked for, and what the angle judge reads."""
    columns, judge = _angle_columns(c), _angle_judge(c.train)
    with threadpool_limits(limits=1):
        found = judge.predict(columns) if len(columns) else np.empty(0)
    return {"asked": _asked(c, "angle"), "found": found}


def _grades(c: Context, point: str) -> tuple[np.ndarray, np.ndarray]:
    """Grades asked for and grades read, of the climbs that have a grade and holds."""
    of = _graded(c)
    known = ~np.isnan(of["asked"])
    return of["asked"][known], of[point][known]


def _angles(c: Context) -> tuple[np.ndarray, np.ndarray]:
    """Angles asked for and angles read, of the climbs that have an angle and holds."""
    of = _angled(c)
    known = ~np.isnan(of["asked"])
    return of["asked"][known], of["found"][known]


def _angle_columns(c: Context) -> np.ndarray:
    grade = c.raw.conditions["grade"]
    return np.column_stack([shape(c), np.where(grade == UNKNOWN, np.nan, grade)])


@cached
def _angle_judge(train: Context) -> HistGradientBoostingRegressor:
    """Boosted trees for the angle. Raises Unavailable where there is nothing to learn it from."""
    part = train.fewer(_MOST_TRAINING)
    known = part.raw.conditions["angle"] != UNKNOWN
    angle = part.raw.conditions["angle"][known].astype(float)
    if len(angle) < 100 or len(np.unique(angle)) < 2:
        raise Unavailable("the training climbs have fewer than 100 angles, or one angle only")
    columns = _angle_columns(part)[known]
    columns[:, ~informative(columns)] = 0.0  # trees refuse columns without a value
    with threadpool_limits(limits=1):
        return HistGradientBoostingRegressor(
            loss="absolute_error",
            max_iter=100,
            max_leaf_nodes=15,
            early_stopping=False,
            random_state=train.seed,
        ).fit(columns, angle)


def _ratio(own: Read, real: Read, of_itself: bool) -> Estimate:
    """MAE on the climbs / MAE on test climbs; log-ratio delta method over both. Real climbs over themselves
    are 1 and nothing else."""
    if len(real.asked) < _FEWEST:
        raise Unavailable(f"fewer than {_FEWEST} test climbs say what was asked for")
    n = len(own.asked)
    if n < 2:
        return undefined("no climb says what was asked for", n)
    base = real.error.mean()
    if base == 0:
        return undefined("the judge makes no error on test climbs", n)
    if of_itself:
        return Estimate(1.0, 0.0, n, own.note, 1.0, 1.0)
    value = float(own.error.mean() / base)
    parts = [
        np.square(r.error.std(ddof=1) / r.error.mean()) / len(r.error) for r in (own, real) if r.error.any()
    ]
    return symmetric(value, value * float(np.sqrt(sum(parts))), n, own.note, (0, np.inf))


def _rank_correlation(own: Read, seed: int) -> Estimate:
    """Spearman's ρ with a bootstrap over climbs."""
    n = len(own.asked)
    if n < _FEWEST:
        return undefined(f"wants {_FEWEST} climbs that say what was asked for", n)
    if len(np.unique(own.asked)) < 2:
        return undefined("one value asked for only", n)
    if len(np.unique(own.found)) < 2:
        return undefined("one value read only", n)
    value = _spearman(own.asked, own.found, np.ones(n))
    spread = [_spearman(own.asked, own.found, times) for times in each_resample(n, seed)]
    return from_replicates(value, np.array(spread), n, own.note, (-1, 1))


def _spearman(a: np.ndarray, b: np.ndarray, times: np.ndarray) -> float:
    """ρ of the pairs, each counted `times`: Pearson's r of the ranks."""
    rows = np.repeat(np.arange(len(a)), times.astype(np.int64))
    x, y = rankdata(a[rows]), rankdata(b[rows])
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else float("nan")


_conditioning = partial(metric, family="conditioning", floor="test", space=Board)
_grade = partial(_conditioning, source="ours; the grader: setgen.climbing.grading", needs_condition="grade")
_angle = partial(
    _conditioning, source="ours; angles read by boosted trees off shape and grade", needs_condition="angle"
)


@_grade(name="grade error ratio", unit="ratio", sees=("grades shuffled", "random climbs"))
def grade_error_ratio(c: Context) -> Estimate:
    """Mean |grade asked for − median of the grader's distribution| / the same on test climbs."""
    return _ratio(grades_read(c), grades_read(c.test), c.raw is c.test_sets)


@_grade(name="grade bias", unit="difficulty ids", direction="=", sees=("holds replaced",))
def grade_bias(c: Context) -> Estimate:
    """Mean of the grader's expected grade − grade asked for."""
    own = grades_read(c, "mean")
    if len(own.asked) < 2:
        return undefined("no climb says what was asked for", len(own.asked))
    return mean(own.found - own.asked, c.seed, own.note)


@_grade(
    name="grade rank correlation",
    unit="Spearman's ρ",
    direction="↑",
    sees=("grades shuffled", "random climbs"),
)
def grade_rank_correlation(c: Context) -> Estimate:
    """Rank correlation of the grade asked for and the grader's expected grade (Spearman 1904)."""
    return _rank_correlation(grades_read(c, "mean"), c.seed)


@_angle(name="angle error ratio", unit="ratio", sees=("angles shuffled",))
def angle_error_ratio(c: Context) -> Estimate:
    """Mean |angle asked for − angle read| / the same on test climbs."""
    return _ratio(angles_read(c), angles_read(c.test), c.raw is c.test_sets)


@_angle(name="angle rank correlation", unit="Spearman's ρ", direction="↑", sees=("angles shuffled",))
def angle_rank_correlation(c: Context) -> Estimate:
    """Rank correlation of the angle asked for and the angle read (Spearman 1904)."""
    return _rank_correlation(angles_read(c), c.seed)

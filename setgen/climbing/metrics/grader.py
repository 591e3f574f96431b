"""The grader that judges climbs: the dataset's own, or the one that the context was given."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.grading.cache import grader_for
from setgen.climbing.grading.fit import why_not
from setgen.climbing.grading.grader import Grader
from setgen.climbing.grading.grading import Grading
from setgen.climbing.metrics.shape import climbs_of
from setgen.metrics.context import Context, cached
from setgen.metrics.features import FeatureSpace, euclidean_blocks, scaled
from setgen.metrics.frechet import frechet_metric
from setgen.metrics.kernels import kid_metric
from setgen.metrics.metric import Unavailable
from setgen.metrics.neighbours import neighbour_metrics


def grader_of(c: Context) -> Grader | None:
    """`extras["grader"]` where the context has one, else that of its dataset, trained where that is not done
    yet (see `grading.cache`); None where there is none."""
    if "grader" in c.extras:
        return c.extras["grader"]
    return None if c.data is None else _own(c.train)


@cached
def _own(train: Context) -> Grader | None:
    return grader_for(train.data)


def why_no_grader(c: Context) -> str:
    """Why there is no grader, in words; empty where there is one."""
    if grader_of(c) is not None:
        return ""
    return (c.data is not None and why_not(c.data)) or "no grader was asked for"


@cached
def grading(c: Context) -> Grading:
    """What the grader says of each climb at its own angle. Raises Unavailable without a grader."""
    grader = grader_of(c)
    if grader is None:
        raise Unavailable(f"no grader: {why_no_grader(c)}")
    return grader.grade(climbs_of(c))


def learned(c: Context) -> np.ndarray:
    """(C, D) float32: the grader's last hidden layer."""
    return grading(c).features


LEARNED = FeatureSpace("learned", lambda c: scaled(c, learned), euclidean_blocks, {"space": Board})
"""Trained on training climbs only."""

neighbour_metrics(LEARNED)
# Not "one side dropped": a grade does not depend on the side.
kid_metric(LEARNED)
frechet_metric(LEARNED)

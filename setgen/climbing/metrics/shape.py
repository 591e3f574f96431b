"""The shape of climbs: what any metric of shapes sees of them, and distances in inches of their own."""

from __future__ import annotations

from functools import partial

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.geometry import Geometry, geometry
from setgen.climbing.roles import Role
from setgen.climbing.shape import shape_features
from setgen.metrics.context import Context, cached
from setgen.metrics.distances import distance, distance_metric
from setgen.metrics.estimate import Estimate
from setgen.metrics.features import shape_columns
from setgen.metrics.transport import Clouds, clouds_of


def climbs_of(c: Context) -> Climbs:
    """The climbs looked at, as sets of known holds."""
    assert isinstance(c.sets, Climbs)
    return c.sets


def board_of(c: Context) -> Board:
    assert isinstance(c.space, Board)
    return c.space


@cached
def climb_geometry(c: Context) -> Geometry:
    return geometry(board_of(c), climbs_of(c))


@shape_columns.register
def _columns(space: Board, c: Context) -> np.ndarray:
    return shape_features(space, climbs_of(c), climb_geometry(c))


@clouds_of.register
def _clouds(space: Board) -> Clouds:
    """The hands together, and starts, finishes and feet."""
    hands = (Role.START, Role.MIDDLE, Role.FINISH)
    return ((hands, 0.5), *(((role,), 1 / 6) for role in (Role.START, Role.FINISH, Role.FOOT)))


def _feature(c: Context, name: str) -> Estimate:
    return distance(c, lambda x: getattr(climb_geometry(x), name))


def hops(c: Context) -> tuple[np.ndarray, np.ndarray]:
    """(M,) inches and (M,) the climb each hop belongs to."""
    found = climb_geometry(c)
    return found.hops, found.hop_owner.astype(np.int64)


for _name, _field, _said in (
    ("start to start", "start_distance", "the distance between the starts"),
    ("lowest start", "lowest_start", "the height of the lowest start"),
    ("height gained", "height_progress", "the height of the highest finish above the highest start"),
    ("mean height", "mean_height", "the mean height of the holds"),
    ("spread", "spread", "the root mean square distance of the holds from their centre"),
    ("largest hop", "largest_hop", "the longest hop on the best path from start to finish"),
    ("foot support", "foot_support", "the largest distance from a hand hold to the nearest lower hold"),
):
    distance_metric(_name, _said, space=Board, sees=("random climbs",))(partial(_feature, name=_field))


@distance_metric(
    "hop", "all hops that link the hand holds", space=Board, sees=("holds replaced", "random climbs")
)
def hop_distance(c: Context) -> Estimate:
    return distance(c, hops)

"""Sweeps: in which order a line (or a plane) that moves over a space meets its items."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from setgen.sets.space import Space


def sweep_ranks(space: Space, directions: int) -> Tensor:
    """(D, V) int64: the place of each item in the sweep in each direction, 0 first.

    In the plane, direction d moves at 90° + 360° d / D, so the first goes from bottom to top; items that the
    line meets at once follow each other from left to right as it looks. On a line, directions alternate; in
    three dimensions they turn about the third axis and the first goes along the second. Without coordinates
    items come by number, in odd directions from the last.
    """
    xy = space.coordinates
    if xy is None or xy.shape[1] == 1:
        along = np.arange(len(space), dtype=float) if xy is None else xy[:, 0].round(3)
        turns = [along if d % 2 == 0 else -along for d in range(directions)]
        return torch.from_numpy(np.stack([_ranks(np.arange(len(space)), turn) for turn in turns]))
    ranks = []
    for d in range(directions):
        angle = math.pi / 2 + 2 * math.pi * d / directions
        along = xy[:, :2] @ np.array([math.cos(angle), math.sin(angle)])
        across = xy[:, :2] @ np.array([math.sin(angle), -math.cos(angle)])
        ties = [across.round(3)] if xy.shape[1] == 2 else [xy[:, 2].round(3), across.round(3)]
        ranks.append(_ranks(*ties, along.round(3)))  # rounding: what is level stays level
    return torch.from_numpy(np.stack(ranks))


def _ranks(*keys: np.ndarray) -> np.ndarray:
    """(V,) the place of each item when sorted by the last key, ties by those before it."""
    order = np.lexsort(keys)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank

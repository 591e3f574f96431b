"""Splits that cannot leak: every row of one hold set falls on the same side, whatever its angle or uuid."""

from __future__ import annotations

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs

SPLITS = ("train", "valid", "test")
_SHARES = (0.85, 0.05, 0.10)


def _mix(x: np.ndarray) -> np.ndarray:
    """The splitmix64 finaliser (Steele, Lea, Flood 2014): a bijection that scatters 64-bit integers."""
    x = x.astype(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def fingerprints(board: Board, climbs: Climbs) -> np.ndarray:
    """(C,) uint64 hash of each climb's set of placement ids; order, roles, angle and grade do not enter.

    The hash is the wrapped sum of each id's scattered bits, so it is a function of the set alone, and it
    is the same for a hold set on every size of one layout that has no mirror map. On a board with one a climb
    and its mirror image are one idea and have one hash: the smaller of the two.
    """
    prints = _sums(board.ids[climbs.placement], climbs.offsets)
    if board.mirror is None:
        return prints
    return np.minimum(prints, _sums(board.ids[board.mirror[climbs.placement]], climbs.offsets))


def _sums(ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        scattered = _mix(ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        total = np.concatenate([[np.uint64(0)], np.cumsum(scattered, dtype=np.uint64)])
        return total[offsets[1:]] - total[offsets[:-1]]


def one_of_each(board: Board, climbs: Climbs, seed: int) -> Climbs:
    """One row of each hold set, drawn with `seed`, in the order they came: what a statistic may take for
    independent. A climb that is stored at six angles is one climb.
    """
    drawn = np.random.default_rng(seed).permutation(len(climbs))
    _, first = np.unique(fingerprints(board, climbs)[drawn], return_index=True)
    return climbs[np.sort(drawn[first])]


def assign(prints: np.ndarray, seed: int) -> np.ndarray:
    """(C,) int8 index into SPLITS: a function of fingerprint and seed alone, 85/5/10 in expectation."""
    with np.errstate(over="ignore"):
        salt = _mix(np.array([seed + 1], dtype=np.uint64))
        uniform = _mix(prints ^ salt).astype(np.float64) / 2.0**64
    return np.searchsorted(np.cumsum(_SHARES[:-1]), uniform, side="right").astype(np.int8)

"""Splits: which sets are learned from, which tell when to stop, and which are kept back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from setgen.errors import InputError
from setgen.sets.identity import fingerprints, scattered
from setgen.sets.sets import Sets
from setgen.sets.space import Space

SPLITS = ("train", "valid", "test")
SHARES = (0.85, 0.05, 0.10)


def split_of(
    space: Space, sets: Sets, seed: int, by_set: bool = True, shares: Sequence[float] = SHARES
) -> np.ndarray:
    """(C,) int8 index into SPLITS.

    by_set: a function of the set of items and the seed alone, so that all rows of one set fall on the same
    side, and nothing leaks. Without it every row is drawn by itself, as papers on baskets do.
    """
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(f"shares {', '.join(map(str, shares))} must be three that add up to 1")
    if by_set:
        return assign(fingerprints(space, sets), seed, shares)
    uniform = np.random.default_rng([seed, len(sets)]).random(len(sets))
    return np.searchsorted(np.cumsum(shares[:-1]), uniform, side="right").astype(np.int8)


def assign(prints: np.ndarray, seed: int, shares: Sequence[float] = SHARES) -> np.ndarray:
    """(C,) int8 index into SPLITS: a function of fingerprint and seed alone, with these shares in expectation."""
    with np.errstate(over="ignore"):
        salt = scattered(np.array([seed + 1], dtype=np.uint64))
        uniform = scattered(prints ^ salt).astype(np.float64) / 2.0**64
    return np.searchsorted(np.cumsum(shares[:-1]), uniform, side="right").astype(np.int8)

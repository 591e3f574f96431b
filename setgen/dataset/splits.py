"""Splits that cannot leak: every row of one hold set falls on the same side, whatever its angle or uuid."""

from __future__ import annotations

import numpy as np

from setgen.sets.identity import fingerprints, one_of_each, scattered

__all__ = ["SPLITS", "assign", "fingerprints", "one_of_each"]

SPLITS = ("train", "valid", "test")
_SHARES = (0.85, 0.05, 0.10)


def assign(prints: np.ndarray, seed: int) -> np.ndarray:
    """(C,) int8 index into SPLITS: a function of fingerprint and seed alone, 85/5/10 in expectation."""
    with np.errstate(over="ignore"):
        salt = scattered(np.array([seed + 1], dtype=np.uint64))
        uniform = scattered(prints ^ salt).astype(np.float64) / 2.0**64
    return np.searchsorted(np.cumsum(_SHARES[:-1]), uniform, side="right").astype(np.int8)

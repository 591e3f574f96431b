"""Columns of numbers as they come: SQLite and CSV put anything into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

_LARGEST = 2**15 - 1  # what the arrays of climbs can hold


def numbers(values: Sequence[Any], missing: float) -> np.ndarray:
    """(C,) float64; `missing` for what is no finite number."""
    try:
        column = np.array(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        column = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(column), column, missing)


def whole_numbers(values: Sequence[Any], missing: int) -> np.ndarray:
    """(C,) int64, rounded; `missing` for what is no number or does not fit into 16 bits."""
    column = numbers(values, missing)
    return np.where(np.abs(column) <= _LARGEST, np.rint(column), missing).astype(np.int64)

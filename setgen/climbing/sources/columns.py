"""Columns of numbers as they come: SQLite, CSV and JSON put anything into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

_LARGEST = 2**15 - 1  # what the arrays of climbs can hold

T = TypeVar("T")


def numbers(values: Sequence[Any], missing: float) -> np.ndarray:
    """(C,) float64; `missing` for what is no finite number."""
    try:
        column = np.array(values, dtype=np.float64)
        if column.ndim != 1:  # lists in place of numbers
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        values = [v if isinstance(v, str | float | bytes | None) or _is_small(v) else None for v in values]
        column = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(column), column, missing)


def _is_small(value: Any) -> bool:
    """Whether a value is a whole number that a float can stand for."""
    return isinstance(value, int) and value.bit_length() < 1000


def half_up(values: np.ndarray | float) -> np.ndarray:
    """Rounded as SQL's ROUND does, which the apps use: halves go away from zero (22.5 is 23)."""
    return np.trunc(values + np.copysign(0.5, values))


def whole_numbers(values: Sequence[Any], missing: int) -> np.ndarray:
    """(C,) int64, rounded half up; `missing` for what is no number or does not fit into 16 bits."""
    column = numbers(values, missing)
    return np.where(np.abs(column) <= _LARGEST, half_up(column), missing).astype(np.int64)


def one_by_one(values: Sequence[Any], read: Callable[[Any], int]) -> np.ndarray:
    """(C,) int64: `read` of each value, asked once for each that is different."""
    known: dict[tuple[type, Any], int] = {}
    out = np.empty(len(values), dtype=np.int64)
    for i, value in enumerate(values):
        plain = value if isinstance(value, str | int | float | bytes | None) else str(value)
        key = (type(value), plain)
        if key not in known:
            known[key] = read(value)
        out[i] = known[key]
    return out

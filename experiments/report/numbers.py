"""Numbers as a reader wants them: as many digits as their standard error supports."""

from __future__ import annotations

import math
from collections.abc import Iterable

from experiments.report.content import finite
from experiments.report.table import Cell

MISSING = "–"
INFINITE = "∞"

_ROUNDING = 1e-6  # what float32 leaves of a zero


def plain(value: float | None, decimals: int | None = None) -> str:
    """At most four significant digits, or `decimals`; a dash where there is no number."""
    value = finite(value)
    if value is None:
        return MISSING
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) < _ROUNDING:
        return "0.000000"
    if abs(value) < 1e-4:
        return f"{value:.2e}"
    text = f"{value:,.{_decimals(value, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pair(value: float | None, error: float | None) -> str:
    """`4.382 ± 0.012`: the error with two significant digits, the value to the same decimal."""
    value, error = finite(value), finite(error)
    if value is None or error is None:
        return plain(value)
    if error <= abs(value) * 1e-12:  # seeds that agree, but for the rounding of their mean
        return f"{plain(value)} ± 0"
    if max(abs(value), error) < _ROUNDING:
        return plain(value)
    decimals = _decimals(error, 2)
    if decimals > 6:
        return f"{plain(value)} ± {error:.1e}"
    return f"{value:,.{decimals}f} ± {error:,.{decimals}f}"


def decimals_of(cells: Iterable[Cell]) -> int | None:
    """As many for a whole row: what its narrowest interval supports, at most four digits of its largest mean.

    None where no cell has an interval.
    """
    known = [(c.mean, c.low, c.high) for c in cells]
    halves = [
        (high - low) / 2 for _, low, high in known if low is not None and high is not None and high > low
    ]
    if not halves:
        return None
    largest = max(abs(mean) for mean, _, _ in known if mean is not None)
    return min(6, _decimals(min(halves), 2), _decimals(max(largest, min(halves)), 4))


def interval(cell: Cell, decimals: int | None = None) -> str:
    """`0.032 to 0.086`; empty where there is no interval, or one of no width."""
    low, high = finite(cell.low), finite(cell.high)
    if low is None or high is None or high - low < _ROUNDING:
        return ""
    return f"{plain(low, decimals)} to {plain(high, decimals)}"


def megabytes(size: int) -> str:
    """`5.9 MB`, of bytes; kB below a tenth of one."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


def shown(cell: Cell) -> str:
    """A cell of the table."""
    return INFINITE if cell.infinite else pair(cell.mean, cell.standard_error)


def signed(value: float | None) -> str:
    """With its sign always, three significant digits; `±0` for zero."""
    value = finite(value)
    if value is None:
        return MISSING
    if value == 0:
        return "±0"
    if abs(value) < 1e-4:
        return f"{value:+.1e}"
    return f"{value:+,.{_decimals(value, 3)}f}"


def _decimals(value: float, digits: int) -> int:
    """Decimals that show `digits` significant digits."""
    return 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))

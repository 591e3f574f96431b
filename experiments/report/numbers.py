"""Numbers as a reader wants them: as many digits as their standard error supports."""

from __future__ import annotations

import math

from experiments.report.content import finite
from experiments.report.table import Cell

MISSING = "–"
INFINITE = "∞"


def plain(value: float | None, decimals: int | None = None) -> str:
    """At most four significant digits, or `decimals`; a dash where there is no number."""
    value = finite(value)
    if value is None:
        return MISSING
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) < 1e-4:
        return f"{value:.2e}"
    text = f"{value:,.{_decimals(value, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pair(value: float | None, error: float | None) -> str:
    """`4.382 ± 0.012`: the error with two significant digits, the value to the same decimal."""
    value, error = finite(value), finite(error)
    if value is None or error is None:
        return plain(value)
    if error <= 0:
        return f"{plain(value)} ± 0"
    decimals = _decimals(error, 2)
    if decimals > 6:
        return f"{plain(value)} ± {error:.1e}"
    return f"{value:,.{decimals}f} ± {error:,.{decimals}f}"


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

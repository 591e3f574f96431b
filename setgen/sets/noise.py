"""Noise that does not depend on the batch: row i's is a function of the seed and i alone. NumPy only."""

from __future__ import annotations

import numpy as np

from setgen.sets.space import Space

SIZE, ORDER, FIRST = range(3)
"""Columns of the plain stream: the size's draw, the order's, and two for each element that is drawn."""

OPEN_LABELS, TIMES, FIRST_FREE = 1, 2, 3
"""Other streams: of open labels, of the times of a schedule, and from which on streams are anybody's."""


def row_uniforms(
    seed: int | np.ndarray, rows: np.ndarray, columns: int, stream: int | None = None
) -> np.ndarray:
    """(len(rows), columns) float64 uniforms in [0, 1); row r's come from its own stream (seed, r).

    seed: one for all rows, or (C, 2) integers: row r's stream is then seed[r], a seed and a row of another
    call, whose noise it gets. stream: another number, another noise for the same seed and row.
    """
    streams = seed[rows] if isinstance(seed, np.ndarray) else [(seed, r) for r in rows]
    more = [] if stream is None else [stream]
    uniforms = [np.random.default_rng([int(s), int(r), *more]).random(columns) for s, r in streams]
    return np.stack(uniforms) if uniforms else np.empty((0, columns))


def noise_of(space: Space, seed: int | np.ndarray, rows: np.ndarray, stream: int | None = None) -> np.ndarray:
    """(B, 2 + 2 (widest + 1)) uniforms: two for each element drawn, one of the item and one of its label."""
    return row_uniforms(seed, rows, FIRST + 2 * (space.widest + 1), stream)

"""The draws of `generators.drawing` in NumPy: the same seed gives the same noise and the same categories."""

from __future__ import annotations

import numpy as np


def row_uniforms(seed: int, rows: np.ndarray, columns: int) -> np.ndarray:
    """(len(rows), columns) float64 uniforms in [0, 1); row r's come from its own stream (seed, r)."""
    if not len(rows):
        return np.empty((0, columns))
    return np.stack([np.random.default_rng([seed, int(r)]).random(columns) for r in rows])


def softmax(logits: np.ndarray) -> np.ndarray:
    """(B, M) float64 of (B, M) logits; NaN in rows in which everything is −inf."""
    with np.errstate(invalid="ignore"):
        weights = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def draw(logits: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(B,) int64: one category a row from softmax(logits / temperature), by inverting its cdf at `uniform`.

    logits: (B, M), −inf where impossible; uniform: (B,) float64. Temperature 0: the most likely category.
    Rows in which everything is −inf get some category.
    """
    if temperature == 0:
        return logits.argmax(1)
    with np.errstate(invalid="ignore", over="ignore"):
        below = (logits.astype(np.float64) - logits.max(1, keepdims=True)) / temperature
    cdf = softmax(below).cumsum(1)
    total = cdf[:, -1:]
    target = np.minimum(uniform[:, None] * total, total * (1 - 1e-15))
    return np.minimum((cdf <= target).sum(1), logits.shape[1] - 1)

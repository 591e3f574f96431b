"""Random draws that do not depend on the batch: row i's noise is a function of the seed and i alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def row_uniforms(seed: int | np.ndarray, rows: np.ndarray, columns: int, stream: int | None = None) -> Tensor:
    """(len(rows), columns) float64 uniforms in [0, 1); row r's come from its own stream (seed, r).

    seed: one for all rows, or (C, 2) integers: row r's stream is then seed[r], a seed and a row of another
    call, whose noise it gets. stream: another number, another noise for the same seed and row.
    """
    streams = seed[rows] if isinstance(seed, np.ndarray) else [(seed, r) for r in rows]
    more = [] if stream is None else [stream]
    uniforms = [np.random.default_rng([int(s), int(r), *more]).random(columns) for s, r in streams]
    return torch.from_numpy(np.stack(uniforms) if uniforms else np.empty((0, columns)))


def draw(logits: Tensor, uniform: Tensor, temperature: float = 1.0) -> Tensor:
    """(B,) int64: one category a row from softmax(logits / temperature), by inverting its cdf at `uniform`.

    logits: (B, M), −inf where impossible; uniform: (B,) float64. Arithmetic is in float64: float32 noise
    cuts the tails off and acts as a lower temperature. Temperature 0 means the most likely category.
    """
    if temperature == 0:
        return logits.argmax(1)
    logits = logits.double()
    if temperature != 1:
        # The largest first becomes 0: a tiny temperature then divides nothing into infinity but the rest.
        logits = (logits - logits.amax(1, keepdim=True)) / temperature
    cdf = logits.softmax(1).cumsum(1)
    total = cdf[:, -1:]
    target = torch.minimum(uniform[:, None].to(cdf) * total, total * (1 - 1e-15))
    return torch.searchsorted(cdf, target, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)

"""Draws: one category a row, from its logits and a uniform number."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(logits: Tensor, uniform: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    """(B,) int64: one category a row from softmax(logits / temperature), by inverting its cdf at `uniform`.

    logits: (B, M), −inf where impossible; uniform: (B,) float64. Arithmetic is in float64: float32 noise
    cuts the tails off and acts as a lower temperature. Temperature 0 means the most likely category; it is a
    tensor where a model is exported, which learns it when it runs.
    """
    if isinstance(temperature, Tensor):
        warm = _inverted(_tempered(logits, torch.where(temperature > 0, temperature, 1.0)), uniform)
        return torch.where(temperature > 0, warm, logits.argmax(1))
    if temperature == 0:
        return logits.argmax(1)
    return _inverted(logits.double() if temperature == 1 else _tempered(logits, temperature), uniform)


def _tempered(logits: Tensor, temperature: float | Tensor) -> Tensor:
    """The largest first becomes 0: a tiny temperature then divides nothing into infinity but the rest."""
    logits = logits.double()
    return (logits - logits.amax(1, keepdim=True)) / temperature


def _inverted(logits: Tensor, uniform: Tensor) -> Tensor:
    cdf = logits.softmax(1).cumsum(1)
    total = cdf[:, -1:]
    target = torch.minimum(uniform[:, None].to(cdf) * total, total * (1 - 1e-15))
    if torch.compiler.is_exporting():  # the same number, where there is no `searchsorted`
        place = (cdf <= target).sum(1)
    else:
        place = torch.searchsorted(cdf, target, right=True).squeeze(1)
    return place.clamp(max=logits.shape[1] - 1)

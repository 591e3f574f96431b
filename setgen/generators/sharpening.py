"""Sharpening: what is done to a model's distribution of the next element before it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from setgen.dataset.batches import ClimbBatch
from setgen.errors import InputError


@dataclass(frozen=True)
class Sharpening:
    """guidance: g of classifier-free guidance, logits (1 + g)·with − g·without angle and grade (Ho & Salimans
    2022); the network is asked twice. top_k, top_p: draw among the k likeliest elements, or the fewest that
    hold a share p (nucleus: Holtzman et al. 2020). The default changes nothing.
    """

    guidance: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}: give at least 1")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}: it is a share above 0, at most 1")
        if not -1 <= self.guidance <= 100:
            raise InputError(f"guidance is {self.guidance}: give a number such as 0.5, at least −1")

    @property
    def asks(self) -> int:
        """How often the network is asked about each climb: 2 with guidance."""
        return 2 if self.guidance else 1

    def asked(self, batch: ClimbBatch) -> ClimbBatch:
        """The batch that the network sees: with guidance, each climb twice, then untold what it is for."""
        if self.asks == 1:
            return batch
        twice = batch.rows(torch.arange(len(batch), device=batch.angle.device).repeat_interleave(2))
        told = torch.arange(len(twice), device=batch.angle.device) % 2 == 0
        return replace(twice, angle=twice.angle * told, grade=twice.grade * told)

    def guided(self, logits: Tensor) -> Tensor:
        """(B · asks, M) logits of `asked` → (B, M)."""
        if self.asks == 1:
            return logits
        return (1 + self.guidance) * logits[::2] - self.guidance * logits[1::2]

    def narrowed(self, log_p: Tensor) -> Tensor:
        """(B, M) with all but the likeliest categories at −inf; the likeliest of all always stays."""
        if self.top_k is None and self.top_p >= 1:
            return log_p
        ranked, order = log_p.sort(dim=1, descending=True, stable=True)
        place = torch.arange(log_p.shape[1], device=log_p.device)
        p = ranked.double().softmax(1)
        out = (p.cumsum(1) - p >= self.top_p) | (place >= (self.top_k or log_p.shape[1]))
        return log_p.masked_fill(torch.zeros_like(out).scatter(1, order, out), -torch.inf)

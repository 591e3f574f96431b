"""Sampling: everything that can be said about how sets are drawn, in one object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from setgen.errors import InputError
from setgen.generators.unmasking import Unmasking
from setgen.sets.batch import SetBatch
from setgen.sets.limits import Limits
from setgen.sets.space import Space


class Constraints(Protocol):
    """What a user lays down, in whatever words: it comes down to `Limits`."""

    def limits(self, space: Space) -> Limits:
        """Raises InputError when they contradict themselves or name what the space lacks."""


@dataclass(frozen=True)
class Sampling:
    """How sets are drawn. The default is the model's own distribution over what the rules allow.

    legal: keep to the space's bounds, for certain; without, only the model decides.
    temperature: of elements; 0 takes the likeliest.
    constraints: what every set must keep to, for certain too; they need `legal`.
    guidance: g of classifier-free guidance, logits (1 + g)·with − g·without conditions (Ho & Salimans 2022);
        the network is asked twice.
    top_k, top_p: draw among the k likeliest elements, or the fewest that hold a share p (nucleus: Holtzman
        et al. 2020).
    unmasking: how many elements a network call reveals, and which; of generators that reveal in blocks.
    """

    legal: bool = True
    temperature: float = 1.0
    constraints: Constraints | None = None
    guidance: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0
    unmasking: Unmasking = field(default_factory=Unmasking)

    def __post_init__(self) -> None:
        if self.constraints is not None and not self.legal:
            raise InputError("constraints are kept by the rules' own masks: leave the rules on, or drop them")
        if not self.temperature >= 0:
            raise InputError(f"temperature is {self.temperature}: give 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}: give at least 1")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}: it is a share above 0, at most 1")
        if not -1 <= self.guidance <= 100:
            raise InputError(f"guidance is {self.guidance}: give a number such as 0.5, at least −1")

    def asked(self, given: SetBatch) -> list[SetBatch]:
        """The batches that the network reads: with guidance a second one, without conditions."""
        return [given, given.unasked()] if self.guidance else [given]

    def guided(self, logits: list[Tensor]) -> Tensor:
        """One (B, M) logits for each of `asked` → (B, M)."""
        if len(logits) == 1:
            return logits[0]
        return (1 + self.guidance) * logits[0] - self.guidance * logits[1]

    def narrowed(self, log_p: Tensor) -> Tensor:
        """(B, M) with all but the likeliest categories at −inf; the likeliest of all always stays."""
        if self.top_k is None and self.top_p >= 1:
            return log_p
        ranked, order = log_p.sort(dim=1, descending=True, stable=True)
        place = torch.arange(log_p.shape[1], device=log_p.device)
        p = ranked.double().softmax(1)
        out = (p.cumsum(1) - p >= self.top_p) | (place >= (self.top_k or log_p.shape[1]))
        return log_p.masked_fill(torch.zeros_like(out).scatter(1, order, out), -torch.inf)

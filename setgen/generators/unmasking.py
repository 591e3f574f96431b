"""Unmasking: in how many network calls a masked climb is revealed, and what each of them draws from.

Every plan starts from the holds given and reveals a block of holds a call. Within a block holds are drawn one
after another from the call's one distribution, without replacement, with the masks of the rules brought up to
date after each: what Gumbel top-k draws at once (Kool et al. 2019), and legal for certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from setgen.errors import InputError

MOST_CALLS = 10_000
SCHEDULES = ("even", "optimal", "ancestral", "confident")


@dataclass(frozen=True)
class Unmasking:
    """How a climb is revealed. The default draws one hold a call, which is the model's own distribution.

    calls: network calls for one climb at most, refinements not counted; None: one a hold.
    schedule: how many holds a call reveals. even: blocks of equal size. optimal: those that lose least by
        `profile`, see `optimal_blocks`. ancestral: each hold is revealed at its own uniform time, and the
        calls are the ticks of the clock between which some are (first hitting: Zheng et al. 2024).
        confident: even blocks, but each call draws all that is masked and keeps what it was surest of
        (Chang et al. 2022).
    profile: bits that the next hold takes when shares 0, 1/k, … 1 of a climb are known (see `profiling`).
    block_bits: instead of `calls`: a block goes on while the entropies of its draws, the largest left out,
        add up to no more than so many bits (after Ben-Hamu et al. 2025).
    refinements: so many times, in one call each, a share `hidden` of the new holds, chosen at random, is
        hidden again and redrawn (after Wang et al. 2025, remasking).
    """

    calls: int | None = None
    schedule: str = "even"
    profile: tuple[float, ...] = ()
    block_bits: float | None = None
    refinements: int = 0
    hidden: float = 0.25

    def __post_init__(self) -> None:
        if self.calls is not None and self.calls < 1:
            raise InputError(f"calls is {self.calls}: a climb needs at least one network call")
        if self.schedule not in SCHEDULES:
            raise InputError(f"schedule is {self.schedule!r}: choose one of {', '.join(SCHEDULES)}")
        if self.schedule != "even" and self.calls is None:
            raise InputError(f"the {self.schedule} schedule needs calls: say how many")
        if self.calls is not None and self.calls > MOST_CALLS:
            raise InputError(f"calls is {self.calls}: at most {MOST_CALLS:,} are planned")
        if self.schedule == "optimal" and len(self.profile) < 2:
            raise InputError("the optimal schedule needs a profile: measure one, or take the even schedule")
        if self.block_bits is not None and self.block_bits < 0:
            raise InputError(f"block_bits is {self.block_bits}: give 0 or more")
        if self.calls is not None and self.block_bits is not None:
            raise InputError("calls and block_bits both say how holds are blocked: give one of them")
        if self.refinements < 0 or not 0 < self.hidden <= 1:
            raise InputError("refinements must be 0 or more, and hidden a share above 0, at most 1")

    @property
    def has_likelihood(self) -> bool:
        """Whether the probability of a climb that is revealed this way is known."""
        return self.schedule in ("even", "optimal") and self.block_bits is None and not self.refinements

    def plan(self, known: Tensor, size: Tensor, times: Tensor) -> Tensor:
        """(B, T) int64: how many holds each call reveals; a row's zeros stand last.

        known, size: (B,) holds given and holds in all. times: (B, most) uniforms, for the ancestral schedule.
        """
        left = size - known
        most = max(1, int(left.max()))
        column = torch.arange(most, device=left.device)
        if self.calls is None:
            return (column < left[:, None]).long()
        if self.schedule == "ancestral":
            tick = (self.calls * times[:, :most]).long().clamp(max=self.calls - 1)
            tick = tick.masked_fill(column >= left[:, None], self.calls)  # a column of its own, cut off
            counts = torch.zeros(len(left), self.calls + 1, dtype=torch.int64, device=left.device)
            plan = counts.scatter_add(1, tick, torch.ones_like(tick))[:, :-1]
        elif self.schedule == "optimal":
            rows = [
                optimal_blocks(self.profile, k, n, self.calls)
                for k, n in zip(known.tolist(), size.tolist(), strict=True)
            ]
            plan = torch.tensor(rows, dtype=torch.int64, device=left.device)
        else:
            call = torch.arange(self.calls, device=left.device)
            plan = (left[:, None] + self.calls - 1 - call) // self.calls
        first = (plan == 0).long().argsort(dim=1, stable=True)
        return plan.gather(1, first)


@lru_cache(maxsize=4096)
def optimal_blocks(profile: tuple[float, ...], known: int, size: int, calls: int) -> tuple[int, ...]:
    """(calls,) sizes of the blocks that lose fewest bits, by dynamic programming; zeros last.

    A hold that is the (k+1)th to be revealed takes f(k) bits; revealed in a block that began when i were
    known it takes f(i). The loss of a block [i, j) is Σ_{k=i}^{j−1} f(i) − f(k): the information between its
    holds that parallel draws ignore (after Li & Cai 2025; f falls as more is known).
    """
    shares = np.linspace(0, 1, len(profile))
    f = np.interp(np.arange(known, size) / max(size, 1), shares, profile)
    n = len(f)
    total = np.concatenate([[0.0], np.cumsum(f)])
    loss = np.array(
        [[(j - i) * f[i] - (total[j] - total[i]) if j > i else 0.0 for j in range(n + 1)] for i in range(n)]
    )
    best = np.full((calls + 1, n + 1), np.inf)
    best[0, n] = 0.0
    step = np.zeros((calls + 1, n + 1), dtype=int)
    for t in range(1, calls + 1):  # best[t, i]: least loss of revealing holds i… in t blocks at most
        best[t] = best[t - 1]
        for i in range(n):
            ends = np.arange(i + 1, n + 1)
            losses = loss[i, ends] + best[t - 1, ends]
            at = int(losses.argmin())
            if losses[at] < best[t, i]:
                best[t, i], step[t, i] = losses[at], at + 1
    blocks, i, t = [], 0, calls
    while i < n:
        if step[t, i]:
            blocks.append(int(step[t, i]))
            i += blocks[-1]
        t -= 1
    return tuple(blocks + [0] * (calls - len(blocks)))


def entropy_bits(logits: Tensor) -> Tensor:
    """(B,) entropy of softmax(logits), in bits."""
    log_p = logits.double().log_softmax(1)
    return -(log_p.exp() * log_p.masked_fill(log_p == -torch.inf, 0)).sum(1) / np.log(2)

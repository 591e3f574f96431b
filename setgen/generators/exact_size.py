"""Sets of an exact size: m of V placements at given odds, the law of a canvas of which the count is known.

    p(A | m) = Π_{v ∈ A} w_v / e_m(w),   |A| = m,   e_m the elementary symmetric polynomial of the odds w

is the conditional Poisson design (Chen, Dempster & Liu 1994): independent coins, one a placement, on the
condition that m of them show heads. A common factor in the odds changes nothing, so they are tilted until m
heads are what the coins expect; the probability of just m is then moderate, and the arithmetic is safe.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

_STEPS = 60  # at most; a few are enough unless the odds are very wide
_NEAR = 0.05  # heads expected too few or too many
_CERTAIN = 20.0


def log_total(log_odds: Tensor, m: Tensor) -> Tensor:
    """(B,) log e_m(w) of log_odds (B, V), −inf where impossible; m: (B,) ≥ 1 and at most what is possible.

    Its gradient with respect to the log-odds are the inclusion probabilities.
    """
    tilt = _tilt(log_odds.detach(), m)
    tilted = log_odds + tilt[:, None]
    none = logsigmoid(-tilted)  # log-probability of tails
    chance = _count_probability(tilted.sigmoid(), m)
    return chance.log() - none.sum(1) - m * tilt


def inclusion(log_odds: Tensor, m: Tensor) -> Tensor:
    """(B, V) probability that each placement is one of the m; a row sums to m."""
    # Gradients are wanted where sampling has switched them off.
    with torch.inference_mode(False), torch.enable_grad():
        leaf = log_odds.detach().clone().requires_grad_()
        (probability,) = torch.autograd.grad(log_total(leaf, m.clone()).sum(), leaf)
    return probability.clamp(0, 1)


def _tilt(log_odds: Tensor, m: Tensor) -> Tensor:
    """(B,) log λ with Σ_v λw_v / (1 + λw_v) ≈ m: Newton's method, kept within a bracket that it narrows."""
    low = m.to(log_odds).log() - log_odds.logsumexp(1)  # there Σ λw = m, so too few heads are expected
    least = log_odds.sort(dim=1, descending=True).values.gather(1, m[:, None] - 1).squeeze(1)
    high = torch.maximum(low, _CERTAIN - least)  # there the m likeliest show heads as good as surely
    tilt = low
    for _ in range(_STEPS):
        heads = (log_odds + tilt[:, None]).sigmoid()
        short = m - heads.sum(1)
        if bool((short.abs() < _NEAR).all()):
            break
        low, high = torch.where(short > 0, tilt, low), torch.where(short > 0, high, tilt)
        newton = tilt + short / (heads * (1 - heads)).sum(1).clamp(min=1e-12)
        tilt = torch.where((newton > low) & (newton < high), newton, (low + high) / 2)
    return tilt


def _count_probability(heads: Tensor, m: Tensor) -> Tensor:
    """(B,) P(m of the independent coins (B, V) show heads): the product of their polynomials, as a tree."""
    most = int(m.max()) + 1
    polynomials = torch.stack([1 - heads, heads], 2)
    while polynomials.shape[1] > 1:
        if polynomials.shape[1] % 2:  # times 1
            one = torch.zeros_like(polynomials[:, :1])
            one[..., 0] = 1
            polynomials = torch.cat([polynomials, one], 1)
        length = 2 * polynomials.shape[2] - 1
        spectrum = torch.fft.rfft(polynomials, length)
        polynomials = torch.fft.irfft(spectrum[:, ::2] * spectrum[:, 1::2], length)[..., :most]
    smallest = torch.finfo(heads.dtype).tiny
    return pad(polynomials[:, 0], (0, 1)).gather(1, m[:, None]).squeeze(1).clamp(min=smallest)

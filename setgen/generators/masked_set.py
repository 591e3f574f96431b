"""MaskedSet: masked (absorbing) diffusion over element slots with a set transformer.

The denoiser's logits are one distribution over the (placement, role) elements that any masked slot may hold:

    loss(S) = −log p(n | c) − log n! + n · E_{k ~ U{0…n−1}} E_{A ⊂ S, |A| = k} [ ce(A) ]
    ce(A)   = −1/(n−k) Σ_{e ∈ S∖A} log p(e | A, n, c)

the order-averaged bound of order-agnostic diffusion (Hoogeboom et al. 2022) with the set-aware target: the
mean over the elements still to come instead of one of them drawn at random, which has the same
expectation and less variance. It is reported per hold.
"""

from __future__ import annotations

import torch
from torch import Tensor

from setgen.dataset.batches import ClimbBatch
from setgen.generators.denoiser import Denoiser, DenoiserConfig
from setgen.generators.legality import Placed, elements_allowed


class MaskedSet(Denoiser):
    """The element-slot set generator."""

    name = "masked_set"
    Config = DenoiserConfig

    def step_log_probs(self, logits: Tensor, state: Placed, left: Tensor, allowed: Tensor) -> Tensor:
        """See `Denoiser.step_log_probs`: the softmax over what is allowed."""
        return logits.masked_fill(~allowed, -torch.inf).log_softmax(1)

    def remainder_loss(self, logits: Tensor, state: Placed, batch: ClimbBatch, masked: Tensor) -> Tensor:
        """ce(A) of the module's formula."""
        n_masked = masked.sum(1)
        allowed = elements_allowed(self.board, state, n_masked, legal=False)
        log_p = self.step_log_probs(logits, state, n_masked, allowed)
        return -log_p.gather(1, batch.element).masked_fill(~masked, 0.0).sum(1) / n_masked

    def log_set_factor(self, size: Tensor, log_size: Tensor) -> Tensor:
        """log p(n | c) + log n!, per hold."""
        return (log_size + torch.lgamma(size + 1.0)) / size

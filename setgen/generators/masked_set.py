"""MaskedSet: masked (absorbing) diffusion over element slots with a set transformer.

The denoiser's logits are one distribution over the (item, label) elements that any masked slot may hold:

    loss(S) = −log p(n | c) − log n! + n · E_{k ~ U{0…n−1}} E_{A ⊂ S, |A| = k} [ ce(A) ]
    ce(A)   = −1/(n−k) Σ_{e ∈ S∖A} log p(e | A, n, c)

the order-averaged bound of order-agnostic diffusion (Hoogeboom et al. 2022) with the set-aware target: the
mean over the elements still to come instead of one of them drawn at random, which has the same
expectation and less variance. It is reported per item.
"""

from __future__ import annotations

import torch
from torch import Tensor

from setgen.generators.denoiser import Denoiser
from setgen.sets.batch import SetBatch


class MaskedSet(Denoiser):
    """The element-slot set generator."""

    name = "masked_set"

    def remainder_loss(self, logits: Tensor, possible: Tensor, batch: SetBatch, masked: Tensor) -> Tensor:
        """ce(A) of the module's formula."""
        log_p = logits.masked_fill(~possible, -torch.inf).log_softmax(1)
        return -log_p.gather(1, batch.element).masked_fill(~masked, 0.0).sum(1) / masked.sum(1)

    def log_set_factor(self, size: Tensor, log_size: Tensor) -> Tensor:
        """log p(n | c) + log n!."""
        return log_size + torch.lgamma(size + 1.0)

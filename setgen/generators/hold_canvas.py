"""HoldCanvas: masked diffusion over a canvas, one variable a placement: no hold, or a hold in some role.

The denoiser's logits are log-odds against "no hold". Independent variables would have to learn the number of
holds too, and most of what they learn is "none"; but how many holds are masked is known. So the law of the
masked holds R, given the known ones A, is that of the canvas on the condition that it shows m = n − |A| more:

    p(R | A, n, c) = Π_{(v, role) ∈ R} exp(l_{v,role}) / e_m(w),   w_v = Σ_role exp(l_{v,role})

(`exact_size`). One call thus has a joint law of all that is still to come, in which no placement comes twice
and the size is right, and a block of it is drawn exactly: one hold at a time by the inclusion probabilities.
The loss is −log p(R | A, n, c) per masked hold, at every noise level; no n! appears. One hold a call,

    p(next is e | A) = P(e ∈ R | A) / m

and the likelihood is the order-averaged bound, as of every model that draws holds one after another.
"""

from __future__ import annotations

import torch
from torch import Tensor

from setgen.boards.roles import N_ROLES
from setgen.dataset.batches import ClimbBatch
from setgen.generators.denoiser import Denoiser, DenoiserConfig
from setgen.generators.exact_size import inclusion, log_total
from setgen.generators.legality import Placed, elements_allowed


class HoldCanvas(Denoiser):
    """The hold-canvas set generator."""

    name = "hold_canvas"
    Config = DenoiserConfig

    def step_log_probs(self, logits: Tensor, state: Placed, left: Tensor, allowed: Tensor) -> Tensor:
        """See `Denoiser.step_log_probs`: inclusion among all that are masked, over their number."""
        by_role = self._log_odds(logits, state, left)
        placement = by_role.logsumexp(2)
        role = by_role - placement[:, :, None].clamp(min=torch.finfo(by_role.dtype).min)
        log_p = (inclusion(placement, left).log()[:, :, None] + role).flatten(1)
        log_p = log_p.masked_fill(~allowed, -torch.inf)
        # Where all that is allowed is so unlikely that its inclusion rounds to 0, the odds themselves decide.
        by_odds = logits.masked_fill(~allowed, -torch.inf)
        return torch.where(log_p.isfinite().any(1, keepdim=True), log_p, by_odds).log_softmax(1)

    def remainder_loss(self, logits: Tensor, state: Placed, batch: ClimbBatch, masked: Tensor) -> Tensor:
        """−log p(R | A, n, c) / m of the module's formula."""
        n_masked = masked.sum(1)
        by_role = self._log_odds(logits, state, n_masked)
        chosen = by_role.flatten(1).gather(1, batch.element).masked_fill(~masked, 0.0).sum(1)
        return (log_total(by_role.logsumexp(2), n_masked) - chosen) / n_masked

    def _log_odds(self, logits: Tensor, state: Placed, left: Tensor) -> Tensor:
        """(B, V, 4) of free placements, in roles that the board has; −inf elsewhere."""
        possible = elements_allowed(self.board, state, left, legal=False)
        return logits.masked_fill(~possible, -torch.inf).unflatten(1, (-1, N_ROLES))

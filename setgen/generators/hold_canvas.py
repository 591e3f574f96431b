"""HoldCanvas: masked diffusion over a canvas, one variable a placement: no hold, or a hold in some role.

The denoiser's logits are log-odds against "no hold". Independent variables would have to learn the number of
holds too, and most of what they learn is "none"; but how many holds are masked is known. So the law of the
masked holds R, given the known ones A, is that of the canvas on the condition that it shows m = n − |A| more:

    p(R | A, n, c) = Π_{(v, role) ∈ R} exp(l_{v,role}) / e_m(w),   w_v = Σ_role exp(l_{v,role})

(`exact_size`). One call thus has a joint law of all that is still to come, in which no placement comes twice
and the size is right, and a block of it is drawn exactly: one hold at a time by the inclusion probabilities.
The loss is −log p(R | A, n, c) per masked hold, at every noise level; no n! appears. One hold a call,

    p(next is e | A) = P(e ∈ R | A) / m

and the likelihood is a bound over orders, as of every model that draws holds one after another.
"""

from __future__ import annotations

import torch
from torch import Tensor

from setgen.generators.denoiser import Denoiser
from setgen.generators.exact_size import inclusion, log_total
from setgen.sets.batch import SetBatch
from setgen.sets.rules import Partial


class HoldCanvas(Denoiser):
    """The hold-canvas set generator."""

    name = "hold_canvas"
    not_exported = (
        "its step is a gradient (torch.autograd.grad in `inclusion`), which ONNX has no operator for"
    )

    def log_probs(self, logits: Tensor, state: Partial, left: Tensor, allowed: Tensor) -> Tensor:
        """See `Generator.log_probs`: inclusion among all that are masked, over their number."""
        labels = torch.from_numpy(self.space.label_occurs).to(logits.device)
        by_label = self._log_odds(logits, (~state.used[:, :, None] & labels).flatten(1))
        item = by_label.logsumexp(2)
        label = by_label - item[:, :, None].clamp(min=torch.finfo(by_label.dtype).min)
        log_p = (inclusion(item, left).log()[:, :, None] + label).flatten(1)
        log_p = log_p.masked_fill(~allowed, -torch.inf)
        # Where all that is allowed is so unlikely that its inclusion rounds to 0, the odds themselves decide.
        by_odds = logits.masked_fill(~allowed, -torch.inf)
        return torch.where(log_p.isfinite().any(1, keepdim=True), log_p, by_odds).log_softmax(1)

    def remainder_loss(self, logits: Tensor, possible: Tensor, batch: SetBatch, masked: Tensor) -> Tensor:
        """−log p(R | A, n, c) / m of the module's formula."""
        n_masked = masked.sum(1)
        by_label = self._log_odds(logits, possible)
        chosen = by_label.flatten(1).gather(1, batch.element).masked_fill(~masked, 0.0).sum(1)
        return (log_total(by_label.logsumexp(2), n_masked) - chosen) / n_masked

    def _log_odds(self, logits: Tensor, possible: Tensor) -> Tensor:
        """(B, V, R) of free items, with labels that occur; −inf elsewhere."""
        return logits.masked_fill(~possible, -torch.inf).unflatten(1, (-1, self.space.n_labels))

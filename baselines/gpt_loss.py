"""Training losses of the shuffled GPT: the corrected one, and kilter-gpt's."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot, pad

from baselines.gpt import GPT
from baselines.gpt_sampling import TokenGroups
from setgen.dataset.batches import ClimbBatch
from setgen.dataset.vocabulary import PAD, TokenType, Vocabulary


def shuffled(batch: ClimbBatch) -> ClimbBatch:
    """The climbs with each one's holds in a new random order (torch's global generator), padding last."""
    keys = torch.rand(batch.present.shape, device=batch.present.device).masked_fill(~batch.present, 2.0)
    return batch.reordered(keys.argsort(1))


def still_to_come(batch: ClimbBatch, smoothing: bool) -> Tensor:
    """(B, L, L): at hold position i, the share of the target that hold j gets.

    With smoothing, uniform over the holds i, i+1, … that are not placed yet; without, hold i alone.
    """
    length = batch.present.shape[1]
    pairs = torch.ones(length, length, dtype=torch.bool, device=batch.present.device)
    pairs = pairs.triu() if smoothing else pairs.triu().tril()
    share = (pairs & batch.present[:, None, :] & batch.present[:, :, None]).double()
    return share / share.sum(2, keepdim=True).clamp(min=1)


def open_choices(batch: ClimbBatch, placements: int, most: int, ascending: bool) -> Tensor:
    """(B, L + 1, V + 1) bool: what `Grammar` without `legal` allows at each hold position of the batch.

    A placement is taken only once (`ascending`: only beyond the one before); the last column is the end,
    which comes behind the first hold at the earliest and is all that is left behind hold number `most`.
    """
    taken = one_hot(batch.placement, placements).bool() & batch.present[..., None]
    before = pad(taken, (0, 0, 1, 0)).long().cumsum(1) > 0  # taken at an earlier position
    if ascending:  # everything up to the furthest placement taken
        before = before.flip(2).long().cumsum(2).flip(2) > 0
    choices = pad(~before, (0, 1), value=True)
    choices[:, 0, -1] = False
    choices[:, most:, :-1] = False
    return choices


def nats_per_hold(
    gpt: GPT, vocabulary: Vocabulary, batch: ClimbBatch, tokens: Tensor, smoothing: bool, ascending: bool
) -> Tensor:
    """Mean over climbs of (Σ cross-entropy over hold, role and end tokens − log n!) / n.

    Each step is a softmax over what may come there (`open_choices`, or the board's roles), so this is
    minus the likelihood (without `legal`) of the batch's order. With smoothing the hold terms are their
    expectation over which hold comes next. `ascending` knows one order only, so log n! stays out.
    """
    groups = TokenGroups(vocabulary, tokens.device)
    most = (gpt.context - 2) // 2
    choices = open_choices(batch, len(vocabulary.holds), most, ascending)
    logits = _full(gpt(tokens[:, :-1]))
    at_hold = logits[:, 1::2][..., groups.holds].masked_fill(~choices, -torch.inf).log_softmax(-1)
    at_role = logits[:, 2::2][..., groups.roles].masked_fill(groups.roles == PAD, -torch.inf).log_softmax(-1)
    rows, length = batch.placement.shape
    later = batch.placement[:, None, :].expand(rows, length, length)
    share = still_to_come(batch, smoothing).to(at_hold)
    hold = (at_hold[:, :-1].gather(2, later).masked_fill(share == 0, 0.0) * share).sum(2)
    role = at_role.gather(2, batch.role[:, :, None]).squeeze(2).where(batch.present, 0.0)
    total = at_hold[..., -1].gather(1, batch.size[:, None]).squeeze(1) + (hold + role).sum(1)
    if not ascending:
        total = total + torch.lgamma(batch.size.double() + 1).to(total)
    return -(total / batch.size.clamp(min=1)).mean()


def windows(batch: ClimbBatch, tokens: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """kilter-gpt's crop: a text that stops at a random token, at the right end of a window of `context`.

    Returns the inputs (B, context), padded left, and (B, context) the index in `tokens` of each
    position's target; −1 at padding. A text has at least four tokens: both conditions and one hold.
    """
    full = 3 + 2 * batch.size
    stop = 4 + (torch.rand(len(batch), device=tokens.device) * (full - 3)).long().clamp(max=full - 4)
    column = torch.arange(context, device=tokens.device)
    source = column + (stop - 1 - context)[:, None]
    inputs = tokens.gather(1, source.clamp(min=0)).where(source >= 0, PAD)
    return inputs, (source + 1).where(source >= 0, -1)


def token_targets(
    vocabulary: Vocabulary, batch: ClimbBatch, tokens: Tensor, target: Tensor, smoothing: str
) -> Tensor:
    """(B, T, vocabulary) 0/1: every right answer at each position; PAD where `target` is −1.

    smoothing `all`: at each hold position every hold still to come is right; `last`: only at the
    window's last position, as kilter-gpt has it; `none`: the next token alone.
    """
    answers = one_hot(tokens.gather(1, target.clamp(min=0)).where(target >= 0, PAD), len(vocabulary))
    if smoothing == "none":
        return answers.float()
    first = vocabulary.first[TokenType.HOLD]
    own = one_hot(batch.placement, len(vocabulary.holds)) * batch.present[..., None]
    remaining = own.flip(1).cumsum(1).flip(1)  # (B, L, V): holds at or behind each hold position
    order = (target - 2) // 2  # which hold a target is, where it is one
    at_hold = (target >= 2) & (target % 2 == 0) & (order < batch.size[:, None])
    if smoothing == "last":
        at_hold = at_hold & (torch.arange(target.shape[1], device=target.device) == target.shape[1] - 1)
    index = order.clamp(0, own.shape[1] - 1)[..., None].expand(-1, -1, len(vocabulary.holds))
    extra = remaining.gather(1, index) * at_hold[..., None]
    extra = pad(extra, (first, len(vocabulary) - first - len(vocabulary.holds)))
    return torch.maximum(answers, extra).float()


def token_loss(
    gpt: GPT, vocabulary: Vocabulary, batch: ClimbBatch, tokens: Tensor, smoothing: str, loss: str, crop: bool
) -> Tensor:
    """Losses over the whole vocabulary, whatever the grammar says: kilter-gpt's, and between it and ours.

    `bce`: mean binary cross-entropy over positions and vocabulary, which is no likelihood. With `crop`,
    padding and condition tokens are targets too, as there; without, they are left out.
    `ce`: cross-entropy, padding and condition tokens left out, scaled to nats per hold as above.
    """
    if crop:
        inputs, target = windows(batch, tokens, gpt.context)
    else:
        inputs = tokens[:, :-1]
        target = torch.arange(1, tokens.shape[1], device=tokens.device).expand(len(tokens), -1)
    logits = _full(gpt(inputs))
    answers = token_targets(vocabulary, batch, tokens, target, smoothing).to(logits)
    counted = (target >= 2) & (target <= 2 + 2 * batch.size[:, None])
    if loss == "bce":
        losses = binary_cross_entropy_with_logits(logits, answers, reduction="none").mean(2)
        return losses.mean() if crop else losses[counted].mean()
    losses = -(logits.log_softmax(2) * answers / answers.sum(2, keepdim=True)).sum(2)
    per_token = (losses * counted).sum(1) / counted.sum(1).clamp(min=1)
    total = per_token * (2 * batch.size + 1) - torch.lgamma(batch.size.double() + 1).to(per_token)
    return (total / batch.size.clamp(min=1)).mean()


def _full(logits: Tensor) -> Tensor:
    """Logits in float32 at least: under bf16 autocast a softmax would otherwise lose its digits."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))

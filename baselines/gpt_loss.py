"""kilter-gpt's training losses, and what lies between them and ours: over the whole vocabulary of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot, pad

from baselines.vocabulary import PAD, Vocabulary
from setgen.generators.base import per_item
from setgen.sets.batch import SetBatch

if TYPE_CHECKING:
    from baselines.gpt import GPT, GPTConfig


def windows(vocabulary: Vocabulary, batch: SetBatch, tokens: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """kilter-gpt's crop: a text that stops at a random token, at the right end of a window of `context`.

    Returns the inputs (B, context), padded left, and (B, context) the index in `tokens` of each
    position's target; −1 at padding. A text has at least the conditions, one item and its label.
    """
    least = vocabulary.prefix + 2
    full = vocabulary.prefix + 1 + 2 * batch.size
    stop = least + (torch.rand(len(batch), device=tokens.device) * (full - least + 1)).long()
    stop = torch.minimum(stop, full)
    column = torch.arange(context, device=tokens.device)
    source = column + (stop - 1 - context)[:, None]
    inputs = tokens.gather(1, source.clamp(min=0)).where(source >= 0, PAD)
    return inputs, (source + 1).where(source >= 0, -1)


def token_targets(
    vocabulary: Vocabulary, batch: SetBatch, tokens: Tensor, target: Tensor, smoothing: str
) -> Tensor:
    """(B, T, vocabulary) 0/1: every right answer at each position; PAD where `target` is −1.

    smoothing `all`: at each item position every item still to come is right; `last`: only at the
    window's last position, as kilter-gpt has it; `none`: the next token alone.
    """
    answers = one_hot(tokens.gather(1, target.clamp(min=0)).where(target >= 0, PAD), len(vocabulary))
    if smoothing == "none":
        return answers.float()
    first, prefix = vocabulary.first_item, vocabulary.prefix
    own = one_hot(batch.item, len(vocabulary.items)) * batch.present[..., None]
    remaining = own.flip(1).cumsum(1).flip(1)  # (B, L, V): items at or behind each position
    order = (target - prefix) // 2  # which item a target is, where it is one
    at_item = (target >= prefix) & ((target - prefix) % 2 == 0) & (order < batch.size[:, None])
    if smoothing == "last":
        at_item = at_item & (torch.arange(target.shape[1], device=target.device) == target.shape[1] - 1)
    index = order.clamp(0, own.shape[1] - 1)[..., None].expand(-1, -1, len(vocabulary.items))
    extra = remaining.gather(1, index) * at_item[..., None]
    extra = pad(extra, (first, len(vocabulary) - first - len(vocabulary.items)))
    return torch.maximum(answers, extra).float()


def token_loss(
    gpt: GPT, vocabulary: Vocabulary, batch: SetBatch, tokens: Tensor, config: GPTConfig
) -> Tensor:
    """`bce`: mean binary cross-entropy over positions and vocabulary, which is no likelihood. With `crop`,
    padding and condition tokens are targets too, as there; without, they are left out.
    `ce`: cross-entropy, padding and condition tokens left out, scaled to nats per item as our own loss.
    """
    if config.crop:
        inputs, target = windows(vocabulary, batch, tokens, gpt.context)
    else:
        inputs = tokens[:, :-1]
        target = torch.arange(1, tokens.shape[1], device=tokens.device).expand(len(tokens), -1)
    table = gpt.table()
    everything = torch.ones_like(inputs, dtype=torch.bool)  # padding on the left is read as it is there
    nowhere = torch.zeros_like(batch.size)  # its order has no direction
    logits = gpt.logits(gpt.codes(inputs, everything, table, nowhere), table)
    # Under bf16 autocast a softmax would otherwise lose its digits.
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    answers = token_targets(vocabulary, batch, tokens, target, config.smoothing).to(logits)
    prefix = vocabulary.prefix
    counted = (target >= prefix) & (target <= prefix + 2 * batch.size[:, None])
    if config.loss == "bce":
        losses = binary_cross_entropy_with_logits(logits, answers, reduction="none").mean(2)
        return losses.mean() if config.crop else losses[counted].mean()
    losses = -(logits.log_softmax(2) * answers / answers.sum(2, keepdim=True)).sum(2)
    per_token = (losses * counted).sum(1) / counted.sum(1).clamp(min=1)
    total = per_token * (2 * batch.size + 1) - torch.lgamma(batch.size.to(per_token) + 1)
    return per_item(total, batch.size)

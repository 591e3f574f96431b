"""What is exported of the GPTs: one step over new tokens; the cache of earlier ones goes in and comes out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from baselines.gpt import GPT, Attention, Block, Cache
from baselines.gpt_generators import ShuffledGPT, SortedGPT
from setgen.dataset.vocabulary import ANY_ANGLE, ANY_GRADE, END, PAD, TokenType, Vocabulary
from setgen.export.exportable import Exportable
from setgen.runtime.sampler import Run


class CachedGPT(nn.Module):
    """`GPT.forward` with its cache as one array: (depth, 2, B, heads, P, d), keys and values of P tokens."""

    def __init__(self, gpt: GPT) -> None:
        super().__init__()
        self.gpt = gpt

    def forward(self, tokens: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) ids → (B, T, tokens) logits and the cache of P + T tokens. P may be 0."""
        gpt = self.gpt
        at = torch.arange(tokens.shape[1], device=tokens.device) + past.shape[4]
        x = gpt.token(tokens) + gpt.position(at)
        seen = torch.arange(past.shape[4] + tokens.shape[1], device=tokens.device) <= at[:, None]
        caches = []
        for layer, block in enumerate(gpt.blocks):
            assert isinstance(block, Block)
            attention = block.attention
            parts = attention.qkv(block.norm_attention(x)).chunk(3, dim=2)
            query, key, value = (y.unflatten(2, (attention.heads, -1)).transpose(1, 2) for y in parts)
            key = torch.cat([past[layer, 0], key], dim=2)
            value = torch.cat([past[layer, 1], value], dim=2)
            caches.append(torch.stack([key, value]))
            mixed = scaled_dot_product_attention(query, key, value, seen)
            x = x + attention.out(mixed.transpose(1, 2).flatten(2))
            x = x + block.mlp(block.norm_mlp(x))
        return linear(gpt.norm(x), gpt.token.weight, gpt.bias), torch.stack(caches)


class AttachedGPT(nn.Module):
    """A GPT's interface in front of a network that was exported."""

    def __init__(self, gpt: GPT, run: Run) -> None:
        super().__init__()
        self.context, self.bias, self._run = gpt.context, gpt.bias, run
        self.shape = cache_shape(gpt)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        depth, heads, width = self.shape
        past = np.zeros((depth, 2, len(tokens), heads, 0, width), np.float32)
        if cache is not None and cache.layers:
            past = np.stack([np.stack([k.numpy(), v.numpy()]) for k, v in cache.layers])
        logits, grown = (torch.from_numpy(y) for y in self._run(tokens=tokens.numpy(), past=past))
        if cache is not None:
            cache.layers = [(layer[0], layer[1]) for layer in grown]
        return logits


def cache_shape(gpt: GPT) -> tuple[int, int, int]:
    """Layers, heads and the width of a head."""
    attention = gpt.blocks[0].attention
    assert isinstance(attention, Attention)
    return len(gpt.blocks), attention.heads, gpt.token.embedding_dim // attention.heads


@torch.no_grad()
def gpt(generator: ShuffledGPT | SortedGPT) -> Exportable:
    """The adapter of both orders, and of kilter-gpt's sliding window."""
    network, vocabulary = generator.gpt, generator.vocabulary

    def attach(run: Run) -> None:
        generator.gpt = AttachedGPT(network, run)  # type: ignore[assignment]

    depth, heads, width = cache_shape(network)
    return Exportable(
        sampler="gpt",
        board=generator.board,
        network=CachedGPT(network).eval(),
        settings={
            "ascending": generator.ascending,
            "sliding": generator.crop,
            "context": network.context,
            "cache": [depth, heads, width],
            "tokens": tokens_of(vocabulary),
        },
        inputs={
            "tokens": torch.arange(6).view(3, 2),
            "past": torch.zeros(depth, 2, 3, heads, 4, width),
        },
        axes={"tokens": {0: "climbs", 1: "new"}, "past": {2: "climbs", 4: "old"}},
        outputs=("logits", "cache"),
        attach=attach,
    )


def tokens_of(vocabulary: Vocabulary) -> dict[str, int | list[int]]:
    """Token ids by what they stand for: holds and roles by index, conditions by code (0: not given)."""
    first = vocabulary.first
    return {
        "pad": PAD,
        "end": END,
        "hold": first[TokenType.HOLD],
        "roles": vocabulary.role_tokens.tolist(),
        "angles": [ANY_ANGLE, *(first[TokenType.ANGLE] + i for i in range(len(vocabulary.angles)))],
        "grades": [ANY_GRADE, *(first[TokenType.GRADE] + i for i in range(len(vocabulary.grades)))],
    }

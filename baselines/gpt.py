"""A decoder-only transformer, pre-norm with learned positions (Radford et al. 2019, GPT-2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Cache:
    """Keys and values of the tokens read so far, one (B, heads, T, d) pair a layer."""

    def __init__(self, layers: list[tuple[Tensor, Tensor]] | None = None) -> None:
        self.layers = layers or []

    @property
    def length(self) -> int:
        return self.layers[0][0].shape[2] if self.layers else 0

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new keys and values of `layer`; return all of them."""
        if layer == len(self.layers):
            self.layers.append((key, value))
        else:
            old_key, old_value = self.layers[layer]
            self.layers[layer] = torch.cat([old_key, key], 2), torch.cat([old_value, value], 2)
        return self.layers[layer]

    def rows(self, index: Tensor) -> Cache:
        """The cache of some of the rows."""
        return Cache([(k[index], v[index]) for k, v in self.layers])

    def prefix(self, length: int, rows: int) -> Cache:
        """The first `length` tokens of a one-row cache, for `rows` rows."""
        if length == 0:
            return Cache()
        return Cache([(k[:, :, :length].expand(rows, -1, -1, -1), v[:, :, :length].expand(rows, -1, -1, -1))
                      for k, v in self.layers])  # fmt: skip


class Attention(nn.Module):
    """Causal self-attention: token i of the sequence sees tokens 0…i."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, cache: Cache | None, layer: int) -> Tensor:
        q, k, v = (y.unflatten(2, (self.heads, -1)).transpose(1, 2) for y in self.qkv(x).chunk(3, dim=2))
        if cache is not None:
            k, v = cache.append(layer, k, v)
        new, total = q.shape[2], k.shape[2]
        # A lone new token sees everything; several behind a cache see it all and one another causally.
        mask = None
        if 1 < new < total:
            mask = torch.ones(new, total, dtype=torch.bool, device=x.device).tril(total - new)
        y = F.scaled_dot_product_attention(
            q, k, v, mask, dropout_p=self.dropout if self.training else 0.0, is_causal=1 < new == total
        )
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | None, layer: int) -> Tensor:
        x = x + self.drop(self.attention(self.norm_attention(x), cache, layer))
        return x + self.drop(self.mlp(self.norm_mlp(x)))


class GPT(nn.Module):
    """Next-token logits; the output layer shares the token embedding's weights.

    Right padding needs no mask: it stands behind every real token, so causal attention never sees it.
    """

    def __init__(self, tokens: int, context: int, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.context = context
        self.token = nn.Embedding(tokens, width)
        self.position = nn.Embedding(context, width)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(tokens))
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                residual = name.endswith(("attention.out.weight", "mlp.2.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * depth) if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """(B, T) ids, behind those in `cache` (which grows by them) → (B, T, tokens) next-token logits."""
        start = cache.length if cache is not None else 0
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        x = self.drop(self.token(tokens) + self.position(positions))
        for layer, block in enumerate(self.blocks):
            x = block(x, cache, layer)
        return F.linear(self.norm(x), self.token.weight, self.bias)

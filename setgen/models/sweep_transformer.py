"""A transformer over a set that is told in two parts: some holds at once, the others one by one.

Holds that are given are seen by everybody, whatever their order; each of the others sees the given ones and
those before it. So one pass gives a code for every prefix of the second part, and telling one more hold costs
one token, for the keys and values of the rest are kept. There are no positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from setgen.models.set_transformer import Block, Packing


@dataclass
class Memory:
    """Keys and values of the tokens told so far, (B, heads, L, d) a layer; present: (B, L) bool."""

    layers: list[tuple[Tensor, Tensor]]
    present: Tensor

    def first(self, rows: int) -> Memory:
        """Views of the first rows: what is written there is written here too."""
        return Memory([(k[:rows], v[:rows]) for k, v in self.layers], self.present[:rows])


def with_room(kept: Tensor, room: int) -> Tensor:
    """(B, heads, L, d) → (B, heads, L + room, d); what is behind L is not set, and not read before it is."""
    wide = kept.new_empty(*kept.shape[:2], kept.shape[2] + room, kept.shape[3])
    wide[:, :, : kept.shape[2]] = kept
    return wide


class SweepTransformer(nn.Module):
    """Blocks of the set transformer with a mask that says who sees whom."""

    def __init__(self, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    @property
    def layers(self) -> list[Block]:
        return [cast(Block, block) for block in self.blocks]

    def forward(self, tokens: Tensor, packing: Packing, seen: Tensor) -> Tensor:
        """tokens: (T, width) packed → (T, width). seen: (B, L, L) bool, which places each place looks at."""
        tokens = self.dropout(tokens)
        for block in self.layers:
            tokens = block(tokens, packing, seen)
        return self.norm(tokens)

    def begin(self, tokens: Tensor, packing: Packing, seen: Tensor, room: int) -> tuple[Tensor, Memory]:
        """The codes of `forward`, padded, (B, L, width); a memory with room for so many more tokens a row."""
        layers = []
        for block in self.layers:
            mixed, key, value = block.attention.attend(block.norm_attention(tokens), packing, seen)
            tokens = tokens + mixed
            tokens = tokens + block.feed(block.norm_feed(tokens))
            layers.append((with_room(key, room), with_room(value, room)))
        return packing.pad(self.norm(tokens)), Memory(layers, pad(packing.present, (0, room)))

    def tell(self, token: Tensor, memory: Memory, column: int) -> Tensor:
        """One more token a row, (B, width), kept at `column` of the memory → its code, (B, width)."""
        memory.present[:, column] = True
        seen = memory.present[:, None, None, : column + 1]
        for block, (keys, values) in zip(self.layers, memory.layers, strict=True):
            attention = block.attention
            qkv = attention.to_qkv(block.norm_attention(token)).view(len(token), 3, attention.heads, -1)
            query, keys[:, :, column], values[:, :, column] = qkv.unbind(1)
            mixed = scaled_dot_product_attention(
                query[:, :, None], keys[:, :, : column + 1], values[:, :, : column + 1], attn_mask=seen
            )
            token = token + attention.out(mixed.squeeze(2).flatten(1))
            token = token + block.feed(block.norm_feed(token))
        return self.norm(token)

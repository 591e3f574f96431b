"""The one transformer: pre-norm blocks over sets or sequences, with a mask, a KV cache, and no positions.

Order enters only where a caller adds positions to its tokens (a GPT), so over a set the network is equivariant:
permuting a set permutes nothing but its rows. Sets are ragged, so linear layers run on the packed tokens of
all sets together, (T, width); only attention sees them padded, (B, L, d). Without a packing everything is
padded, which is the form that exports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, pad, scaled_dot_product_attention


@dataclass(frozen=True)
class Packing:
    """Where the T packed tokens of B sets stand among the B·L padded places. present: (B, L) bool."""

    present: Tensor
    place: Tensor  # (T,) int64, row · L + column

    @classmethod
    def of(cls, present: Tensor) -> Packing:
        return cls(present, present.flatten().nonzero().squeeze(1))

    def pad(self, packed: Tensor) -> Tensor:
        """(T, width) → (B, L, width), zero where nothing is present."""
        padded = packed.new_zeros(self.present.numel(), packed.shape[1])
        return padded.index_copy(0, self.place, packed).view(*self.present.shape, -1)

    def pack(self, padded: Tensor) -> Tensor:
        """(B, L, width) → (T, width)."""
        return padded.flatten(0, 1).index_select(0, self.place)


@dataclass
class KVCache:
    """Keys and values of the tokens read so far: (B, heads, L, d) a layer. present: (B, L) bool, which of the
    L columns hold a token that may be looked at. new: (B, heads, N, d) of the N tokens that an exported step
    reads, which writes nothing in place: whoever runs it puts them into the next columns."""

    layers: list[tuple[Tensor, Tensor]]
    present: Tensor
    new: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def with_room(self, room: int) -> KVCache:
        """The same with so many more columns, in which nothing is present yet."""
        layers = [(_with_room(key, room), _with_room(value, room)) for key, value in self.layers]
        return KVCache(layers, pad(self.present, (0, room)))

    def columns(self, n: int) -> KVCache:
        """The first n columns."""
        return KVCache([(k[:, :, :n], v[:, :, :n]) for k, v in self.layers], self.present[:, :n])

    def rows(self, index: Tensor | slice) -> KVCache:
        """The cache of some rows; with a slice these are views: what is written there is written here."""
        return KVCache([(k[index], v[index]) for k, v in self.layers], self.present[index])


class Attention(nn.Module):
    """Multi-head attention; dropout: of attention weights, which keeps the fused kernel away: leave it 0."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.to_qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        tokens: Tensor,
        packing: Packing | None,
        mask: Tensor | None,
        causal: bool,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the tokens take in, shaped as they are, and keys and values (B, heads, L, d)."""
        qkv = self.to_qkv(tokens) if packing is None else packing.pad(self.to_qkv(tokens))
        # (B, L, 3·width) → three of (B, heads, L, d)
        query, key, value = qkv.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        if past is not None:
            key, value = _behind(past, key, value)
        mixed = scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=causal)
        mixed = mixed.transpose(1, 2).flatten(2)
        return self.out(mixed if packing is None else packing.pack(mixed)), key, value

    def read_out(
        self,
        token: Tensor,
        tokens: Tensor,
        packing: Packing | None,
        mask: Tensor | None,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """(B, width): what one token a row takes in of all `tokens`, itself among them. mask: (B, 1, 1, L)."""
        width = token.shape[1]
        weight, bias = (
            self.to_qkv.weight.split([width, 2 * width]),
            self.to_qkv.bias.split([width, 2 * width]),
        )
        query = linear(token, weight[0], bias[0]).unflatten(1, (self.heads, 1, -1))
        both = linear(tokens, weight[1], bias[1])
        both = both if packing is None else packing.pad(both)
        key, value = both.unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if past is not None:
            key, value = _behind(past, key, value)
        dropout = self.dropout if self.training else 0.0
        return self.out(scaled_dot_product_attention(query, key, value, mask, dropout).flatten(1))

    def decode(self, token: Tensor, key: Tensor, value: Tensor, column: int, mask: Tensor) -> Tensor:
        """(B, width): the same for one new token a row; its key and value are written at `column`."""
        query, key[:, :, column], value[:, :, column] = (
            self.to_qkv(token).unflatten(1, (3, self.heads, -1)).unbind(1)
        )
        mixed = scaled_dot_product_attention(
            query[:, :, None], key[:, :, : column + 1], value[:, :, : column + 1], mask
        )
        return self.out(mixed.squeeze(2).flatten(1))

    def decode_beside(
        self, token: Tensor, past: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor] | None, present: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, width): `decode` that writes nothing; and the keys and values of the new tokens, this one's last.

        past: (B, heads, L, d), of which those `present` (B, L) are looked at. new: of the tokens before this one.
        """
        both = self.to_qkv(token).unflatten(1, (3, self.heads, -1))[:, :, :, None]  # (B, 3, heads, 1, d)
        query, key, value = both.unbind(1)
        if new is not None:
            key, value = torch.cat([new[0], key], 2), torch.cat([new[1], value], 2)
        # The past is as good as the whole memory of the step: nothing is joined to it, only the scores are.
        old = (query @ past[0].transpose(2, 3)).masked_fill(~present[:, None, None, :], -torch.inf)
        scores = torch.cat([old, query @ key.transpose(2, 3)], 3) * query.shape[3] ** -0.5
        weight = scores.softmax(3)
        columns = past[0].shape[2]
        mixed = weight[..., :columns] @ past[1] + weight[..., columns:] @ value
        return self.out(mixed.squeeze(2).flatten(1)), (key, value)


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each with a residual and dropout."""

    def __init__(self, width: int, heads: int, dropout: float, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, attention_dropout)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        packing: Packing | None,
        mask: Tensor | None,
        causal: bool,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        mixed, key, value = self.attention(self.norm_attention(tokens), packing, mask, causal, past)
        tokens = tokens + self.dropout(mixed)
        return tokens + self.dropout(self.feed(self.norm_feed(tokens))), key, value

    def read_out(
        self,
        token: Tensor,
        tokens: Tensor,
        packing: Packing | None,
        mask: Tensor | None,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(B, width): `forward` for one token a row alone. And what its attention reads: all tokens, normalised."""
        read = self.norm_attention(tokens)
        mixed = self.attention.read_out(self.norm_attention(token), read, packing, mask, past)
        token = token + self.dropout(mixed)
        return token + self.dropout(self.feed(self.norm_feed(token))), read

    def decode(self, token: Tensor, key: Tensor, value: Tensor, column: int, mask: Tensor) -> Tensor:
        token = token + self.attention.decode(self.norm_attention(token), key, value, column, mask)
        return token + self.feed(self.norm_feed(token))

    def decode_beside(
        self, token: Tensor, past: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor] | None, present: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        mixed, new = self.attention.decode_beside(self.norm_attention(token), past, new, present)
        token = token + mixed
        return token + self.feed(self.norm_feed(token)), new


class Transformer(nn.Module):
    """Blocks, dropout on the way in, a norm on the way out."""

    def __init__(
        self, width: int, depth: int, heads: int, dropout: float, attention_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, dropout, attention_dropout) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    @property
    def layers(self) -> list[Block]:
        return [cast(Block, block) for block in self.blocks]

    def forward(
        self,
        tokens: Tensor,
        packing: Packing | None,
        mask: Tensor | None = None,
        causal: bool = False,
        past: KVCache | None = None,
    ) -> Tensor:
        """(T, width) with a packing, (B, L, width) without → the same shape.

        mask: (B, 1, L, L) or (B, 1, 1, L) bool, what each token (last but one) sees (last); None: with
        `causal` itself and all before it, else everything. Causal needs no mask for padding, which stands
        behind every token. past: tokens in front of all these, of one row or of all, that the mask counts.
        """
        tokens = self.dropout(tokens)
        for i, block in enumerate(self.layers):
            tokens, _, _ = block(tokens, packing, mask, causal, None if past is None else past.layers[i])
        return self.norm(tokens)

    def read_out(
        self,
        tokens: Tensor,
        at: Tensor,
        packing: Packing | None,
        mask: Tensor | None = None,
        past: KVCache | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(B, width): `forward` for one token a row alone: of the last block nothing else is worked out. And what
        the last block reads: all tokens, shaped as they came.

        at: (B,), the token's column, or with a packing its place among the packed. mask: (B, 1, L or 1, L).
        """
        tokens = self.dropout(tokens)
        *blocks, last = self.layers
        *olds, old = [None] * len(self.blocks) if past is None else past.layers
        for block, before in zip(blocks, olds, strict=True):
            tokens, _, _ = block(tokens, packing, mask, False, before)
        if packing is None:
            token = tokens.gather(1, at[:, None, None].expand(-1, 1, tokens.shape[2])).squeeze(1)
        else:
            token = tokens.index_select(0, at)
        if mask is not None and mask.shape[2] > 1:
            mask = mask.gather(2, at[:, None, None, None].expand(-1, 1, 1, mask.shape[3]))
        code, read = last.read_out(token, tokens, packing, mask, old)
        return self.norm(code), read

    def prefill(
        self,
        tokens: Tensor,
        packing: Packing | None,
        mask: Tensor | None,
        present: Tensor,
        room: int,
        past: KVCache | None = None,
    ) -> tuple[Tensor, KVCache]:
        """`forward`, and a cache, of `past` too, with room for so many more tokens a row. present: (B, L) bool."""
        layers = []
        for i, block in enumerate(self.layers):
            tokens, key, value = block(tokens, packing, mask, False, None if past is None else past.layers[i])
            layers.append((key, value))
        if past is not None:
            present = torch.cat([past.present.expand(len(present), -1), present], 1)
        return self.norm(tokens), KVCache(layers, present).with_room(room)

    def decode(self, token: Tensor, cache: KVCache, column: int) -> Tensor:
        """One more token a row, (B, width), kept at `column` of the cache → its code, (B, width)."""
        if torch.compiler.is_exporting():
            before: list[Any] = cache.new or [None] * len(self.blocks)
            cache.new = []
            for block, past, new in zip(self.layers, cache.layers, before, strict=True):
                token, new = block.decode_beside(token, past, new, cache.present)
                cache.new.append(new)
            return self.norm(token)
        cache.present[:, column] = True
        mask = cache.present[:, None, None, : column + 1]
        for block, (key, value) in zip(self.layers, cache.layers, strict=True):
            token = block.decode(token, key, value, column, mask)
        return self.norm(token)


def _behind(past: tuple[Tensor, Tensor], key: Tensor, value: Tensor) -> Iterator[Tensor]:
    """Keys and values behind those of `past`, which are of one row for all or of each."""
    return (
        torch.cat([old.expand(len(new), -1, -1, -1), new], 2)
        for old, new in zip(past, (key, value), strict=True)
    )


def _with_room(kept: Tensor, room: int) -> Tensor:
    """(B, heads, L, d) → (B, heads, L + room, d); what is behind L is not set, and not read before it is."""
    if not room:
        return kept
    wide = kept.new_empty(*kept.shape[:2], kept.shape[2] + room, kept.shape[3])
    wide[:, :, : kept.shape[2]] = kept
    return wide


class SetTransformer(nn.Module):
    """Encodes B sets, each behind one state token.

    Self-attention within each set (Lee et al. 2019, SAB); invariant to the order of its elements and to
    padding.
    """

    def __init__(self, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.transformer = Transformer(width, depth, heads, dropout)

    def forward(
        self, state: Tensor, element: Tensor, table: Tensor, present: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, width), the state token's code, and (B, L, width), what the last block reads of each element.

        state: (B, width). element: (B, L) rows of table (M, width). present: (B, L) bool.
        """
        if torch.compiler.is_exporting():  # everything stays padded, the state in front
            here = pad(present, (1, 0), value=True)
            tokens = torch.cat([state[:, None], embedding(element, table)], 1)
            first = torch.zeros_like(element[:, 0])
            code, read = self.transformer.read_out(tokens, first, None, here[:, None, None, :])
            return code, read[:, 1:]
        is_state = torch.zeros(len(present), present.shape[1] + 1, dtype=torch.bool, device=present.device)
        is_state[:, 0] = True
        packing = Packing.of(torch.cat([is_state[:, :1], present], dim=1))
        at_state = is_state.flatten().index_select(0, packing.place)
        tokens = torch.cat([state, embedding(element[present], table)])
        # Packed order is row by row, the state first: place t takes its row's state or the next element.
        source = torch.where(at_state, at_state.cumsum(0) - 1, len(state) + (~at_state).cumsum(0) - 1)
        tokens = tokens.index_select(0, source)
        states = at_state.nonzero().squeeze(1)
        code, read = self.transformer.read_out(tokens, states, packing, packing.present[:, None, None, :])
        return code, packing.pad(read)[:, 1:]

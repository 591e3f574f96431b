"""A transformer over sets: no positions anywhere, so permuting a set permutes nothing but its rows.

Sets are ragged, so linear layers run on the packed elements of all sets together, (T, width), and only
attention sees them padded, (B, L, width).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


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


class SetAttention(nn.Module):
    """Multi-head self-attention within each set (Lee et al. 2019, SAB), without positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, packing: Packing, seen: Tensor | None = None) -> Tensor:
        """tokens: (T, width) → (T, width). seen: (B, L, L) bool, which places (last) each place looks at;
        None: all that are present."""
        return self.attend(tokens, packing, seen)[0]

    def attend(
        self, tokens: Tensor, packing: Packing, seen: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same with the keys and the values, (B, heads, L, d) each."""
        rows, length = packing.present.shape
        qkv = packing.pad(self.to_qkv(tokens)).view(rows, length, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mask = packing.present[:, None, None, :] if seen is None else seen[:, None]
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(packing.pack(mixed.transpose(1, 2).flatten(2))), key, value


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each with a residual and dropout."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SetAttention(width, heads)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, packing: Packing, seen: Tensor | None = None) -> Tensor:
        tokens = tokens + self.dropout(self.attention(self.norm_attention(tokens), packing, seen))
        return tokens + self.dropout(self.feed(self.norm_feed(tokens)))


class SetTransformer(nn.Module):
    """Encodes B sets, each behind one state token, and returns the state token's final vector."""

    def __init__(self, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, state: Tensor, elements: Tensor, present: Tensor) -> Tensor:
        """state (B, width), elements (T, width) packed, present (B, L) bool → (B, width).

        Invariant to the order of each set's elements and to padding.
        """
        is_state = torch.zeros(len(present), present.shape[1] + 1, dtype=torch.bool, device=present.device)
        is_state[:, 0] = True
        packing = Packing.of(torch.cat([is_state[:, :1], present], dim=1))
        at_state = is_state.flatten().index_select(0, packing.place)
        tokens = torch.cat([state, elements])
        # Packed order is row by row, the state token first: slot t takes its row's state or the next element.
        source = torch.where(at_state, at_state.cumsum(0) - 1, len(state) + (~at_state).cumsum(0) - 1)
        tokens = self.dropout(tokens.index_select(0, source))
        for block in self.blocks:
            tokens = block(tokens, packing)
        return self.norm(tokens[at_state])

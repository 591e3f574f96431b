"""Batches: ragged sets padded to tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from setgen.sets.padding import pad as pad_sets
from setgen.sets.sets import Sets
from setgen.sets.space import UNKNOWN, Space

AnySets = TypeVar("AnySets", bound=Sets)


@dataclass(frozen=True)
class SetBatch:
    """B sets padded to L items.

    item, label: (B, L) int64, 0 where padded. present: (B, L) bool. conditions: name → (B,) int64, index into
    the space's values plus one; 0 means not given. labels: R of the space.
    """

    item: Tensor
    label: Tensor
    present: Tensor
    conditions: Mapping[str, Tensor]
    labels: int

    def __len__(self) -> int:
        return len(self.item)

    @property
    def rows_in(self) -> int:
        """B; a symbol where a model is exported, which `len` would turn into a number."""
        return self.item.shape[0]

    @property
    def device(self) -> torch.device:
        return self.item.device

    @property
    def width(self) -> int:
        """L, what the sets are padded to."""
        return self.item.shape[1]

    @property
    def size(self) -> Tensor:
        """(B,) number of items."""
        return self.present.sum(1)

    @property
    def element(self) -> Tensor:
        """(B, L) element index, item · R + label."""
        return self.item * self.labels + self.label

    def to(self, device: torch.device | str) -> SetBatch:
        told = {name: code.to(device) for name, code in self.conditions.items()}
        return replace(
            self,
            item=self.item.to(device),
            label=self.label.to(device),
            present=self.present.to(device),
            conditions=told,
        )

    def rows(self, index: Tensor | slice) -> SetBatch:
        """Some of the sets, as wide as before."""
        told = {name: code[index] for name, code in self.conditions.items()}
        return replace(
            self, item=self.item[index], label=self.label[index], present=self.present[index], conditions=told
        )

    def repeated(self, times: int) -> SetBatch:
        """Row b becomes rows b·times … b·times + times − 1."""
        return self.rows(torch.arange(len(self), device=self.device).repeat_interleave(times))

    def leading(self, n: Tensor) -> SetBatch:
        """The first n[b] items of row b (all when there are fewer), as wide as before."""
        return self.only(torch.arange(self.width, device=n.device) < n[:, None])

    def only(self, keep: Tensor) -> SetBatch:
        """The items that `keep` (B, L) says, where they stand."""
        return replace(self, present=self.present & keep)

    def columns(self, length: int) -> SetBatch:
        """The padded width cut or padded to `length` (at least 1)."""
        grow = (0, max(1, length) - self.width)
        item, label, present = (pad(x, grow) for x in (self.item, self.label, self.present))
        return replace(self, item=item, label=label, present=present)

    def reordered(self, order: Tensor) -> SetBatch:
        """The same sets with the items of row b in the order `order[b]`, a (B, L) permutation."""
        item, label, present = (x.gather(1, order) for x in (self.item, self.label, self.present))
        return replace(self, item=item, label=label, present=present)

    def shuffled(self) -> SetBatch:
        """Each set's items in a new random order (torch's global generator), padding last."""
        key = torch.rand(self.present.shape, device=self.device).masked_fill(~self.present, 2.0)
        return self.reordered(key.argsort(1))

    def asked(self, conditions: Mapping[str, Tensor]) -> SetBatch:
        """The same sets with other conditions."""
        return replace(self, conditions=conditions)

    def unasked(self) -> SetBatch:
        """The same sets, with no condition given."""
        return self.asked({name: torch.zeros_like(code) for name, code in self.conditions.items()})

    def partly_asked(self, hidden: float) -> SetBatch:
        """The same sets, each condition hidden in a share of the rows, at random (for guidance)."""
        hide = torch.rand(len(self.conditions), len(self), device=self.device) < hidden
        told = zip(self.conditions.items(), hide, strict=True)
        return self.asked({name: code.masked_fill(here, 0) for (name, code), here in told})


def to_batch(space: Space, sets: Sets, device: torch.device | str = "cpu") -> SetBatch:
    """Pad sets (or prompts) of `space` to one batch; L is the largest size, at least 1."""
    padded = pad_sets(space, sets)
    return SetBatch(
        torch.from_numpy(padded.item),
        torch.from_numpy(padded.label),
        torch.from_numpy(padded.present),
        {name: torch.from_numpy(code) for name, code in padded.conditions.items()},
        space.n_labels,
    ).to(device)


def to_sets(space: Space, batch: SetBatch, like: AnySets) -> AnySets:
    """The inverse of `to_batch`, as sets of the class of `like`."""
    batch = batch.to("cpu")
    keep = batch.present.numpy()
    told = {
        name: np.array([UNKNOWN, *known])[batch.conditions[name].numpy()]
        for name, known in space.conditions.items()
    }
    offsets = np.concatenate([[0], np.cumsum(keep.sum(1))])
    return like.from_arrays(batch.item.numpy()[keep], batch.label.numpy()[keep], offsets, told)

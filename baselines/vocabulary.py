"""The vocabulary: sets as sequences of typed tokens, for models that read sequences.

A set reads `conditions item label item label … end`, and a joint one `conditions element element … end`. Of a
climb that is `a40 d22 p7 r12 p9 r13 … end`: angle in degrees, difficulty id, then placements and roles by the
board's own numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from setgen.sets.batch import SetBatch
from setgen.sets.space import Space

PAD, END = 0, 1


@dataclass(frozen=True)
class Vocabulary:
    """Token ids run through the types in this order: pad, end, `any` of each condition (where it is not given),
    items and labels (or, `joint`, elements), and the values of each condition.

    labels: those that occur. conditions: (name, number of values). A space without conditions begins with `end`.
    """

    items: tuple[str, ...]
    labels: tuple[tuple[int, str], ...]
    n_labels: int
    conditions: tuple[tuple[str, tuple[str, ...]], ...]
    joint: bool

    @classmethod
    def of(cls, space: Space, joint: bool = False) -> Vocabulary:
        return cls(
            tuple(space.item_name(i) for i in range(len(space))),
            tuple((r, label.name) for r, label in enumerate(space.labels) if space.label_occurs[r]),
            space.n_labels,
            tuple(
                (name, tuple(space.value_name(name, v) for v in values))
                for name, values in space.conditions.items()
            ),
            joint,
        )

    @cached_property
    def _counts(self) -> list[int]:
        things = [len(self.items) * self.n_labels, 0] if self.joint else [len(self.items), len(self.labels)]
        return [2, len(self.conditions), *things, *(len(values) for _, values in self.conditions)]

    @cached_property
    def _first(self) -> list[int]:
        return [0, *accumulate(self._counts)]

    def __len__(self) -> int:
        return self._first[-1]

    @property
    def first_item(self) -> int:
        """Token of item 0, or of element 0 where they are joint."""
        return self._first[2]

    @property
    def n_things(self) -> int:
        """Items, or elements where they are joint: what a step chooses among besides the end."""
        return self._counts[2]

    @property
    def prefix(self) -> int:
        """Tokens in front of the first item."""
        return max(1, len(self.conditions))

    @property
    def per_item(self) -> int:
        """Tokens that an item with its label takes."""
        return 1 if self.joint else 2

    def label_tokens(self, device: torch.device | str = "cpu") -> Tensor:
        """(R,) token of each label; PAD for one that does not occur."""
        tokens = torch.full((self.n_labels,), PAD, device=device)
        for place, (r, _) in enumerate(self.labels):
            tokens[r] = self._first[3] + place
        return tokens

    def encode(self, batch: SetBatch) -> Tensor:
        """(B, prefix + per_item · L + 1) token ids: `end` behind the last item, then pad."""
        rows = batch.rows_in
        front = [
            torch.where(code > 0, code - 1 + self._first[4 + k], 2 + k)
            for k, code in enumerate(batch.conditions[name] for name, _ in self.conditions)
        ] or [torch.full((rows,), END, device=batch.device)]
        if self.joint:
            things = (batch.element + self.first_item)[:, :, None]
        else:
            labels = self.label_tokens(batch.device)[batch.label]
            things = torch.stack([batch.item + self.first_item, labels], 2)
        things = things.masked_fill(~batch.present[:, :, None], PAD).flatten(1)
        tokens = torch.cat([torch.stack(front, 1), things, things.new_full((rows, 1), PAD)], 1)
        return tokens.scatter(1, self.prefix + self.per_item * batch.size[:, None], END)

    def text(self, tokens: Tensor) -> str:
        """(T,) token ids in words, for a reader."""
        words = ["pad", "end", *(f"any-{name}" for name, _ in self.conditions)]
        if self.joint:
            names = dict(self.labels)
            words += [f"{i}:{names.get(r, '-')}" for i in self.items for r in range(self.n_labels)]
        else:
            words += [*self.items, *(name for _, name in self.labels)]
        words += [f"{name}={value}" for name, values in self.conditions for value in values]
        return " ".join(words[t] for t in tokens.tolist())

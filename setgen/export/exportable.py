"""What a family of models hands over to be exported; one adapter a family makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from setgen.climbing.board import Board
from setgen.runtime.sampler import Run


@dataclass(frozen=True, eq=False)
class Exportable:
    """A network that reads padded arrays, and what its sampler in `setgen.runtime` must know besides.

    sampler: the key in `runtime.registry.SAMPLERS`. settings: plain values, written as JSON.
    inputs: an example of each input by name, every size that can vary at least 2. axes: for each input,
    the axes that vary and the name of each size. outputs: names.
    attach: puts a network that was exported in the place of the model's own, for its cost to be judged
    by the model's own likelihood; None for models without one.
    """

    sampler: str
    board: Board
    network: nn.Module
    settings: dict[str, Any]
    inputs: dict[str, Tensor]
    axes: dict[str, dict[int, str]]
    outputs: tuple[str, ...]
    attach: Callable[[Run], None] | None = None

    def resized(self, sizes: dict[str, int]) -> dict[str, Tensor]:
        """The examples, repeated or cut to these sizes by the names in `axes`."""
        found = {}
        for name, example in self.inputs.items():
            for axis, size in self.axes[name].items():
                if size in sizes:
                    index = torch.arange(sizes[size]) % example.shape[axis]
                    example = example.index_select(axis, index)
            found[name] = example
        return found

    def outputs_of(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """What the network makes of inputs, always a tuple."""
        found = self.network(**inputs)
        return found if isinstance(found, tuple) else (found,)

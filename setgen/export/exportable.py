"""What there is to export of a model: networks over named arrays, and what their runner must know besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from setgen.sets.space import Space


@dataclass(frozen=True, eq=False)
class Network:
    """One graph: a module that takes a dictionary of tensors and returns one.

    inputs: an example of each, every size that can vary at least 2. axes: for each input, the axes that vary and
    the name of each size.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    axes: dict[str, dict[int, str]]

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


@dataclass(frozen=True, eq=False)
class Exportable:
    """runner: what reads the folder, `generator` or `grader`. networks: by name. settings: plain values."""

    runner: str
    space: Space
    networks: dict[str, Network]
    settings: dict[str, Any]

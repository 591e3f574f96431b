"""What every sampler of an exported model offers: `Generator.sample` without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs

Run = Callable[..., list[np.ndarray]]
"""The network: named arrays in, a list of arrays out."""


class Sampler(Protocol):
    """Completes climbs on one board."""

    board: Board

    def sample(
        self,
        prompts: Climbs,
        *,
        sizes: np.ndarray | None = None,
        legal: bool = True,
        temperature: float = 1.0,
        seed: int = 0,
        batch_size: int = 256,
    ) -> Climbs:
        """As `Generator.sample` has it: the same prompts and seed give the same climbs.

        But for rounding: logits of two runtimes differ in the last digits, so that about one draw in a
        million falls on the other side of a boundary.
        """

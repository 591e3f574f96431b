"""Orders in which the holds of a climb are revealed: the same ones for every model that is compared."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from torch import Tensor


def random_orders(sizes: np.ndarray, k: int, seed: int, given: np.ndarray | None = None) -> Tensor:
    """(k, C, L) int64: k random orders of the holds of each of C climbs, padding last; L = sizes.max().

    Draw them once for a whole dataset and slice: `orders[:, rows, :length]` is valid for a batch of
    those rows padded to `length`, so that neither batch size nor batch order changes a likelihood.
    given: (C,) so many leading holds of each climb stay where they are, and the others come after them.
    """
    sizes = np.asarray(sizes)
    length = max(1, int(sizes.max(initial=0)))
    keys = np.random.default_rng(seed).random((k, len(sizes), length))
    keys[:, np.arange(length) >= sizes[:, None]] = 2.0  # padding sorts behind every hold
    if given is not None:
        keys[:, np.arange(length) < given[:, None]] = -1.0
    return torch.from_numpy(np.argsort(keys, axis=-1, kind="stable"))


def all_orders(length: int) -> Tensor:
    """(length!, 1, length) int64: every order of one climb; for enumeration in tests."""
    return torch.tensor(list(permutations(range(length))), dtype=torch.int64)[:, None, :]

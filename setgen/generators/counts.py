"""What is counted of the training sets, for every generator that starts from counts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from setgen.sets.sets import Sets
from setgen.sets.space import Space

_PSEUDO_COUNT = 0.1


def element_counts(sets: Sets, space: Space) -> Tensor:
    """(V·R,) int64: in how many sets each element is."""
    element = sets.item.astype(np.int64) * space.n_labels + sets.label
    return torch.from_numpy(np.bincount(element, minlength=space.n_elements))


def log_frequencies(sets: Sets, space: Space) -> Tensor:
    """(V·R,) float64 log-share of all elements that each is, 0.1 added to each count."""
    counts = element_counts(sets, space).double() + _PSEUDO_COUNT
    return (counts / counts.sum()).log()

"""The training of judges, small networks that grade or criticise sets. Generators have `setgen.training`."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


def fit(
    network: nn.Module,
    loss: Callable[[], Tensor],
    judged: Callable[[], float],
    *,
    steps: int,
    validations: int,
    learning_rate: float,
    weight_decay: float,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """AdamW with a one-cycle learning rate; the weights of the best validation stay.

    loss: of the next batch. judged: a validation, the less the better. progress is called with (steps done, steps in
    all).
    """
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps)
    best, kept = math.inf, copy.deepcopy(network.state_dict())
    network.train()
    for step in range(1, steps + 1):
        optimiser.zero_grad()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if step % max(1, steps // validations) == 0 or step == steps:
            found = judged()
            if found < best:
                best, kept = found, copy.deepcopy(network.state_dict())
        if progress:
            progress(step, steps)
    network.load_state_dict(kept)

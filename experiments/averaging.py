"""Averaged weights: an exponential moving average that is validated, kept and saved in the weights' place."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


def decay_at(step: int, most: float) -> float:
    """How much of the average stays at its update `step`, from 1: min(most, (1 + step) / (10 + step)).

    The ramp lets the first, bad weights go quickly, so that short trainings are not held back.
    """
    return min(most, (1 + step) / (10 + step))


class AveragedWeights(WeightAveraging):
    """Lightning's weight averaging with the decay of `decay_at`; checkpoints hold weights and average.

    decay: the most that stays of the average at each step, above 0 and under 1.
    """

    def __init__(self, decay: float) -> None:
        def update(averages: list[Tensor], weights: list[Tensor], updates: Any) -> None:
            torch._foreach_lerp_(averages, weights, 1 - decay_at(int(updates), decay))

        super().__init__(use_buffers=False, multi_avg_fn=torch.no_grad()(update))
        self._swapped = False

    def _swap_models(self, pl_module: LightningModule) -> None:
        super()._swap_models(pl_module)
        self._swapped = not self._swapped

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Interrupted in a validation: put the weights back before the checkpoint is written."""
        if self._swapped:
            self._swap_models(pl_module)

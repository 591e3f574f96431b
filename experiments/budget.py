"""The training budget: seconds of training (validation not counted) or steps; and the learning rate."""

from __future__ import annotations

import math
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
"""processor: seconds of all cores that this process uses, whatever other work the machine does."""


def learning_rate_factor(progress: float, warm_up: float) -> float:
    """Linear warm-up over the first `warm_up` of the budget, then half a cosine down to 1 % of the peak."""
    if progress < warm_up:
        return max(progress / warm_up, 0.01)
    decay = min(1.0, (progress - warm_up) / max(1e-9, 1 - warm_up))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * decay))


class Budget(Callback):
    """Ends training when its seconds or steps are used up, and anneals the learning rate on the way.

    progress: share of the budget that is used, 0 to 1; it survives resuming.
    """

    def __init__(
        self, seconds: float, steps: int | None, warm_up: float, peak: float, clock: str = "wall"
    ) -> None:
        self.seconds, self.steps, self.warm_up, self.peak = seconds, steps, warm_up, peak
        self.clock = CLOCKS[clock]
        self.used = 0.0
        self.done_steps = 0
        self._began = 0.0

    @property
    def progress(self) -> float:
        by_steps = self.done_steps / self.steps if self.steps else 0.0
        return min(1.0, max(self.used / self.seconds, by_steps))

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self._began = self.clock()
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = self.peak * learning_rate_factor(self.progress, self.warm_up)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self.used += self.clock() - self._began
        self.done_steps += 1
        if self.progress >= 1:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"used": self.used, "done_steps": self.done_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.used, self.done_steps = state["used"], state["done_steps"]

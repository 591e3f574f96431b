"""What makes an interrupted training end like one that was not: batches, random numbers, validations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import Sampler


class EndlessPasses(Sampler[list[int]]):
    """Batches of indices under n, shuffled anew on every pass; which batch comes when is fixed by the seed.

    The last, short batch of a pass is left out where there are others. done: how many batches were taken
    before, asked when iteration begins.
    """

    def __init__(self, n: int, batch_size: int, seed: int, done: Callable[[], int]) -> None:
        self.n, self.batch_size, self.seed, self.done = n, min(batch_size, n), seed, done

    def __iter__(self) -> Iterator[list[int]]:
        a_pass, first = divmod(self.done(), self.n // self.batch_size)
        while True:
            order = np.random.default_rng([self.seed, a_pass]).permutation(self.n)
            for i in range(first, self.n // self.batch_size):
                yield order[i * self.batch_size : (i + 1) * self.batch_size].tolist()
            a_pass, first = a_pass + 1, 0


class GoOnAlike(Callback):
    """Keeps torch's random state after the last whole step, and goes on from it, validating as planned."""

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._loaded = False

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        # Lightning counts the step that was broken off as well, and would validate a step late.
        trainer.fit_loop.epoch_loop.batch_progress.total.reset_on_restart()

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        if self._loaded:
            torch.set_rng_state(self._state["cpu"])
            for device, state in enumerate(self._state["cuda"][: torch.cuda.device_count()]):
                torch.cuda.set_rng_state(state, device)
            self._loaded = False

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self._state = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}

    def state_dict(self) -> dict[str, Any]:
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._state, self._loaded = state, bool(state)

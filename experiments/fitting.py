"""Fitting: what Lightning needs to train any Generator by its loss and to validate it by its likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from experiments.repeatable import EndlessPasses
from setgen.boards.climbs import Climbs
from setgen.generators.base import Generator
from setgen.generators.orders import random_orders
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.sets import Sets
from setgen.sets.space import Space

_VALID_BATCH = 128
_VALID_ORDERS = 400  # so many climbs × orders make a validation that is not all noise


class Fitting(LightningModule):
    """Trains `generator` with AdamW (decay on matrices only) and reports valid/bits_per_hold.

    Validation scores the same climbs in the same orders every time, whatever the model.
    """

    def __init__(
        self, generator: Generator, valid: Climbs, learning_rate: float, weight_decay: float
    ) -> None:
        super().__init__()
        self.generator = generator
        self.valid = valid
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        orders = min(4, math.ceil(_VALID_ORDERS / max(1, len(valid))))
        self.orders = random_orders(valid.sizes, orders, seed=0)

    def training_step(self, batch: SetBatch, _: int) -> Tensor:
        loss = self.generator.loss(batch)
        self.log("train/loss", loss, batch_size=len(batch))
        return loss

    def validation_step(self, batch: SetBatch, index: int) -> None:
        start, length = index * _VALID_BATCH, batch.width
        orders = self.orders[:, start : start + len(batch), :length].to(batch.device)
        bits = -self.generator.log_likelihood(batch, orders).mean(1) / batch.size / math.log(2)
        self.log("valid/bits_per_hold", bits.mean(), batch_size=len(batch))

    def val_dataloader(self) -> DataLoader:
        climbs = BatchedClimbs(self.generator.space, self.valid)
        own = torch.Generator()  # torch draws a number for each loader: not one of the training's
        return DataLoader(climbs, _VALID_BATCH, collate_fn=_as_it_is, generator=own)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        parameters = [p for p in self.generator.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.learning_rate, betas=(0.9, 0.98))


def training_batches(
    generator: Generator, climbs: Climbs, batch_size: int, seed: int, done: Callable[[], int]
) -> DataLoader:
    """Shuffled batches of the training climbs without end, from batch number `done()` on."""
    return DataLoader(
        BatchedClimbs(generator.space, climbs),
        batch_sampler=EndlessPasses(len(climbs), batch_size, seed, done),
        collate_fn=_as_it_is,
        generator=torch.Generator(),
    )


def some(climbs: Climbs, most: int) -> Climbs:
    """At most `most` of the climbs, drawn once and for all."""
    return climbs.at_most(most, 0)


def _as_it_is(batch: Any) -> Any:
    return batch


class BatchedClimbs(TorchDataset):
    """A map-style dataset whose `__getitems__` returns one SetBatch: a batch is an index, not a loop."""

    def __init__(self, space: Space, sets: Sets) -> None:
        self.space, self.sets = space, sets

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, i: int) -> SetBatch:
        return to_batch(self.space, self.sets[[i]])

    def __getitems__(self, indices: list[int]) -> SetBatch:
        return to_batch(self.space, self.sets[indices])

"""Training: any generator on sets of any space, by its loss, validated by its likelihood, within a budget.

>>> Training(generator, train_sets, valid_sets, Options(steps=500)).run()  # doctest: +SKIP

The loop is `Training.run`, a step of it `Training.step`. An interrupted training that has a folder goes on where
it stopped and ends, bit for bit, like one that was not: what is random in a step is decided by (seed, step,
process), and all that the steps before left behind is in one file. Processes that torchrun started share batches.
"""

from __future__ import annotations

import io
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from setgen.errors import InputError
from setgen.files import write_whole
from setgen.generators.base import Generator
from setgen.generators.orders import random_orders
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.sets import Sets

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
"""processor: seconds of all cores that this process uses, whatever other work the machine does."""

_VALID_BATCH = 128
_VALID_ORDERS = 400  # so many sets × orders make a validation that is not all noise
_WINDOW = 50  # batches among which sets of like size are brought together


@dataclass(frozen=True)
class Options:
    """How to train. Training ends with its seconds (validation not counted) or its steps, whichever come first.

    batch_size: sets a step, over all processes. warm_up: share of the budget in which the learning rate rises.
    average: decay of a moving average of the weights, which then is validated and kept; 0: none. validations:
    how often within the budget; patience: so many without fewer bits end the training. bucketing: batches of
    sets of like size, which are padded less.
    """

    seconds: float = math.inf
    steps: int | None = None
    clock: str = "wall"
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    gradient_clip: float | None = 1.0
    average: float = 0.0
    validations: int = 8
    patience: int = 6
    bucketing: bool = False
    precision: str = "32-true"


class Point(NamedTuple):
    """One validation: training seconds and steps until then, mean training loss since the last one, and bits
    per item of the validation sets."""

    seconds: float
    step: int
    train_loss: float
    valid_bits: float


@dataclass
class Progress:
    """How far a training has come. share: of its budget, 0 to 1. stage: of the planned validations, how many are
    behind; waited: since the best one. loss: of the last step; losses: sum since the last validation."""

    step: int = 0
    seconds: float = 0.0
    share: float = 0.0
    stage: int = 0
    waited: int = 0
    stopped: bool = False
    best: float = math.inf
    loss: Tensor = field(default_factory=lambda: torch.zeros(()))
    losses: Tensor = field(default_factory=lambda: torch.zeros(()))
    curve: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.curve = [Point(*point) for point in self.curve]


Callback = Callable[[Progress, Point | None], None]


class Training:
    """One training of `generator`, in place: it ends with the weights of its best validation.

    What a generator counts (`fit_counts`) is not its matter. folder: where an interrupted training leaves what it
    needs to go on, and looks for it. Raises InputError where there is no budget, or what it finds does not fit.
    """

    def __init__(
        self,
        generator: Generator,
        sets: Sets,
        valid: Sets,
        options: Options,
        seed: int = 0,
        folder: Path | None = None,
        fabric: Fabric | None = None,
    ) -> None:
        if math.isinf(options.seconds) and options.steps is None:
            raise InputError("a training needs a budget: give seconds or steps")
        self.generator, self.sets, self.valid, self.options = generator, sets, valid, options
        self.seed, self.file = seed, folder / "checkpoint.pt" if folder else None
        self.fabric = fabric = fabric or make_fabric(options.precision)
        self.now, self.whole = Progress(), True
        self.clock = CLOCKS[options.clock]
        self.batches = Batches(sets.sizes, options.batch_size, seed, options.bucketing)
        if self.batches.size % (processes := fabric.world_size):
            raise InputError(f"{processes} processes cannot share batches of {self.batches.size} sets")
        orders = min(4, math.ceil(_VALID_ORDERS / max(1, len(valid))))
        self.orders = random_orders(valid.sizes, orders, seed=0)
        self.average = averaging(generator, options.average) if options.average else None
        self.judged = cast(Generator, self.average.module) if self.average else generator
        self.best: dict[str, Tensor] = {}
        self.adamw = optimiser(generator, options.learning_rate, options.weight_decay)
        self.loss, self.optimiser = fabric.setup(Loss(generator, fabric), self.adamw)
        self.judged.to(fabric.device)

    def run(self, *callbacks: Callback) -> Progress:
        """The loop. Callbacks are told how far it is after each step, and after each validation its point of the
        curve as well; what they raise ends the training."""
        self.resume()
        self.generator.train()
        try:
            while True:
                point = None
                if self._stage > self.now.stage:
                    point = self.validate()
                    self.save()
                elif self.now.share < 1 and not self.now.stopped:
                    self.step()
                else:
                    break
                for callback in callbacks:
                    callback(self.now, point)
        except BaseException:
            if self.whole:
                self.save()
            raise
        self.generator.load_state_dict(self.best or self.judged.state_dict())
        self.generator.eval()
        return self.now

    def step(self) -> None:
        """One batch: its loss, the gradient, the update, and what that took of the budget."""
        began, now, options = self.clock(), self.now, self.options
        seed_all(self.seed, now.step, self.fabric.global_rank)
        rows = self.batches.rows(now.step)[self.fabric.global_rank :: self.fabric.world_size]
        batch = to_batch(self.generator.space, self.sets[rows], self.fabric.device)
        loss = self.loss(**vars(batch))
        self.fabric.backward(loss)
        if clip := options.gradient_clip:
            self.fabric.clip_gradients(self.loss, self.optimiser, max_norm=clip, error_if_nonfinite=False)
        for group in self.adamw.param_groups:
            group["lr"] = options.learning_rate * learning_rate_factor(now.share, options.warm_up)
        self.whole = False  # what is broken off from here on is not worth keeping
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average:
            self.average.update_parameters(self.generator)
        now.loss = loss.detach()
        now.losses = now.losses + now.loss.double()
        now.step += 1
        self._count(began)
        self.whole = True

    def _count(self, began: float) -> None:
        """Seconds since `began` are used up; all processes agree on how many."""
        now, options = self.now, self.options
        now.seconds = self._over_all(now.seconds + self.clock() - began, "max")
        by_steps = now.step / options.steps if options.steps else 0.0
        now.share = min(1.0, max(now.seconds / options.seconds, by_steps))

    @property
    def _stage(self) -> int:
        """How many of the planned validations the share of the budget has reached."""
        return math.floor(self.now.share * self.options.validations + 1e-9)

    def validate(self) -> Point:
        """One more point of the curve; note the weights if they are the best, and whether to go on."""
        began, now = self.clock(), self.now
        loss = float(now.losses) / (now.step - (now.curve[-1].step if now.curve else 0))
        self._count(began)  # on a GPU, the steps end only here
        bits = self.valid_bits()
        self.whole = False
        now.curve.append(Point(round(now.seconds, 3), now.step, loss, bits))
        now.losses = torch.zeros(())
        now.stage = self._stage
        if bits < now.best:
            now.best, now.waited = bits, 0
            self.best = {k: v.detach().cpu().clone() for k, v in self.judged.state_dict().items()}
        else:
            now.waited += 1
            now.stopped = now.waited >= self.options.patience or not math.isfinite(bits)
        self.whole = True
        return now.curve[-1]

    @torch.no_grad()
    def valid_bits(self) -> float:
        """Bits of all validation sets over all their items, orders together: every time the same sets and orders."""
        rank, world, total = self.fabric.global_rank, self.fabric.world_size, 0.0
        for begin in range(0, len(self.valid), _VALID_BATCH):
            rows = np.arange(begin, min(begin + _VALID_BATCH, len(self.valid)))[rank::world]
            if not len(rows):
                continue
            batch = to_batch(self.judged.space, self.valid[rows], self.fabric.device)
            orders = self.orders[:, rows, : batch.width].to(batch.device)
            nats = self.judged.log_likelihood(batch, orders).double().logsumexp(1) - math.log(len(orders))
            total -= float(nats.sum()) / math.log(2)
        return self._over_all(total, "sum") / int(self.valid.sizes.sum())

    def _over_all(self, number: float, how: str) -> float:
        """The sum or the maximum over all processes."""
        if self.fabric.world_size == 1:
            return number
        own = torch.tensor(number, dtype=torch.float64, device=self.fabric.device)
        return float(cast(Tensor, self.fabric.all_reduce(own, reduce_op=how)))

    def save(self) -> None:
        """Write all that going on needs, at once or not at all."""
        if self.file is None or not self.fabric.is_global_zero:
            return
        kept = {
            "progress": {**vars(self.now), "curve": [tuple(point) for point in self.now.curve]},
            "sets": len(self.sets),
            "budget": self._budget,
            "weights": self.generator.state_dict(),
            "optimiser": self.adamw.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "best": self.best,
        }
        buffer = io.BytesIO()  # torch's own writing to a full disk says neither that nor which
        torch.save(kept, buffer)
        write_whole(self.file, buffer.getbuffer())

    def resume(self) -> None:
        """Take up what an earlier try left. Raises InputError where it does not fit."""
        if self.file is None or not self.file.is_file():
            return
        try:
            kept: Any = torch.load(self.file, map_location="cpu", weights_only=True)
            if kept["sets"] != len(self.sets):
                raise InputError(f"it is of {kept['sets']} sets, not {len(self.sets)}")
            self.generator.load_state_dict(kept["weights"])
            self.adamw.load_state_dict(kept["optimiser"])
            if self.average:
                self.average.load_state_dict(kept["average"])
            self.now, self.best = Progress(**kept["progress"]), kept["best"]
            more = any(new > old for new, old in zip(self._budget, kept["budget"], strict=True))
        except Exception as error:  # a damaged file can raise anything
            reason = (str(error).splitlines() or [repr(error)])[0]
            raise InputError(f"{self.file} does not fit ({reason}): delete it to begin anew") from None
        self._count(self.clock())  # the budget may be another one now
        self.now.stage = min(self.now.stage, self._stage)
        if more:  # it was not patience's last word
            self.now.waited, self.now.stopped = 0, False

    @property
    def _budget(self) -> tuple[float, float]:
        """Seconds and steps."""
        return self.options.seconds, self.options.steps or math.inf


class Loss(nn.Module):
    """The generator's loss as the forward of a module, of plain tensors: what Fabric spreads over processes.

    It is per item, and the mean over processes must be that of all items: each counts by the items that it has.
    """

    def __init__(self, generator: Generator, fabric: Fabric) -> None:
        super().__init__()
        self.generator, self.fabric = generator, fabric

    def forward(self, **batch: Any) -> Tensor:
        own = SetBatch(**batch)
        loss = self.generator.loss(own)
        if self.fabric.world_size == 1 or not self.generator.loss_per_item:
            return loss
        items = own.size.sum().to(loss)
        return loss * items / cast(Tensor, self.fabric.all_reduce(items.clone(), reduce_op="mean"))


class Batches:
    """Which sets are in which batch: passes over all sets, each shuffled anew, cut into batches end to end.

    No set is left out or doubled within a pass, and any batch can be asked for at any time. With bucketing, the
    sets of some dozens of batches are sorted by size, and the batches then shuffled.
    """

    def __init__(self, sizes: np.ndarray, size: int, seed: int, bucketing: bool = False) -> None:
        self.sizes, self.size, self.seed = sizes, min(size, len(sizes)), seed
        self.window = _WINDOW if bucketing else 1
        self._pass = lru_cache(2)(lambda p: np.random.default_rng([seed, p]).permutation(len(sizes)))
        self._batches = lru_cache(1)(self._of_window)

    def rows(self, step: int) -> np.ndarray:
        """(size,) index of the sets of batch number `step`."""
        window, i = divmod(step, self.window)
        return self._batches(window)[i]

    def _of_window(self, window: int) -> np.ndarray:
        many = self.window * self.size
        a_pass, place = np.divmod(np.arange(window * many, (window + 1) * many), len(self.sizes))
        rows = np.concatenate([self._pass(p)[place[a_pass == p]] for p in np.unique(a_pass)])
        if self.window > 1:
            rows = rows[np.argsort(self.sizes[rows], kind="stable")].reshape(self.window, -1)
            return np.random.default_rng([self.seed, window, 1]).permutation(rows)
        return rows[None]


def make_fabric(precision: Any = "32-true") -> Fabric:
    """The GPU, or else the CPU; all processes that torchrun started."""
    gpu, local = torch.cuda.is_available(), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    world = int(os.environ.get("WORLD_SIZE", 1))
    fabric = Fabric(
        accelerator="cuda" if gpu else "cpu",
        precision=precision,
        devices=local,
        num_nodes=max(1, world // local),
        strategy="ddp" if world > 1 else "auto",
    )
    fabric.launch()
    return fabric


def optimiser(generator: Generator, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW, in one kernel for all weights, with decay on matrices only."""
    parameters = [p for p in generator.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)


def learning_rate_factor(share: float, warm_up: float) -> float:
    """Linear warm-up over the first `warm_up` of the budget, then half a cosine down to 1 % of the peak."""
    if share < warm_up:
        return max(share / warm_up, 0.01)
    decay = min(1.0, (share - warm_up) / max(1e-9, 1 - warm_up))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * decay))


def decay_at(update: int, most: float) -> float:
    """How much of the average stays at its update number `update`, from 1: min(most, (1 + k) / (10 + k)).

    The ramp lets the first, bad weights go quickly, so that short trainings are not held back.
    """
    return min(most, (1 + update) / (10 + update))


def averaging(generator: Generator, most: float) -> AveragedModel:
    """A copy of the generator that holds an exponential moving average of its weights."""

    @torch.no_grad()
    def update(averages: Any, weights: Any, updates: Any) -> None:
        torch._foreach_lerp_(averages, weights, 1 - decay_at(int(updates), most))

    return AveragedModel(generator, multi_avg_fn=update)


def seed_all(*of: int) -> None:
    """Random numbers (torch, NumPy, Python) that depend on these integers and on nothing before."""
    state = int(np.random.SeedSequence(of).generate_state(1)[0])
    torch.manual_seed(state)
    np.random.seed(state)
    random.seed(state)

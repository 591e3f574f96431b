"""The training curve: loss and validation bits against seconds, kept in the run folder and on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from experiments.budget import Budget


class CurveRecorder(Callback):
    """Collects one point a validation: training seconds, steps, mean training loss since, valid bits."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.points: dict[str, list[Any]] = {
            "seconds": [],
            "step": [],
            "train_loss": [],
            "valid_bits_per_hold": [],
        }
        self._losses: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, *_: Any) -> None:
        self._losses.append(float(outputs["loss"].detach()))

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self.points["seconds"].append(round(self.budget.used, 3))
        self.points["step"].append(self.budget.done_steps)
        self.points["train_loss"].append(sum(self._losses) / len(self._losses) if self._losses else None)
        self.points["valid_bits_per_hold"].append(float(trainer.callback_metrics["valid/bits_per_hold"]))
        self._losses = []

    def state_dict(self) -> dict[str, Any]:
        return {"points": self.points}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.points = state["points"]


class Watch(Callback):
    """Tells `watch` after each validation: share of the budget used, seconds of it, bits per hold.

    What `watch` raises ends the training.
    """

    def __init__(
        self, budget: Budget, curve: CurveRecorder, watch: Callable[[float, float, float], None]
    ) -> None:
        self.budget, self.curve, self.watch = budget, curve, watch

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.watch(self.budget.progress, self.budget.used, self.curve.points["valid_bits_per_hold"][-1])


class BudgetProgress(Callback):
    """A rich bar over the budget with the time left; a plain line a validation where no one watches."""

    def __init__(self, budget: Budget, curve: CurveRecorder, label: str, console: Console) -> None:
        self.budget, self.curve, self.label, self.console = budget, curve, label, console
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[news]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.task = self.bar.add_task(self.label, total=1.0, news="")
        self.bar.start()

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self.bar.update(self.task, completed=self.budget.progress)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        news = (
            f"step {self.budget.done_steps}, {self.curve.points['valid_bits_per_hold'][-1]:.3f} bits per hold"
        )
        self.bar.update(self.task, news=news)
        if not self.console.is_terminal:
            self.console.print(f"{self.label}: {self.budget.progress:.0%}, {news}")

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.bar.stop()

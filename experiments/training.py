"""Train one generator within its budget, in a run folder that an interrupted training can be resumed from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.averaging import AveragedWeights
from experiments.budget import Budget
from experiments.curve import BudgetProgress, CurveRecorder, Watch
from experiments.fitting import Fitting, some, training_batches
from experiments.option_values import check_values
from experiments.repeatable import GoOnAlike
from experiments.run_folder import write_json
from experiments.tracking import log_result, wandb_logger
from setgen.boards.board import Board
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.registry import generator_class, load_generator

_MONITOR = "valid/bits_per_hold"


@dataclass(frozen=True)
class RunFacts:
    """What a finished run says of itself in run.json; curve as `CurveRecorder.points`."""

    label: str
    kind: str
    note: str
    seed: int
    n_parameters: int
    device: str
    train_seconds: float
    steps: int
    epochs: float
    climbs_seen: int
    best_valid_bits_per_hold: float | None
    curve: dict[str, list[Any]]

    @classmethod
    def load(cls, folder: Path) -> RunFacts:
        """Read run.json. Raises InputError when the run is not finished."""
        try:
            return cls(**json.loads((folder / "run.json").read_text()))
        except FileNotFoundError:
            raise InputError(f"{folder} holds no finished run: run.json is missing") from None
        except (TypeError, json.JSONDecodeError) as error:
            raise InputError(f"{folder / 'run.json'} is damaged: {error}") from None


def untrained(model: DictConfig, board: Board) -> Generator:
    """The generator that a model config describes, as it is built. Raises InputError for unknown options."""
    kind = generator_class(model.generator)
    if not isinstance(model.config, DictConfig):
        raise InputError(f"model {model.label}: config is {model.config}, give it options")
    options: Any = OmegaConf.to_container(model.config, resolve=True)
    try:
        config = kind.Config(**options)
    except (TypeError, InputError) as error:
        raise InputError(f"model {model.label}: {error}") from None
    return kind(board, config)


def check_trainable(settings: DictConfig, board: Board) -> None:
    """Raise InputError when `train` would refuse these settings: to be asked before a folder is made."""
    check_values(settings)
    untrained(settings.model, board)


def build_generator(model: DictConfig, dataset: Dataset) -> Generator:
    """The untrained generator that a model config describes, with its counts taken from training climbs."""
    generator = untrained(model, dataset.board)
    generator.fit_counts(dataset.part("train"))
    return generator


def train(
    cfg: DictConfig,
    dataset: Dataset,
    seed: int,
    folder: Path,
    console: Console,
    watch: Callable[[float, float, float], None] | None = None,
) -> RunFacts:
    """Train `cfg.model` and leave folder/model and folder/run.json; go on where an earlier try stopped.

    A run that is finished is not trained again. watch: see `curve.Watch`.
    """
    check_values(cfg)
    if (folder / "run.json").is_file():
        return RunFacts.load(folder)
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    seed_everything(seed, verbose=False)
    generator = build_generator(cfg.model, dataset)
    logger = wandb_logger(cfg, folder, cfg.model.label)
    if generator.n_parameters:
        facts = _fit(cfg, generator, dataset, seed, folder, console, logger, watch)
    else:
        console.print(f"{cfg.model.label}: counted, nothing to train")
        facts = RunFacts(
            cfg.model.label, cfg.model.kind, cfg.model.note, seed, 0, "cpu", 0.0, 0, 0.0, 0, None, {}
        )
    generator.eval()
    generator.save(folder / "model")
    write_json(folder / "run.json", asdict(facts))
    if logger:
        brief = {k: v for k, v in asdict(facts).items() if k != "curve"}
        log_result(logger, generator, dataset.part("valid").without_holds(), folder, brief)
    return facts


def _fit(
    cfg: DictConfig,
    generator: Generator,
    dataset: Dataset,
    seed: int,
    folder: Path,
    console: Console,
    logger: Any,
    watch: Callable[[float, float, float], None] | None,
) -> RunFacts:
    options = cfg.training
    train_climbs = dataset.part("train")
    seconds = 60.0 * cfg.budget.minutes
    budget = Budget(seconds, cfg.budget.steps, options.warm_up, options.learning_rate, cfg.budget.clock)
    curve = CurveRecorder(budget)
    valid = some(dataset.part("valid"), options.valid_climbs)
    fitting = Fitting(generator, valid, options.learning_rate, options.weight_decay)
    checkpoints = ModelCheckpoint(
        folder / "checkpoints", "best", _MONITOR, save_last=True, save_on_exception=True
    )
    trainer = Trainer(
        max_epochs=-1,
        precision="bf16-mixed" if torch.cuda.is_available() else "32-true",
        devices=1,
        callbacks=[
            *([AveragedWeights(options.average)] if options.average else []),
            GoOnAlike(),
            curve,  # in front of the budget: on a GPU it waits for the step, which the budget must count
            budget,
            *([Watch(budget, curve, watch)] if watch else []),
            BudgetProgress(budget, curve, f"{cfg.model.label}, seed {seed}", console),
            checkpoints,
            EarlyStopping(_MONITOR, patience=options.patience, check_on_train_epoch_end=False),
        ],
        logger=logger or False,
        gradient_clip_val=options.gradient_clip,
        val_check_interval=_interval(cfg, seconds),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    last = folder / "checkpoints" / "last.ckpt"
    try:
        trainer.fit(
            fitting,
            training_batches(generator, train_climbs, options.batch_size, seed, lambda: budget.done_steps),
            ckpt_path=str(last) if last.is_file() else None,
            weights_only=True,
        )
    except SystemExit:  # what Lightning makes of Ctrl-C, once it has saved a checkpoint
        raise KeyboardInterrupt from None
    if budget.done_steps > (curve.points["step"] or [0])[-1]:
        trainer.validate(fitting, verbose=False)
    best = _keep_best(fitting, curve, checkpoints)
    batch = min(options.batch_size, len(train_climbs))
    return RunFacts(
        cfg.model.label,
        cfg.model.kind,
        cfg.model.note,
        seed,
        generator.n_parameters,
        str(trainer.strategy.root_device),
        round(budget.used, 1),
        budget.done_steps,
        round(budget.done_steps * batch / len(train_climbs), 2),
        budget.done_steps * batch,
        best,
        curve.points,
    )


def _interval(cfg: DictConfig, seconds: float) -> Any:
    """Time between validations, or steps where steps are the budget (they make a run repeatable)."""
    if cfg.budget.steps:
        return max(1, cfg.budget.steps // cfg.training.validations)
    return timedelta(seconds=seconds / cfg.training.validations)


def _keep_best(fitting: Fitting, curve: CurveRecorder, checkpoints: ModelCheckpoint) -> float:
    """Put the weights of the best validation back, unless the last ones are the best."""
    bits = curve.points["valid_bits_per_hold"]
    best = min((b for b in bits if math.isfinite(b)), default=math.nan)
    if bits[-1] != best and checkpoints.best_model_path:
        state = torch.load(checkpoints.best_model_path, weights_only=True, map_location="cpu")
        fitting.load_state_dict(state["state_dict"])
    return best


def finished(folder: Path) -> tuple[Generator, RunFacts]:
    """The trained generator and the facts of a finished run folder."""
    return load_generator(folder), RunFacts.load(folder)

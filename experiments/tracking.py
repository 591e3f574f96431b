"""wandb: metrics while training, drawn climbs and the model as an artifact when it is done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from omegaconf import DictConfig, OmegaConf

from setgen.boards.climbs import Climbs
from setgen.errors import InputError
from setgen.generators.base import Generator

_MODES = ("offline", "online", "disabled")
_DRAWN = 8


def wandb_logger(cfg: DictConfig, folder: Path, label: str) -> WandbLogger | None:
    """A logger that writes into the run folder, or None when wandb is disabled."""
    mode = cfg.wandb.mode
    if mode not in _MODES:
        raise InputError(f"wandb.mode is {mode!r}: use one of {', '.join(_MODES)}")
    if mode == "disabled":
        return None
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    return WandbLogger(
        project=cfg.wandb.project,
        name=label,
        save_dir=str(folder),
        mode=mode,
        config=OmegaConf.to_container(cfg, resolve=True),
        settings=wandb.Settings(silent=True, console="off"),
    )


def log_result(logger: WandbLogger, generator: Generator, prompts: Climbs, folder: Path, facts: Any) -> None:
    """Send climbs drawn at `prompts`, the run's facts and the model folder; then close the wandb run."""
    import wandb

    from setgen.draw import draw_climbs

    run = logger.experiment
    climbs = generator.sample(prompts[:_DRAWN], seed=0)
    run.log({"climbs": wandb.Image(draw_climbs(generator.board, climbs))})
    run.summary.update(facts)
    artifact = wandb.Artifact(f"{generator.name}-{folder.name}", type="model", metadata=facts)
    artifact.add_dir(str(folder / "model"))
    run.log_artifact(artifact)
    wandb.finish()

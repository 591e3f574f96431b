"""wandb: metrics while training, drawn climbs and the model as an artifact when it is done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from omegaconf import DictConfig, OmegaConf

from experiments.report.content import Report
from experiments.report.table import families
from setgen.boards.climbs import Climbs
from setgen.errors import InputError
from setgen.generators.base import Generator

_MODES = ("offline", "online", "disabled")
_DRAWN = 8


def wandb_logger(cfg: DictConfig, folder: Path, label: str) -> WandbLogger | None:
    """A logger that writes into the run folder, or None when wandb is disabled."""
    mode = _mode(cfg)
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


def log_comparison(cfg: DictConfig, folder: Path, report: Report, page: Path) -> None:
    """The report's table, its numbers as a summary, climbs of each source and the page itself."""
    mode = _mode(cfg)
    if mode == "disabled":
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    from setgen.draw import draw_climbs

    rows = [(family.name, row) for family in families(report) for row in family.rows]
    labels = [model.label for model in report.models]
    cells = [f"{label} {what}" for label in labels for what in ("value", "low", "high")]
    table = wandb.Table(columns=["family", "metric", "unit", "floor", *cells])
    for family, row in rows:
        numbers = [x for c in row.cells for x in (c.mean, c.low, c.high)]
        table.add_data(family, row.metric.name, row.metric.unit, row.floor, *numbers)
    drawn = [("real", report.real), *((m.label, m.samples) for m in report.models if m.samples is not None)]
    pictures = {
        f"climbs/{label}": wandb.Image(draw_climbs(report.board, climbs[:_DRAWN])) for label, climbs in drawn
    }
    with wandb.init(
        project=cfg.wandb.project,
        name=folder.name,
        dir=str(folder),
        mode=mode,
        job_type="comparison",
        settings=wandb.Settings(silent=True, console="off"),
    ) as run:
        run.log({"table": table, "report": wandb.Html(page.read_text(encoding="utf-8")), **pictures})
        run.summary.update(
            {
                f"{label}/{row.metric.name}": c.mean
                for _, row in rows
                for label, c in zip(labels, row.cells, strict=True)
                if c.mean is not None
            }
        )


def _mode(cfg: DictConfig) -> Any:
    """wandb.mode, one of `offline`, `online` and `disabled`. Raises InputError for any other."""
    mode = cfg.wandb.mode
    if mode not in _MODES:
        raise InputError(f"wandb.mode is {mode!r}: use one of {', '.join(_MODES)}")
    return mode

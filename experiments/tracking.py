"""wandb: metrics while training, drawn climbs and the model as an artifact when it is done."""

from __future__ import annotations

import io
import os
from itertools import chain
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from omegaconf import DictConfig, OmegaConf

from experiments.report.content import Report, finite
from experiments.report.images import images
from experiments.report.leaderboard import leaderboard
from experiments.report.table import Family, families
from setgen.boards.climbs import Climbs
from setgen.generators.base import Generator

_DRAWN = 8


def wandb_logger(cfg: DictConfig, folder: Path, label: str) -> WandbLogger | None:
    """A logger that writes into the run folder, or None when wandb is disabled."""
    mode = cfg.wandb.mode
    if mode == "disabled":
        return None
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    # Begun here, not by Lightning, which gives wandb a setting that it warns of.
    run = wandb.init(
        project=cfg.wandb.project,
        name=label,
        dir=str(folder),
        mode=mode,
        config=OmegaConf.to_container(cfg, resolve=True),
        settings=wandb.Settings(silent=True, console="off"),
    )
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return WandbLogger(project=cfg.wandb.project, save_dir=str(folder), experiment=run)


def log_result(logger: WandbLogger, generator: Generator, prompts: Climbs, folder: Path, facts: Any) -> None:
    """Send climbs drawn at `prompts`, the run's facts and the model folder; then close the wandb run."""
    import wandb

    from setgen.draw import draw_climbs

    run = logger.experiment
    climbs = generator.sample(prompts[:_DRAWN], seed=0)
    run.log({"climbs": wandb.Image(draw_climbs(generator.space, climbs))})
    run.summary.update(facts)
    artifact = wandb.Artifact(f"{generator.name}-{folder.name}", type="model", metadata=facts)
    artifact.add_dir(str(folder / "model"))
    run.log_artifact(artifact)
    wandb.finish()


def log_comparison(cfg: DictConfig, folder: Path, report: Report, page: Path) -> None:
    """The report's leaderboard, table, pictures and page; the table's numbers as a summary too."""
    mode = cfg.wandb.mode
    if mode == "disabled":
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb
    from PIL import Image

    table = families(report)
    pictures = {name: wandb.Image(Image.open(io.BytesIO(png))) for name, png in images(report).items()}
    with wandb.init(
        project=cfg.wandb.project,
        name=folder.name,
        dir=str(folder),
        mode=mode,
        job_type="comparison",
        settings=wandb.Settings(silent=True, console="off"),
    ) as run:
        run.log(
            {
                "leaderboard": _leaderboard(report),
                "table": _table(report, table),
                "report": wandb.Html(page.read_text(encoding="utf-8")),
                **pictures,
            }
        )
        run.summary.update(
            {
                f"{model.label}/{row.metric.name}": c.mean
                for family in table
                for row in family.rows
                for model, c in zip(report.models, row.cells, strict=True)
                if c.mean is not None
            }
        )


def _leaderboard(report: Report) -> Any:
    """A row a headline metric; of each model its value, interval, distance in standard errors and class."""
    import wandb

    what = ("value", "low", "high", "distance", "class")
    cells = [f"{model.label} {name}" for model in report.models for name in what]
    table = wandb.Table(columns=["metric", "family", "unit", "floor", "distance to", *cells])
    for line in leaderboard(report):
        metric, to = line.row.metric, "best" if line.to_best else "floor"
        said = [(p.cell.mean, p.cell.low, p.cell.high, finite(p.distance), p.kind) for p in line.places]
        table.add_data(metric.name, line.family, metric.unit, line.row.floor, to, *chain(*said))
    return table


def _table(report: Report, families: list[Family]) -> Any:
    """A row a metric; of each model its value, interval and what the evaluator says of it."""
    import wandb

    what = ("value", "low", "high", "note")
    cells = [f"{model.label} {name}" for model in report.models for name in what]
    table = wandb.Table(columns=["family", "metric", "unit", "floor", *cells])
    for family in families:
        for row in family.rows:
            said = [(c.mean, c.low, c.high, c.note) for c in row.cells]
            table.add_data(family.name, row.metric.name, row.metric.unit, row.floor, *chain(*said))
    return table

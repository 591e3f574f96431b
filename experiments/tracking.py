"""wandb: metrics while training, drawn climbs and the model as an artifact when it is done."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from experiments.report.content import Report, finite
from experiments.report.images import images
from experiments.report.leaderboard import leaderboard
from experiments.report.table import Family, families
from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.generators.base import Generator
from setgen.sets.sets import Sets
from setgen.training import Callback, Point, Progress

_DRAWN = 8


@contextmanager
def tracking(cfg: DictConfig, folder: Path, label: str, kind: str = "training") -> Iterator[Any]:
    """A wandb run that writes into the folder, or None when wandb is disabled."""
    if cfg.wandb.mode == "disabled":
        yield None
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    config: Any = OmegaConf.to_container(cfg, resolve=True)
    with wandb.init(
        project=cfg.wandb.project,
        name=label,
        dir=str(folder),
        mode=cfg.wandb.mode,
        job_type=kind,
        config=config,
        settings=wandb.Settings(silent=True, console="off"),
    ) as run:
        yield run


def log_step(run: Any) -> Callback:
    """What tells wandb of a training: the loss of every tenth step, and the bits of each validation."""

    def told(now: Progress, point: Point | None) -> None:
        if point is not None:
            run.log({"valid/bits_per_hold": point.valid_bits}, step=now.step)
        elif now.step % 10 == 0:
            run.log({"train/loss": float(now.loss)}, step=now.step)

    return told


def log_model(run: Any, generator: Generator, prompts: Sets, folder: Path, facts: dict[str, Any]) -> None:
    """Climbs drawn at `prompts`, the facts of the training and the model folder."""
    import wandb

    facts = {name: fact for name, fact in facts.items() if name != "curve"}
    if isinstance(generator.space, Board):
        import matplotlib.pyplot  # noqa: F401  (wandb takes it for granted)

        from setgen.draw import draw_climbs

        climbs = generator.sample(prompts[:_DRAWN], seed=0)
        run.log({"climbs": wandb.Image(draw_climbs(generator.space, cast(Climbs, climbs)))})
    run.summary.update(facts)
    artifact = wandb.Artifact(f"{facts['label']}-{folder.name}", type="model", metadata=facts)
    artifact.add_dir(str(folder / "model"))
    run.log_artifact(artifact)


def log_comparison(cfg: DictConfig, folder: Path, report: Report, page: Path) -> None:
    """The report's leaderboard, table, pictures and page; the table's numbers as a summary too."""
    with tracking(cfg, folder, folder.name, "comparison") as run:
        if run is None:
            return
        import wandb
        from PIL import Image

        table = families(report)
        pictures = {name: wandb.Image(Image.open(io.BytesIO(png))) for name, png in images(report).items()}
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

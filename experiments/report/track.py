"""A comparison in wandb: the report's tables, pictures and page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from experiments.report.content import Report
from experiments.report.tables import cells, headlines, shown
from experiments.report.write import Drawn
from experiments.tracking import tracking


def log_comparison(cfg: DictConfig, folder: Path, report: Report, pictures: Drawn, page: Path) -> None:
    """The report's tables, pictures and page; the table's numbers as a summary too."""
    with tracking(cfg, folder, folder.name, "comparison") as run:
        if run is None:
            return
        import wandb
        from PIL import Image

        found = cells(report)
        images = {
            f"{heading}/{name}": wandb.Image(Image.open(io.BytesIO(png)))
            for heading, (_, section) in pictures.items()
            for name, png in section.items()
        }
        run.log(
            {
                "headlines": wandb.Table(dataframe=shown(headlines(report, found)).reset_index()),
                "table": wandb.Table(dataframe=found.reset_index()),
                "report": wandb.Html(page.read_text(encoding="utf-8")),
                **images,
            }
        )
        known = found.value[np.isfinite(found.value)]
        run.summary.update({f"{model}/{metric}": value for (metric, model), value in known.items()})

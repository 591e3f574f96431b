"""A comparison in wandb: the report's tables, pictures and page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from experiments.report.content import Report
from experiments.report.pictures import Section
from experiments.report.tables import cells, headlines, shown
from experiments.tracking import tracking
from setgen.figures import figure_to_png


def log_comparison(
    cfg: DictConfig, folder: Path, report: Report, pictures: dict[str, tuple[str, Section]], page: Path
) -> None:
    """The report's tables, pictures and page; the table's numbers as a summary too."""
    with tracking(cfg, folder, folder.name, "comparison") as run:
        if run is None:
            return
        import wandb
        from PIL import Image

        found = cells(report)
        drawn = {
            f"{heading}/{name}": wandb.Image(Image.open(io.BytesIO(figure_to_png(figure, 80))))
            for heading, (_, section) in pictures.items()
            for name, figure in section.items()
        }
        run.log(
            {
                "headlines": wandb.Table(dataframe=shown(headlines(report, found)).reset_index()),
                "table": wandb.Table(dataframe=found.reset_index()),
                "report": wandb.Html(page.read_text(encoding="utf-8")),
                **drawn,
            }
        )
        known = found.value[np.isfinite(found.value)]
        run.summary.update({f"{model}/{metric}": value for (metric, model), value in known.items()})

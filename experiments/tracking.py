"""wandb: a run in the folder of what it is of; metrics while training, and the model when it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
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
    run = wandb.init(
        project=cfg.wandb.project,
        name=label,
        dir=str(folder),
        mode=cfg.wandb.mode,
        job_type=kind,
        config=config,
        settings=wandb.Settings(silent=True, console="off"),
    )
    try:
        yield run
    except BaseException:  # by `with`, wandb would print the traceback of Ctrl-C and of a full disk
        with suppress(Exception):  # what broke the work off is what is told
            run.finish(exit_code=1)
        raise
    run.finish()


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

        from setgen.climbing.draw import climb_title, draw_climbs

        climbs = cast(Climbs, generator.sample(prompts[:_DRAWN], seed=0))
        titles = [climb_title(climb, asked=True) for climb in climbs]
        run.log({"climbs": wandb.Image(draw_climbs(generator.space, climbs, titles=titles))})
    run.summary.update(facts)
    artifact = wandb.Artifact(f"{facts['label']}-{folder.name}", type="model", metadata=facts)
    artifact.add_dir(str(folder / "model"))
    run.log_artifact(artifact)

"""Make what setgen brings along: a trained model of the synthetic board, its grader, its sensible rules.

python -m experiments.builtin                                  # the model that is in this repository
python -m experiments.builtin model=gpt budget.steps=5000      # another one in its place
python -m experiments.builtin model=masked_set out=runs/other  # another one beside it, to compare their cards

Everything is fixed by steps and seed. The files are written aside and put in place when all are there.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.run_folder import write_json
from experiments.runs import command_line
from experiments.training import RunFacts, train
from setgen.climbing.dataset import Dataset
from setgen.climbing.grading.fit import fit_grader
from setgen.climbing.grading.grader import Grader
from setgen.climbing.sensible import SensibleRules
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.registry import load_generator
from setgen.metrics.context import Context, samples
from setgen.metrics.estimate import Estimate
from setgen.metrics.evaluate import estimate
from setgen.metrics.metric import metrics_of

_MEASURED = ("bits per hold", "bits per hidden hold", "recall@10", "two-sample")


@experiment("builtin")
def main(cfg: DictConfig) -> None:
    console = Console()
    if not cfg.budget.steps:
        raise InputError("budget.steps is not set: only a budget in steps can be repeated")
    dataset, _ = open_dataset(cfg)
    out = Path(cfg.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".builtin-") as aside:
        run, made = Path(aside) / "run", Path(aside) / "made"
        run.mkdir()
        facts = train(cfg, dataset, cfg.seed, run, console)
        (run / "model").rename(made)
        with console.status("training the grader"):
            grader = fit_grader(dataset, cfg.seed)
        grader.save(made / "grader")
        rules = SensibleRules.fit(dataset.board, dataset.part("train"))
        (made / "sensible.json").write_text(json.dumps(rules.to_json(), indent=2))
        write_json(made / "card.json", card(cfg, dataset, facts, made, grader))
        shutil.rmtree(out, ignore_errors=True)
        made.rename(out)
    console.print(f"{out}: {sum(p.stat().st_size for p in out.rglob('*') if p.is_file()):,} bytes")


def card(cfg: DictConfig, dataset: Dataset, facts: RunFacts, folder: Path, grader: Grader) -> dict[str, Any]:
    """How the model was made and what was measured on test climbs; no dates, no names of places."""
    options = cfg.evaluation
    test = dataset.part("test").at_most(options.test_climbs, 0)
    judged = judge(load_generator(folder), dataset, options.test_climbs, options.orders, cfg.seed)
    return {
        "board": dataset.card["title"],
        "synthetic": bool(dataset.card.get("source", {}).get("synthetic")),
        "command": command_line("builtin", sys.argv[1:]),
        "generator": facts.label,
        "note": facts.note,
        "parameters": facts.n_parameters,
        "steps": facts.steps,
        "seed": cfg.seed,
        "batch_size": cfg.training.batch_size,
        "training_climbs": len(dataset.part("train")),
        "orders": options.orders,
        "metrics": {name: _plain(estimate) for name, estimate in judged.items()},
        "grader": {
            "mean_absolute_error": round(float(np.abs(grader.grade(test).median - test.grade).mean()), 3),
            "unit": "grades (steps of the Font scale)",
            "test_climbs": len(test),
        },
    }


def judge(generator: Generator, dataset: Dataset, climbs: int, orders: int, seed: int) -> dict[str, Estimate]:
    """Bits per hold, how well climbs are completed, and whether new ones can be told from real ones."""
    real = Context.of_dataset(dataset, seed, grader=None)
    asked = real.asking(generator, climbs, orders=orders, most_tests=climbs)
    drawn = real.judging(samples(asked))
    measured = [m for m in metrics_of(real.space).values() if m.name.startswith(_MEASURED)]
    return {m.name: estimate(asked if m.needs_generator else drawn, m) for m in measured}


def _plain(estimate: Estimate) -> dict[str, float | int | None]:
    error = estimate.standard_error
    error = None if error is None else round(error, 4)
    return {"value": round(estimate.value, 4), "standard_error": error, "climbs": estimate.n}


if __name__ == "__main__":
    main()

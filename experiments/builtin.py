"""Make what setgen brings along: a trained model of the synthetic board, its grader, its sensible rules.

python -m experiments.builtin                                  # the model that is in this repository
python -m experiments.builtin model=gpt budget.steps=5000      # another one in its place

Everything is fixed by steps and seed. The files are written aside and put in place when all are there.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.data import open_dataset
from experiments.fitting import some
from experiments.hydra_main import experiment
from experiments.run_folder import write_json
from experiments.training import RunFacts, train
from setgen.boards.sensible import SensibleRules
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation.likelihood import bits_per_hold, likelihood
from setgen.generators.registry import load_generator
from setgen.grading.fit import fit_grader
from setgen.grading.grader import Grader


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
    test = some(dataset.part("test"), cfg.evaluation.test_climbs)
    found = likelihood(load_generator(folder), test, orders=cfg.evaluation.orders, seed=cfg.seed)
    bits = bits_per_hold(found.bound)
    return {
        "board": dataset.card["title"],
        "synthetic": bool(dataset.card.get("source", {}).get("synthetic")),
        "command": shlex.join(["python", "-m", "experiments.builtin", *sys.argv[1:]]),
        "generator": facts.label,
        "note": facts.note,
        "parameters": facts.n_parameters,
        "steps": facts.steps,
        "seed": cfg.seed,
        "batch_size": cfg.training.batch_size,
        "training_climbs": len(dataset.part("train")),
        "bits_per_hold": {
            "value": round(bits.value, 4),
            "standard_error": None if bits.standard_error is None else round(bits.standard_error, 4),
            "test_climbs": len(test),
            "orders": cfg.evaluation.orders,
        },
        "grader": {
            "mean_absolute_error": round(float(np.abs(grader.grade(test).median - test.grade).mean()), 3),
            "unit": "grades (steps of the Font scale)",
            "test_climbs": len(test),
        },
    }


if __name__ == "__main__":
    main()

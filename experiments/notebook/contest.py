"""From trained models and what the evaluators say of them to the report that its tables are made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.judging import Judged
from experiments.notebook.training import Trained
from experiments.report import Report
from setgen.metrics.context import Context
from setgen.metrics.evaluate import Evaluation


def report_on(reference: Context, trained: Mapping[str, Trained], judged: Mapping[str, Evaluation]) -> Report:
    """One column for each of `judged`, under its own label; pairs on the same test climbs."""
    runs = {
        label: [Judged(label, Path(label), trained[label].facts, trained[label].generator.name, one)]
        for label, one in judged.items()
    }
    return Report(title=reference.data.card["title"], reference=reference, runs=runs)

"""From trained models and what the evaluators say of them to the report that its tables are made from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from experiments.notebook.training import Trained
from experiments.report import (
    Comparison,
    DatasetSummary,
    Model,
    Report,
    Run,
    Settings,
    metric_infos,
    numbers_of,
)
from experiments.report.content import Kind
from setgen.metrics.context import Context
from setgen.metrics.evaluate import Evaluation


def report_on(reference: Context, trained: Mapping[str, Trained], judged: Mapping[str, Evaluation]) -> Report:
    """One column for each of `judged`, under its own label; pairs on the same test climbs."""
    dataset = reference.data
    metrics = {name: m for one in judged.values() for name, m in one.metrics.items()}
    bits = {name: one.likelihood.bits for name, one in judged.items() if one.likelihood is not None}
    return Report(
        title=dataset.card["title"],
        dataset=DatasetSummary(
            dataset.card["title"],
            {"test": len(dataset.part("test"))},
            synthetic=dataset.board.family == "synthetic",
        ),
        board=dataset.board,
        settings=Settings("", [one.facts.seed for one in trained.values()]),
        metrics=metric_infos(metrics.values()),
        models=[_model(label, trained[label], one) for label, one in judged.items()],
        real=dataset.part("test"),
        comparisons=[
            Comparison.of(a, b, trained[a].facts.seed, bits[a], bits[b]) for a, b in combinations(bits, 2)
        ],
        reference=reference,
    )


def _model(label: str, trained: Trained, judged: Evaluation) -> Model:
    facts = trained.facts
    kind: Kind = "set" if facts.kind == "set" else "baseline"
    run = Run(
        facts.seed,
        train_seconds=facts.train_seconds,
        steps=facts.steps,
        epochs=facts.epochs,
        climbs_seen=facts.climbs_seen,
        **numbers_of(judged.values),
    )
    return Model(label, trained.generator.name, kind, facts.n_parameters, [run], judged.samples)

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
from setgen.evaluation.evaluate_generator import GeneratorEvaluation
from setgen.evaluation.reference import Reference


def report_on(
    reference: Reference, trained: Mapping[str, Trained], judged: Mapping[str, GeneratorEvaluation]
) -> Report:
    """One column for each of `judged`, under its own label; pairs on the same test climbs."""
    dataset = reference.dataset
    metrics = {name: m for one in judged.values() for name, m in one.evaluation.metrics.items()}
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
            Comparison.of(a, b, trained[a].facts.seed, judged[a].likelihood.bound, judged[b].likelihood.bound)
            for a, b in combinations(judged, 2)
        ],
        reference=reference,
    )


def _model(label: str, trained: Trained, judged: GeneratorEvaluation) -> Model:
    facts = trained.facts
    kind: Kind = "set" if facts.kind == "set" else "baseline"
    run = Run(
        facts.seed,
        train_seconds=facts.train_seconds,
        steps=facts.steps,
        epochs=facts.epochs,
        climbs_seen=facts.climbs_seen,
        **numbers_of(judged.evaluation.values),
    )
    return Model(label, trained.generator.name, kind, facts.n_parameters, [run], judged.samples)

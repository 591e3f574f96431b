"""From what was judged to the report: one column a model, its runs over seeds, pairs on the same climbs."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import torch
from omegaconf import DictConfig

from experiments.judging import Judged, prompts_of
from experiments.report import (
    Comparison,
    Curve,
    DatasetSummary,
    Model,
    Report,
    Run,
    Settings,
    metric_infos,
    numbers_of,
)
from experiments.report.content import Kind
from setgen.dataset.splits import SPLITS
from setgen.evaluation.reference import Reference

_PACKAGES = ("setgen", "torch", "lightning-fabric", "numpy", "scipy")


def report_of(cfg: DictConfig, reference: Reference, judged: list[Judged], command: str) -> Report:
    """All that the report shows. command: what made it, one a line."""
    by_name: dict[str, list[Judged]] = {}
    for one in judged:
        by_name.setdefault(one.name, []).append(one)
    labels = labels_of(by_name)
    dataset = reference.dataset
    card = dataset.card
    return Report(
        title=f"Generators of climbs on {card['title']}",
        dataset=DatasetSummary(
            card["title"],
            {part: len(dataset.part(part)) for part in SPLITS},
            synthetic=dataset.board.family == "synthetic",
            notes=card.get("warnings", []),
        ),
        board=dataset.board,
        settings=Settings(
            command=command,
            seeds=list(cfg.seeds),
            budget_seconds=60.0 * cfg.budget.minutes,
            samples=cfg.evaluation.samples,
            orders=cfg.evaluation.orders,
            device=f"{_device(judged)}, {platform.machine()}",
            threads=torch.get_num_threads(),
            other={
                "test climbs scored": cfg.evaluation.test_climbs,
                "network": _said(cfg.network),
                "training": _said(cfg.training),
            },
        ),
        metrics=metric_infos(({k: m for one in judged for k, m in one.evaluation.metrics.items()}).values()),
        models=[_model(labels[name], runs) for name, runs in by_name.items()],
        real=dataset.part("test"),
        comparisons=_paired(by_name, labels),
        date=datetime.now().isoformat(timespec="seconds"),
        versions={name: version(name) for name in _PACKAGES},
        reference=reference,
        prompts=prompts_of(dataset, cfg.evaluation.seed),
    )


def _said(settings: DictConfig) -> str:
    return ", ".join(f"{name!s} {value}" for name, value in settings.items())


def _device(judged: list[Judged]) -> str:
    return ", ".join(sorted({one.facts.device for one in judged if one.facts.kind != "file"})) or "no model"


def labels_of(by_name: dict[str, list[Judged]]) -> dict[str, str]:
    """Name → column heading: the run's own label, or as much of its path as tells it from the others."""
    labels = {name: runs[0].facts.label for name, runs in by_name.items()}
    if len(set(labels.values())) < len(labels):
        labels = {name: Path(name).name for name in by_name}
    return labels if len(set(labels.values())) == len(labels) else {name: name for name in by_name}


def _model(label: str, runs: list[Judged]) -> Model:
    first = runs[0]
    kinds: dict[str, Kind] = {"set": "set", "file": "file"}
    return Model(
        label=label,
        generator=first.generator,
        kind=kinds.get(first.facts.kind, "baseline"),
        n_parameters=first.facts.n_parameters,
        runs=[_run(one) for one in runs],
        samples=first.samples,
        note=first.facts.note,
        completions=first.completions,
    )


def _run(one: Judged) -> Run:
    facts = one.facts
    if facts.kind == "file":
        return Run(facts.seed, one.folder.name, **numbers_of(one.evaluation.values))
    return Run(
        seed=facts.seed,
        folder=one.folder.name,
        train_seconds=facts.train_seconds,
        steps=facts.steps,
        epochs=facts.epochs,
        climbs_seen=facts.climbs_seen,
        samples_per_second=one.climbs_per_second,
        curve=Curve(**facts.curve) if facts.curve else None,
        **numbers_of(one.evaluation.values),
    )


def _paired(by_name: dict[str, list[Judged]], labels: dict[str, str]) -> list[Comparison]:
    """Every two models on the same test climbs in the same orders, seed by seed."""
    return [
        Comparison.of(labels[a], labels[b], one.facts.seed, one.bits, other.bits)
        for a, b in combinations(by_name, 2)
        for one, other in zip(by_name[a], by_name[b], strict=False)
        if one.bits is not None and other.bits is not None
    ]

"""What a comparison found, and how it was made: all that the report's tables and pictures are made from."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from experiments.judging import Judged, prompts_of
from setgen.metrics.context import Context
from setgen.sets.splits import SPLITS

KINDS = {"set": "set generator", "baseline": "baseline", "file": "file"}
_PACKAGES = ("setgen", "torch", "lightning-fabric", "numpy", "scipy")


@dataclass(frozen=True, eq=False)
class Report:
    """runs: heading of a column → what was judged under it, one a seed. reference: the real sets of both splits.

    counts: of the dataset's parts. settings: what a reader needs to make it again. prompts: (given, the whole
    set), of which models' `completions` are.
    """

    title: str
    reference: Context
    runs: Mapping[str, Sequence[Judged]]
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    prompts: tuple[Any, Any] | None = None
    date: str = ""

    @property
    def primary(self) -> str:
        """The metric that the summary is about."""
        return f"bits per {self.reference.words['item']}"

    @property
    def synthetic(self) -> bool:
        card = getattr(self.reference.data, "card", {})
        return bool(card.get("source", {}).get("synthetic"))

    @property
    def samples(self) -> dict[str, Context]:
        """What each model's first run made, looked at beside the real sets; these first."""
        reference = self.reference
        return {
            "real": reference.test,
            **{label: reference.on(runs[0].evaluation.samples) for label, runs in self.runs.items()},
        }


def report_of(cfg: DictConfig, reference: Context, judged: list[Judged], command: str) -> Report:
    """All that the report shows. command: what made it, one a line."""
    by_name: dict[str, list[Judged]] = {}
    for one in judged:
        by_name.setdefault(one.name, []).append(one)
    labels, data = labels_of(by_name), reference.data
    devices = sorted({one.facts.device for one in judged if one.facts.kind != "file"})
    settings = {
        "command": command,
        "seeds": ", ".join(map(str, cfg.seeds)),
        "budget": f"{cfg.budget.steps} steps" if cfg.budget.steps else f"{60 * cfg.budget.minutes:g} s",
        **{name.replace("_", " "): value for name, value in cfg.evaluation.items() if name != "seed"},
        "network": ", ".join(f"{name} {value}" for name, value in cfg.network.items()),
        "training": ", ".join(f"{name} {value}" for name, value in cfg.training.items()),
        "device": f"{', '.join(devices) or 'no model'}, {platform.machine()}, {torch.get_num_threads()} threads",
        "versions": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    }
    return Report(
        title=f"Generators of {reference.words['sets']} on {data.card['title']}",
        reference=reference,
        runs={labels[name]: runs for name, runs in by_name.items()},
        counts={part: len(data.part(part)) for part in SPLITS},
        notes=data.card.get("warnings", []),
        settings=settings,
        prompts=prompts_of(data.part("test"), cfg.evaluation.seed),
        date=datetime.now().isoformat(timespec="seconds"),
    )


def labels_of(by_name: Mapping[str, Sequence[Judged]]) -> dict[str, str]:
    """Name → column heading: the run's own label, or as much of its path as tells it from the others."""
    labels = {name: runs[0].facts.label for name, runs in by_name.items()}
    if len(set(labels.values())) < len(labels):
        labels = {name: Path(name).name for name in by_name}
    return labels if len(set(labels.values())) == len(labels) else {name: name for name in by_name}

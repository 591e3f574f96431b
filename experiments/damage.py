"""Prove the metrics: damage real climbs by degrees and write down which metric sees which damage.

python -m experiments.damage                                       # on the built-in board
python -m experiments.damage data.path=DIR 'seeds=[0,1,2]'
python -m experiments.damage 'damages=[top row piled]' 'metrics=[not sensible]'  # what begins so
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.option_values import whole
from experiments.run_folder import new_run_folder, write_json
from experiments.runs import command_line
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.files import write_whole
from setgen.metrics.damage import Damage, damages_of
from setgen.metrics.evaluate import metrics_for
from setgen.metrics.metric import Metric
from setgen.metrics.proof import Series, prove

Known = TypeVar("Known", Damage, Metric)


@experiment("damage")
def main(cfg: DictConfig) -> None:
    console = Console()
    dataset, where = open_dataset(cfg)
    if not cfg.seeds or not whole(1).holds(cfg.climbs):
        raise InputError("there is nothing to damage: give seeds=[…] and climbs=N, at least 1")
    if [] in (cfg.damages, cfg.metrics):
        raise InputError("damages=[] and metrics=[] leave nothing to prove: name some, or leave them out")
    damages = _named(cfg.damages, list(damages_of(dataset.board).values()), "damage")
    metrics = _named(cfg.metrics, metrics_for(dataset.board), "metric")
    folder = new_run_folder(Path(cfg.runs) / "damage", where.name, where)
    found = prove(
        dataset,
        seeds=list(cfg.seeds),
        damages=damages,
        metrics=metrics,
        most=cfg.climbs,
        progress=lambda steps: track(steps, "damaging", console=console),
    )
    write_json(folder / "damage.json", [asdict(s) | {"seen_from": s.seen_from} for s in found])
    text = markdown(found, dataset, command_line("damage", sys.argv[1:]))
    write_whole(folder / "damage.md", text.encode())
    blind = [m for m in dict.fromkeys(s.metric for s in found) if not any(_of(found, m))]
    console.print(f"Sees no damage: {', '.join(blind) or 'none, every metric sees some'}", soft_wrap=True)
    console.print(f"Matrix: {folder / 'damage.md'}", soft_wrap=True)


def _named(names: Sequence[str] | None, known: list[Known], what: str) -> list[Known]:
    """Those whose names begin with one of `names`, all where none are given. Raises InputError for what no name
    begins with."""
    if names is None:
        return known
    for name in names:
        if not any(one.name.startswith(name) for one in known):
            raise InputError(f"no {what} begins with {name!r}: there are {', '.join(k.name for k in known)}")
    return [one for one in known if one.name.startswith(tuple(names))]


def _of(found: list[Series], metric: str) -> list[int | None]:
    return [s.seen_from for s in found if s.metric == metric]


def markdown(found: list[Series], dataset: Dataset, command: str) -> str:
    """The matrix: a row a metric, a column a damage, in it the least degree from which it is seen."""
    names = {s.metric for s in found}
    cells = {(s.metric, s.damage): s for s in found}
    metrics, known = metrics_for(dataset.board), damages_of(dataset.board)
    damages = [d for d in known.values() if any((m.name, d.name) in cells for m in metrics)]
    lines = [
        f"# What each metric sees: {dataset.card['title']}",
        "",
        "Real climbs (half of the test climbs), damaged by degrees and judged against the other half. A cell",
        "holds the least degree from which the metric sees the damage: it never gets better from one degree",
        "to the next, the damage moves it by more than half the 95 % interval of its floor, and from this",
        "degree on it is outside that interval. An empty cell: not seen. **Bold**: the metric claims to see",
        "this damage. Other cells may be chance: training climbs are as real as test climbs, so `training",
        "copied` shows, beside novelty, how often that happens.",
        "",
        "```bash",
        command,
        "```",
        "",
        "| metric | | " + " | ".join(d.name for d in damages) + " |",
        "| --- | --- |" + " --- |" * len(damages),
    ]
    for metric in metrics:
        if metric.name in names:
            row = [_cell(cells.get((metric.name, d.name)), d, d.name in metric.sees) for d in damages]
            lines.append(f"| {metric.name} | {metric.direction} | " + " | ".join(row) + " |")
    lines += ["", "| damage | degrees | |", "| --- | --- | --- |"]
    lines += [f"| {d.name} | {', '.join(map(d.label, d.degrees))} | {d.said} |" for d in damages]
    return "\n".join(lines) + "\n"


def _cell(series: Series | None, damage: Damage, claimed: bool) -> str:
    if series is None:
        return ""
    if series.seen_from is None:
        return "**missed**" if claimed else ""
    degree = damage.label(damage.degrees[series.seen_from - 1])
    return f"**{degree}**" if claimed else degree


if __name__ == "__main__":
    main()

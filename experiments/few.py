"""What helps where climbs are few: several ways to train one model on small subsets of a board's climbs.

python -m experiments.few data.path=DIR                                     # ways that need nothing else
python -m experiments.few data.path=DIR extra=DIR other=DIR 'seeds=[0,1]'   # all of them
python -m experiments.few resume=FOLDER 'climbs=[300,1000]'                 # go on, with other numbers

Every way is judged on the same test climbs, one row of each hold set, and stands beside the plain training of the
same seed: differences are paired, climb by climb. `conf/few.yaml` says what the ways are.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.run_folder import (
    at_work,
    new_run_folder,
    note_command,
    noted_commands,
    resumed,
    save_config,
    write_json,
)
from experiments.training import check_trainable, finished, train
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.files import write_whole
from setgen.generators.base import Generator
from setgen.metrics.estimate import Estimate, ratio
from setgen.metrics.likelihood import likelihood
from setgen.sets.dataset import load_dataset
from setgen.sets.identity import fingerprints, one_of_each
from setgen.sets.sets import Sets
from setgen.sets.splits import SPLITS

PLAIN = "plain"
_TEACHERS = 4
_MAY_CHANGE = {"climbs", "seeds", "only"}


@dataclass(frozen=True)
class Way:
    """What is other than in the plain training; see `conf/few.yaml`."""

    training: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    extra: bool = False
    init: int = 0
    networks: int = 1
    draws: int = 0


@dataclass(frozen=True)
class Cell:
    """One way on so many climbs (rows: of them and their angles) with one seed. steps: of the training that
    validation chose; bits: of each test climb, per hold of its own."""

    way: str
    climbs: int
    seed: int
    rows: int
    steps: int
    bits: list[float]


@experiment("few")
def main(cfg: DictConfig) -> None:
    console = Console()
    folder = None
    if cfg.resume:
        folder, cfg = resumed(cfg, _MAY_CHANGE)
    study = Study.of(cfg, console)
    if folder is None:
        folder = new_run_folder(Path(cfg.runs) / "few", study.where.name, study.where)
    with at_work(folder, "few"):
        save_config(cfg, folder / "config.yaml")
        note_command(folder, "few")
        run_study(study, folder, console)


def run_study(study: Study, folder: Path, console: Console) -> None:
    """Train and judge what is missing, and leave the page in the folder."""
    cfg = study.cfg
    console.print(f"[bold]Few climbs[/] of {study.dataset.card['title']}: {folder}", soft_wrap=True)
    out = console if console.is_terminal else Console(quiet=True)
    for climbs, seed, name in product(sorted(cfg.climbs), cfg.seeds, study.ways):
        cell = study.cell(name, climbs, seed, folder, out)
        said = f"{name}, {climbs} climbs, seed {seed}: {study.per_hold(cell.bits).value:.3f} bits per hold"
        console.print(said, soft_wrap=True)
    page = folder / "few.md"
    write_whole(page, page_of(finished_cells(folder), study, noted_commands(folder)).encode())
    console.print(f"Page: {page}", soft_wrap=True)


@dataclass(frozen=True, eq=False)
class Study:
    """What all cells share. where: the dataset's folder. test: the sets that judge. ways: name → way, plain first."""

    cfg: DictConfig
    dataset: Dataset
    where: Path
    test: Sets
    ways: dict[str, Way]
    extra: Dataset | None
    other: Dataset | None

    @classmethod
    def of(cls, cfg: DictConfig, console: Console) -> Study:
        """Raises InputError, before anything is trained, where the study cannot be done."""
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        extra, other = (None if path is None else load_dataset(path) for path in (cfg.extra, cfg.other))
        if extra is not None and extra.space.to_json() != dataset.space.to_json():
            raise InputError(
                f"{cfg.extra} is of another board than {where}: import both from one source, alike"
            )
        if not isinstance(cfg.climbs, ListConfig) or not cfg.climbs or not cfg.seeds:
            raise InputError("there is nothing to study: give climbs=[300,1000] or others, and seeds=[…]")
        most = len(np.unique(fingerprints(dataset.space, dataset.part("train"))))
        for climbs in cfg.climbs:
            if not isinstance(climbs, int) or not 1 <= climbs <= most:
                raise InputError(f"climbs has {climbs}: there are 1 to {most} training climbs")
        ways = ways_of(cfg, console)
        for way in ways.values():
            check_trainable(settings_of_way(cfg, way, 1), dataset.space)
        test = one_of_each(dataset.space, dataset.part("test"), 0).at_most(cfg.evaluation.test_climbs, 0)
        return cls(cfg, dataset, where, test, ways, extra, other)

    def cell(self, name: str, climbs: int, seed: int, folder: Path, out: Console) -> Cell:
        """The cell, read where it is done."""
        kept = folder / "cells" / f"{_file(name)}-{climbs}-seed{seed}.json"
        if kept.is_file():
            return Cell(**json.loads(kept.read_text()))
        way, part = self.ways[name], self.part(climbs, self.ways[name].extra)

        def plain(networks: int) -> list[tuple[Generator, int]]:
            seeds = [seed + 100 * k for k in range(networks)]
            return [self.trained(PLAIN, part, climbs, one, folder, out) for one in seeds]

        if way.draws:
            teachers = [network for network, _ in plain(_TEACHERS)]
            rows = part.part("train")
            part = with_training(part, draws_of(teachers, rows, max(way.draws, len(rows)), seed))
        own = [] if way.networks > 1 else [self.trained(name, part, climbs, seed, folder, out)]
        networks = own or plain(way.networks)
        options = self.cfg.evaluation
        nats = [
            likelihood(network, self.test, orders=options.orders, seed=options.seed).nats
            for network, _ in networks
        ]
        bits = (np.log(len(nats)) - np.logaddexp.reduce(nats)) / np.log(2) / self.test.sizes
        cell = Cell(name, climbs, seed, len(part.part("train")), networks[0][1], bits.tolist())
        kept.parent.mkdir(exist_ok=True)
        write_json(kept, asdict(cell))
        return cell

    def per_hold(self, bits: Any) -> Estimate:
        """From (C,) bits of each test climb, per hold of its own: all bits over all holds."""
        return ratio(np.asarray(bits) * self.test.sizes, self.test.sizes)

    def part(self, climbs: int, extra: bool) -> Dataset:
        """The dataset with so many of its training climbs, and with `extra` the new ones of the larger import."""
        prints = fingerprints(self.dataset.space, self.dataset.sets)
        train = self.dataset.split == SPLITS.index("train")
        chosen = np.random.default_rng(0).permutation(np.unique(prints[train]))[:climbs]
        part = replace(self.dataset, split=np.where(train & ~np.isin(prints, chosen), -1, self.dataset.split))
        if not extra or self.extra is None:
            return part
        more = self.extra.part("train")
        new = ~np.isin(fingerprints(self.dataset.space, more), prints)
        return with_training(part, Sets.concatenate([part.part("train"), more[new]]))

    def trained(
        self, name: str, part: Dataset, climbs: int, seed: int, folder: Path, out: Console
    ) -> tuple[Generator, int]:
        """Of the steps to try, the network that is best on validation climbs; and the steps it was trained."""
        way, found = self.ways[name], []
        for steps in steps_to_try(self.cfg, max(climbs, way.draws)):
            settings = settings_of_way(self.cfg, way, steps)
            if way.init:
                settings.init = str(self.begin(way, seed, folder, out))
            where = folder / "runs" / f"{_file(name)}-{climbs}-{steps}-seed{seed}"
            found.append((*_run(settings, part, seed, where, out), where))
        _, steps, where = min(found)
        return finished(where)[0], steps

    def begin(self, way: Way, seed: int, folder: Path, out: Console) -> Path:
        """The run of the plain network on all training climbs of the other board."""
        assert self.other is not None
        where = folder / "runs" / f"other-{way.init}-seed{seed}"
        _run(settings_of_way(self.cfg, self.ways[PLAIN], way.init), self.other, seed, where, out)
        return where


def _run(settings: DictConfig, part: Dataset, seed: int, where: Path, out: Console) -> tuple[float, int]:
    """Train, where that is not done; bits per hold of the best validation, and steps."""
    where.mkdir(parents=True, exist_ok=True)
    facts = train(settings, part, seed, where, out)
    (where / "checkpoint.pt").unlink(missing_ok=True)
    assert facts.best_valid_bits_per_hold is not None
    return facts.best_valid_bits_per_hold, facts.steps


def _file(name: str) -> str:
    return name.replace(" ", "_")


def ways_of(cfg: DictConfig, console: Console) -> dict[str, Way]:
    """The ways to try, plain first; those that need a dataset that is not given are left out, and told.

    Raises InputError for what is no way.
    """
    plain: Any = OmegaConf.to_container(cfg.ways, resolve=True)
    unknown = [name for name in map(str, cfg.only) if name not in plain]
    if unknown or PLAIN not in plain:
        raise InputError(f"there is no way {(unknown or [PLAIN])[0]!r}: there are {', '.join(plain)}")
    ways, without = {}, []
    for name in [PLAIN, *(name for name in plain if name != PLAIN)]:
        if cfg.only and name not in (PLAIN, *cfg.only):
            continue
        try:
            way = Way(**(plain[name] or {}))
        except TypeError:
            known = ", ".join(Way.__dataclass_fields__)
            raise InputError(f"way {name!r} is {plain[name]}: it may have {known}") from None
        if (way.extra and cfg.extra is None) or (way.init and cfg.other is None):
            without.append(name)
            continue
        ways[name] = way
    if without:
        console.print(f"Left out, for want of extra= or other=: {', '.join(without)}", soft_wrap=True)
    return ways


def settings_of_way(cfg: DictConfig, way: Way, steps: int) -> DictConfig:
    """What a network of that way is trained with. Raises InputError for an option that training has not."""
    plain: Any = OmegaConf.to_container(cfg, resolve=True)
    if unknown := way.training.keys() - plain["training"].keys():
        raise InputError(f"training has no option {min(unknown)!r}")
    plain["training"] |= way.training
    plain["model"]["config"] |= way.config
    plain["budget"]["steps"] = steps
    return OmegaConf.create({**plain, "init": None})


def steps_to_try(cfg: DictConfig, climbs: int) -> list[int]:
    """Those of the smallest number of climbs that is not less, or of the largest there is."""
    enough = [n for n in sorted(cfg.steps) if n >= climbs] or [max(cfg.steps)]
    return [int(steps) for steps in cfg.steps[enough[0]]]


def with_training(dataset: Dataset, sets: Sets) -> Dataset:
    """The dataset with other training sets."""
    parts = [sets, dataset.part("valid"), dataset.part("test")]
    sizes = [len(part) for part in parts]
    split = np.repeat(np.arange(3), sizes).astype(np.int8)
    return replace(
        dataset,
        sets=Sets.concatenate(parts),
        split=split,
        ids=np.full(sum(sizes), "", dtype=object),
        columns={},
    )


def draws_of(teachers: list[Generator], like: Sets, draws: int, seed: int) -> Sets:
    """So many draws of the teachers together, each its share, asked for what random rows of `like` are."""
    rows = np.random.default_rng([seed, draws]).integers(len(like), size=draws)
    prompts = like.emptied()[rows]
    n = len(teachers)
    return Sets.concatenate(
        [teacher.sample(prompts[k::n], seed=seed + 100 * k) for k, teacher in enumerate(teachers)]
    )


def finished_cells(folder: Path) -> list[Cell]:
    """Every cell in the folder, whatever call made it."""
    return [Cell(**json.loads(path.read_text())) for path in sorted((folder / "cells").glob("*.json"))]


def page_of(cells: list[Cell], study: Study, command: str) -> str:
    """The results in Markdown: bits of plain, what each way differs from it, and what each was trained with."""
    cfg, numbers = study.cfg, sorted({cell.climbs for cell in cells})
    by: dict[tuple[str, int], dict[int, Cell]] = defaultdict(dict)
    for cell in cells:
        by[cell.way, cell.climbs][cell.seed] = cell
    ways = [name for name in cfg.ways if any(cell.way == name for cell in cells)]
    first = "| training climbs | " + " | ".join(f"{n:,}" for n in numbers) + " |"
    head = [first, "| --- |" + " --: |" * len(numbers)]
    network = f"network of width {cfg.network.width}, depth {cfg.network.depth}"
    lines = [
        f"# Few climbs: {study.dataset.card['title']}",
        "",
        f"Bits per hold of {cfg.model.label}, {network}, on {len(study.test):,} test climbs (one of each hold set). "
        "Below plain: the difference from plain of the same seed, paired, less is better; ± one standard "
        "error over test climbs; in brackets the number of seeds, of which the mean is taken.",
        "",
        "```bash",
        command,
        "```",
        "",
        *head,
    ]
    for name in ways:
        row = (_compared(study, by[name, n], by[PLAIN, n], name == PLAIN) for n in numbers)
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    lines += [
        "",
        "Training rows (a climb at two angles is two), and steps that validation chose, by seed:",
        "",
        *head,
    ]
    for name in ways:
        row = (_trained_with(list(by[name, n].values())) for n in numbers)
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join([*lines, ""])


def _compared(study: Study, own: dict[int, Cell], plain: dict[int, Cell], alone: bool) -> str:
    """Bits per hold, `alone`, or their difference from plain over the seeds that both have."""
    seeds = sorted(own.keys() & plain.keys())
    if not seeds:
        return ""
    bits = np.mean([own[seed].bits for seed in seeds], axis=0)
    if alone:
        return f"{study.per_hold(bits).value:.3f} ({len(seeds)})"
    found = study.per_hold(bits - np.mean([plain[seed].bits for seed in seeds], axis=0))
    error = math.nan if found.standard_error is None else found.standard_error
    return f"{found.value:+.3f} ± {error:.3f} ({len(seeds)})".replace("-", "−")


def _trained_with(cells: list[Cell]) -> str:
    return f"{cells[0].rows:,}; {', '.join(f'{cell.steps:,}' for cell in cells)}" if cells else ""


if __name__ == "__main__":
    main()

"""What a million climbs cost, time and memory: import, an epoch, generation to Parquet, and evaluation.

    python -m experiments.benchmarks.million [--climbs 10000 100000 1000000] [--database FILE] [--ray local]

Each number is of a process of its own; with --ray, processor and memory are those of the one that asks. import: a
database of so many climbs, replicated as in `experiments.benchmarks.import_speed`, to a dataset folder. epoch: 200
steps of `sweep_set`, small, on what was imported, times the steps of an epoch, marked ≈. generation: with the built-
in model, as `setgen generate` fills shards; of more than --most climbs, so many are made, the seconds extrapolated.
evaluation: `setgen evaluate` of shards of as many synthetic climbs, where they are not more than --most, beside a
dataset of 20,000.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from experiments.benchmarks.command_line import Parser, benchmark, whole
from experiments.benchmarks.evaluation_cost import peak
from experiments.benchmarks.import_speed import large_database
from experiments.model_config import load_model
from experiments.training import untrained
from setgen.builtin_model import BUILTIN
from setgen.climbing.build import import_dataset, synthetic_dataset
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.making import Maker, make
from setgen.generators.registry import load_generator
from setgen.metrics.evaluate import evaluate_shards
from setgen.sets.shards import Shards
from setgen.training import Options, Training

_STEPS, _BATCH, _SHARD = 200, 64, 10_000


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--climbs", type=whole, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--most", type=whole, default=100_000)
    parser.add_argument("--database", type=Path)
    parser.add_argument("--ray")
    parser.add_argument("--only", nargs="+", choices=sorted(_STAGES), default=list(_STAGES))
    parser.add_argument("--stage", help="of a process of its own: stage, climbs, folder", nargs=3)
    args = parser.parse_args()
    if args.stage:
        stage, n, folder = args.stage
        print(json.dumps(_STAGES[stage](int(n), Path(folder), args.most, args.ray)))
        return
    print("seconds by the clock, of the processor; MiB at the peak, before the work")
    print(f"{'':12}" + "".join(f"{n:>30,}" for n in args.climbs))
    with tempfile.TemporaryDirectory(prefix="setgen-million-") as aside:
        folders = {n: Path(aside) / str(n) for n in args.climbs}
        for n, folder in folders.items():
            folder.mkdir()
            if {"import", "epoch"} & set(args.only):
                large_database(folder / "large.sqlite3", n, args.database)
        for stage in args.only:
            cells = [_in_its_own_process(stage, n, folder, args) for n, folder in folders.items()]
            print(f"{stage:12}" + "".join(f"{cell:>30}" for cell in cells), flush=True)


def _in_its_own_process(stage: str, n: int, folder: Path, args: Any) -> str:
    """Peak memory is a process's, so each number gets one."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else "", "--stage", stage, str(n), str(folder)]
    more = ["--most", str(args.most), *(["--ray", args.ray] if args.ray else [])]
    said = subprocess.run([*command, *more], stdout=subprocess.PIPE, env=os.environ, check=True).stdout
    found = json.loads(said.decode().splitlines()[-1])
    if found is None:
        return "–"
    return _cell(found)


def _cell(found: dict[str, Any]) -> str:
    about = "≈ " if found["extrapolated"] else ""
    return f"{about}{found['seconds']:,.1f} {found['processor']:,.1f} {found['peak']:,.0f} {found['before']:,.0f}"


def _told(work: Callable[[], float | None], times: float = 1.0) -> dict[str, Any]:
    """Seconds by the clock (or as the work says), of the processor, and MiB at the peak and before; × times."""
    before, began, processor = peak(), time.perf_counter(), time.process_time()
    seconds = work() or time.perf_counter() - began
    processor = time.process_time() - processor
    found = {"seconds": seconds * times, "processor": processor * times, "peak": peak(), "before": before}
    return found | {"extrapolated": times != 1.0}


def _import(n: int, folder: Path, most: int, ray: str | None) -> dict[str, Any]:
    return _told(lambda: import_dataset(folder / "large.sqlite3").save(folder / "data"))


def _epoch(n: int, folder: Path, most: int, ray: str | None) -> dict[str, Any]:
    if not (folder / "data").is_dir():
        import_dataset(folder / "large.sqlite3").save(folder / "data")
    dataset = Dataset.load(folder / "data")
    sets, model = dataset.part("train"), load_model("sweep_set")
    model.config.update({"width": 64, "depth": 2, "heads": 4, "dropout": 0.0})
    generator = untrained(model, dataset.space)
    generator.fit_counts(sets)
    steps = min(_STEPS, -(-len(sets) // _BATCH))
    options = Options(steps=steps, batch_size=_BATCH, validations=1)
    work = Training(generator, sets, dataset.part("valid")[:256], options)
    return _told(lambda: work.run().seconds, len(sets) / (steps * _BATCH))


def _generation(n: int, folder: Path, most: int, ray: str | None) -> dict[str, Any]:
    made, generator = min(n, most), load_generator(BUILTIN)
    shards = Shards.begin(folder / "made", generator.space, made, min(_SHARD, made), {})
    maker = Maker(shards, _builtin, Climbs.prompts(1), None, 0, {})
    return _told(lambda: _all(make(maker, ray)), n / made)


def _builtin() -> Any:
    return load_generator(BUILTIN)


def _evaluation(n: int, folder: Path, most: int, ray: str | None) -> dict[str, Any] | None:
    if n > most:
        return None
    synthetic_dataset(20_000).save(folder / "reference")
    shards = Shards.begin(folder / "judged", synthetic_board(), n, min(_SHARD, n), {})
    for shard in range(len(shards)):
        shards.write(shard, synthetic_climbs(len(shards.rows(shard)), 2 + shard))
    return _told(lambda: _all([evaluate_shards(shards, folder / "reference", ray=ray)]))


def _all(done: Iterable[object]) -> None:
    for _ in done:
        pass


_STAGES = {"import": _import, "epoch": _epoch, "generation": _generation, "evaluation": _evaluation}


if __name__ == "__main__":
    main()

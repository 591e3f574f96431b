"""What the metric table costs: seconds of each metric, and memory, on 1,000, 10,000 and 100,000 climbs.

python -m experiments.benchmarks.evaluation_cost
python -m experiments.benchmarks.evaluation_cost --climbs 10000 --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.command_line import Parser, benchmark, whole
from setgen.climbing.dataset import Dataset
from setgen.climbing.metrics.grader import grader_of
from setgen.climbing.metrics.sensible import sensible_rules
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.metrics.context import Context
from setgen.metrics.evaluate import evaluate
from setgen.metrics.metric import Metric
from setgen.sets.splits import SPLITS

_TRAIN = 20_000


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--climbs", type=whole, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--threads", type=whole, default=2)
    parser.add_argument("--of-one", type=Path, help=argparse.SUPPRESS)  # a size in a process of its own
    args = parser.parse_args()
    if args.of_one:
        args.of_one.write_text(json.dumps(measure(args.climbs[0])))
        return
    found = {n: _in_its_own_process(n, args.threads) for n in args.climbs}
    report(found)


def _in_its_own_process(n: int, threads: int) -> dict[str, Any]:
    """Peak memory is a process's; so each size gets one."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "cost.json"
        command = [sys.executable, "-m", __spec__.name if __spec__ else "", "--climbs", str(n)]
        environment = {**os.environ, **{f"{x}_NUM_THREADS": str(threads) for x in ("OMP", "OPENBLAS", "MKL")}}
        subprocess.run([*command, "--of-one", str(out)], env=environment, check=True)
        return json.loads(out.read_text())


def measure(n: int) -> dict[str, Any]:
    """Seconds of every metric (floor included) on n generated against n test climbs, and MiB at the peak."""
    board = synthetic_board()
    climbs = synthetic_climbs(_TRAIN + 1000 + n, 1)
    split = np.repeat([0, 1, 2], [_TRAIN, 1000, n]).astype(np.int8)
    assert SPLITS == ("train", "valid", "test")
    ids = np.array([str(i) for i in range(len(climbs))], dtype=object)
    dataset = Dataset(board, climbs, split, ids, {"title": "synthetic board"})
    generated = synthetic_climbs(n, 2)
    before = peak()
    began = time.perf_counter()
    reference = Context.of_dataset(dataset)
    grader_of(reference)
    sensible_rules(reference)
    prepared = time.perf_counter() - began
    seconds: dict[str, float] = {}

    def timed(metrics: Sequence[Metric]) -> Iterator[Metric]:
        for metric in metrics:
            start = time.perf_counter()
            yield metric
            seconds[metric.name] = time.perf_counter() - start

    began = time.perf_counter()
    found = evaluate(generated, reference, progress=timed)
    return {
        "seconds": time.perf_counter() - began,
        "prepared": prepared,
        "metrics": seconds,
        "before": before,
        "peak": peak(),
        "notes": sorted({v.note for v in found.values.values() if v.note}),
    }


def peak() -> float:
    """MiB of memory that this process has held at most."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def report(found: dict[int, dict[str, Any]]) -> None:
    sizes = list(found)
    names: Iterable[str] = found[sizes[0]]["metrics"]
    print(f"{'seconds, floor included':36}" + "".join(f"{n:>12,}" for n in sizes))
    for name in names:
        print(f"{name:36}" + "".join(f"{found[n]['metrics'][name]:12.2f}" for n in sizes))
    print(f"{'all metrics':36}" + "".join(f"{found[n]['seconds']:12.1f}" for n in sizes))
    print(
        f"{'grader and rules, once a dataset':36}" + "".join(f"{found[n]['prepared']:12.1f}" for n in sizes)
    )
    print(f"{'peak memory, MiB':36}" + "".join(f"{found[n]['peak']:12,.0f}" for n in sizes))
    print(f"{'of it before the evaluation, MiB':36}" + "".join(f"{found[n]['before']:12,.0f}" for n in sizes))
    for n in sizes:
        for note in found[n]["notes"]:
            print(f"{n:,}: {note}")


if __name__ == "__main__":
    main()

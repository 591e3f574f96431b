"""What each runtime does on two cores: whole climbs a second, and climbs graded.

python -m experiments.benchmarks.runtimes
python -m experiments.benchmarks.runtimes --models masked_set --networks small --batches 1 64

Climbs have the sizes of climbs of the synthetic board, the same for every model, and one hold comes of each
network call.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from experiments.benchmarks.command_line import Parser, benchmark, whole
from experiments.benchmarks.untrained import NETWORKS, untrained
from setgen.climbing.climbs import Climbs
from setgen.climbing.grading.grader import Grader, GraderConfig
from setgen.climbing.grading.grading import Grading
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.export.generator import generator as exportable_generator
from setgen.export.grader import grader as exportable_grader
from setgen.export.write import PRECISIONS, export
from setgen.generators.base import Generator
from setgen.runtime.generator import ExportedGenerator
from setgen.runtime.grader import ExportedGrader
from setgen.runtime.registry import load_exported, load_exported_grader

_MODELS = ["masked_set", "sweep_set", "gpt", "grader"]
_SECONDS, _ROUNDS = 0.2, 3


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--models", nargs="+", choices=[*_MODELS, "hold_frequency"], default=_MODELS)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["small", "base"])
    parser.add_argument("--batches", nargs="+", type=whole, default=[1, 8, 64, 256])
    parser.add_argument("--threads", type=whole, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for network in args.networks:
        for name in args.models:
            if name == "grader" and network != args.networks[0]:
                continue  # its size is its own
            with tempfile.TemporaryDirectory() as folder:
                measure(name, network, Path(folder), args.batches, args.threads)


def measure(name: str, network: str, home: Path, batches: list[int], threads: int) -> None:
    """Print the table of one model; each row's batches one after another, each the best of a few rounds."""
    board, work = synthetic_board(), dict[str, Any]()
    if name == "grader":
        torch.manual_seed(0)
        judge = Grader(board, GraderConfig((10, 30), 43.0, (40.0, 15.0), (0, 70))).eval()
        what, label = exportable_grader(judge), "grader: climbs a second, batch of"
        work["torch eager"] = partial(grade, judge)
    else:
        model = untrained(name, network, board, synthetic_climbs(2000, 0))
        what, label = exportable_generator(model), f"{name}, network={network}: climbs a second, batch of"
        work["torch eager"] = partial(draw, model)
    for precision in PRECISIONS:
        folder = home / precision
        export(what, folder, precision)
        work[f"onnx {precision}"] = (
            partial(grade, load_exported_grader(folder, threads=threads))
            if name == "grader"
            else partial(draw, load_exported(folder, threads=threads))
        )
    print(f"\n{label:58}" + "".join(f"{b:>9,}" for b in batches))
    for runtime, make in work.items():
        rates = [batch / fastest(partial(make, batch)) for batch in batches]
        print(f"{runtime:58}" + "".join(f"{rate:9,.1f}" for rate in rates), flush=True)


def draw(sampler: Generator | ExportedGenerator, batch: int) -> Climbs:
    prompts, sizes = Climbs.prompts(batch, angle=40), synthetic_climbs(batch, 1).sizes
    return sampler.sample(prompts, sizes=sizes, seed=0, batch_size=batch)


def grade(judge: Grader | ExportedGrader, batch: int) -> Grading:
    return judge.grade(synthetic_climbs(batch, 1))


def fastest(call: Callable[[], object]) -> float:
    """Seconds of one call: the best of a few rounds, so that what else the machine does counts least."""
    call()
    best = float("inf")
    for _ in range(_ROUNDS):
        calls, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < _SECONDS:
            call()
            calls += 1
        best = min(best, spent / calls)
    return best


if __name__ == "__main__":
    main()

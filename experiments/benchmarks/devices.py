"""Training and sampling on the GPU beside the CPU: sets a second, and the share of the device's own matrix peak.

python -m experiments.benchmarks.devices
python -m experiments.benchmarks.devices --data data/kilter --models sweep_set joint_gpt --batches 64 1024

A step is that of `setgen.training`: batch, loss, gradient, clipping, update. Its share of the peak is the
arithmetic of its matrix products (as torch's FlopCounterMode counts them) a second, over what a large square product
of the same precision reaches here. Shown are medians over repeats; on a GPU, time ends when the device is done.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmarks.command_line import Parser, benchmark, whole
from experiments.benchmarks.untrained import MODELS, NETWORKS, untrained
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.base import Generator
from setgen.training import Options, Training

PRECISIONS: dict[str, list[Any]] = {"cpu": ["32-true"], "cuda": ["32-true", "bf16-mixed"]}
_LEARNED = ["gpt_faithful", "gpt", "joint_gpt", "masked_set", "sweep_set"]


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--data", type=Path, help="dataset folder; left out: the synthetic board")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=_LEARNED)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["base"])
    parser.add_argument("--batches", nargs="+", type=whole, default=[64, 256, 1024])
    parser.add_argument("--steps", type=whole, default=20, help="training steps of one measurement")
    parser.add_argument("--repeats", type=whole, default=3)
    parser.add_argument("--devices", nargs="+", choices=list(PRECISIONS), default=available())
    args = parser.parse_args()
    board, climbs = synthetic_board(), synthetic_climbs(4000, 0)
    if args.data:
        dataset = Dataset.load(args.data)
        board, climbs = dataset.board, dataset.part("train")
    print(f"{board.name}, {len(board)} placements, {climbs.sizes.mean():.1f} holds a climb")
    for device in args.devices:
        print(f"\n{device}: {name_of(device)}")
        peaks = {precision: matrix_peak(device, precision) for precision in PRECISIONS[device]}
        print("matrix peak: " + ", ".join(f"{p / 1e12:.2f} TFLOP/s in {name}" for name, p in peaks.items()))
        for network in args.networks:
            for model in args.models:
                generator = untrained(model, network, board, climbs)
                for batch in args.batches:
                    for precision, peak in peaks.items():
                        fabric = Fabric(accelerator=device, devices=1, precision=precision)
                        seconds, arithmetic = step_cost(
                            generator, climbs, batch, fabric, args.steps, args.repeats
                        )
                        print(
                            f"train  {network} {model:13} batch {batch:5} {precision:10} {batch / seconds:9,.0f} "
                            f"sets/s {1e3 * seconds:8.1f} ms a step {arithmetic / seconds / peak:7.2%} of peak",
                            flush=True,
                        )
                for batch in args.batches:
                    rate = sampling_rate(generator.to(device), climbs, batch, args.repeats)
                    print(
                        f"sample {network} {model:13} batch {batch:5} {'':10} {rate:9,.0f} sets/s", flush=True
                    )


def available() -> list[str]:
    """The devices of this machine that torch can use."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def name_of(device: str) -> str:
    """What the device is called, or how many threads it has."""
    return torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"


def seconds(device: str, work: Callable[[], object], repeats: int) -> float:
    """Median seconds of `work`, once it is warm, until the device has done it."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def matrix_peak(device: str, precision: str) -> float:
    """Floating-point operations a second of a large square matrix product, of random numbers."""
    n = 8192 if device == "cuda" else 2048
    dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    return 10 * 2 * n**3 / seconds(device, lambda: [a @ b for _ in range(10)], 3)


def step_cost(
    generator: Generator, climbs: Climbs, batch: int, fabric: Fabric, steps: int, repeats: int
) -> tuple[float, float]:
    """Seconds and floating-point operations of one training step."""
    work = Training(generator, climbs, climbs[:1], Options(steps=2**40, batch_size=batch), fabric=fabric)
    generator.train()
    with FlopCounterMode(display=False) as counter:
        work.step()

    def several() -> None:
        for _ in range(steps):
            work.step()

    taken = seconds(fabric.device.type, several, repeats)
    return taken / steps, float(counter.get_total_flops())


def sampling_rate(generator: Generator, climbs: Climbs, batch: int, repeats: int) -> float:
    """Climbs a second, completed from nothing, of the sizes and conditions of real ones."""
    rows = np.random.default_rng(0).integers(len(climbs), size=batch)
    prompts, sizes = climbs[rows].without_holds(), climbs.sizes[rows]
    generator.eval()
    return batch / seconds(
        generator.device.type, lambda: generator.sample(prompts, sizes=sizes, batch_size=batch), repeats
    )


if __name__ == "__main__":
    main()

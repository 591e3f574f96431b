"""Climbs a second of every model, side by side, and how many times the GPT with its key-value cache that is.

python -m experiments.benchmarks.sampling
python -m experiments.benchmarks.sampling --data data/board --models sweep_set gpt --networks base

All models draw climbs of the same sizes and conditions, those of real climbs, in turn: one repeat goes
through all models, so that whatever else the machine does meets them alike. Shown are medians over repeats,
and the median of each repeat's ratio to the GPT of the same network size. With one thread, processor time is
near to what a quiet machine would take.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from experiments.benchmarks.command_line import Parser, benchmark, whole
from experiments.benchmarks.untrained import MODELS, NETWORKS, untrained
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.training import CLOCKS

_BASELINE = "gpt"
_LEAST = 64  # climbs of one measurement: small batches are made several times


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--data", type=Path, help="dataset folder; left out: the synthetic board")
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=[m for m in MODELS if "faithful" not in m]
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["small", "base"])
    parser.add_argument("--batches", nargs="+", type=whole, default=[8, 64, 256])
    parser.add_argument("--repeats", type=whole, default=7)
    parser.add_argument("--threads", type=whole, default=1)
    parser.add_argument("--clock", choices=list(CLOCKS), default="processor")
    args = parser.parse_args()
    dataset = None if args.data is None else Dataset.load(args.data)
    if args.clock == "processor" and args.threads > 1:
        raise InputError("processor time adds up over threads: give --clock wall, or --threads 1")
    torch.set_num_threads(args.threads)
    board, climbs = (
        (synthetic_board(), synthetic_climbs(2000, 0))
        if dataset is None
        else (dataset.board, dataset.part("train"))
    )
    print(
        f"{board.name}, {len(board)} placements, {climbs.sizes.mean():.1f} holds a climb, {args.clock} time"
    )
    names = [*dict.fromkeys([*args.models, _BASELINE])]
    for network in args.networks:
        models = {name: untrained(name, network, board, climbs) for name in names}
        report(network, models, climbs, args.batches, args.repeats, args.clock)


def report(
    network: str, models: dict[str, Generator], climbs: Climbs, batches: list[int], repeats: int, clock: str
) -> None:
    """Print a row for each model: climbs a second at each batch size, and the ratio to the GPT."""
    rates = {batch: measure(models, climbs, batch, repeats, clock) for batch in batches}
    title = f"network={network}: climbs/s, batch of"
    print(f"\n{title:40}" + "".join(f"{b:>17}" for b in batches))
    for name, model in models.items():
        label = f"{name}, {model.n_parameters / 1e6:.2f} M parameters"
        cells = []
        for batch in batches:
            own, gpt = (np.array(rates[batch][m]) for m in (name, _BASELINE))
            cells.append(f"{np.median(own):9,.0f} ({np.median(own / gpt):4.1f}×)")
        print(f"{label:40}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


def measure(
    models: dict[str, Generator], climbs: Climbs, batch: int, repeats: int, clock: str
) -> dict[str, list[float]]:
    """Climbs a second of every model in every repeat."""
    now, n = CLOCKS[clock], -(-_LEAST // batch) * batch
    rates: dict[str, list[float]] = {name: [] for name in models}
    for repeat in range(-1, repeats):
        rows = np.random.default_rng(max(repeat, 0)).integers(len(climbs), size=n)
        prompts, sizes = climbs[rows].without_holds(), climbs.sizes[rows]
        for name, model in models.items():
            start = now()
            model.sample(prompts, sizes=sizes, seed=max(repeat, 0), batch_size=batch)
            if repeat >= 0:  # the one before only warms up
                rates[name].append(n / (now() - start))
    return rates


if __name__ == "__main__":
    main()

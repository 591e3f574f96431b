"""What an export costs in accuracy: bits on unseen climbs, by torch and by every precision.

python -m experiments.benchmarks.precision --model runs/mine --data data/synthetic-20000

Of a model that makes climbs: bits per hold (`setgen.likelihood`), the exported steps being given
the holds of each climb in place of draws. Of a grader: bits per climb, −log₂ of the probability of its grade. The
difference is taken climb by climb.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.special import gammaln, logsumexp

from experiments.benchmarks.command_line import Parser, benchmark, whole
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.grading.grader import load_grader
from setgen.climbing.grading.grading import Grading
from setgen.errors import InputError
from setgen.export.generator import generator as exportable_generator
from setgen.export.registry import exportable
from setgen.export.write import PRECISIONS, export
from setgen.generators.base import Generator
from setgen.generators.orders import random_orders
from setgen.generators.registry import load_generator
from setgen.metrics.estimate import ratio
from setgen.metrics.likelihood import likelihood
from setgen.runtime.generator import ExportedGenerator
from setgen.runtime.registry import load_exported, load_exported_grader
from setgen.sets.limits import Bounds
from setgen.sets.noise import noise_of
from setgen.sets.padding import Padded, pad

_ROWS = 256  # climbs at once


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained model or a grader")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder; its test climbs are used")
    parser.add_argument("--climbs", type=whole, default=500)
    parser.add_argument("--orders", type=whole, default=4)
    args = parser.parse_args()
    report(args.model, args.data, args.climbs, args.orders)


def report(model: Path, data: Path, n: int, orders: int) -> None:
    """Print a row for torch and one for each precision."""
    is_grader, dataset = (model / "grader.json").is_file(), Dataset.load(data)
    judge = load_grader(model) if is_grader else None
    generator = None if is_grader else load_generator(model)
    what = exportable(model) if generator is None else exportable_generator(generator, forced=True)
    if not np.array_equal(dataset.board.ids, what.space.keys):
        raise InputError(f"{model} and {data} are of different boards")
    climbs = dataset.part("test")
    if is_grader:
        climbs = climbs[np.isin(climbs.grade, what.settings["grades"])]
    climbs = climbs[:n]
    if len(climbs) == 0:
        raise InputError(f"{data} has no test climbs to judge by")

    def bits_of(folder: Path | None) -> np.ndarray:
        if judge is not None:
            return of_grading(
                (judge if folder is None else load_exported_grader(folder)).grade(climbs), climbs
            )
        assert generator is not None
        if folder is None:
            return likelihood(generator, climbs, orders=orders).bits
        return exported_bits(generator, load_exported(folder), climbs, orders)

    torch_bits = bits_of(None)
    unit = "bits per climb" if is_grader else "bits per hold"
    print(f"{len(climbs)} test climbs, {orders} orders" if not is_grader else f"{len(climbs)} test climbs")
    print(f"{'':22}{'KiB':>8}{unit:>16}{'more than torch':>24}")
    weights = np.ones(len(climbs)) if is_grader else climbs.sizes  # all bits over all holds
    print(f"{'torch float32':22}{'':8}{np.average(torch_bits, weights=weights):16.4f}")
    with tempfile.TemporaryDirectory() as home:
        for precision in PRECISIONS:
            folder = Path(home) / precision
            export(what, folder, precision)
            bits = bits_of(folder)
            more = ratio((bits - torch_bits) * weights, weights)
            size = sum(path.stat().st_size for path in folder.iterdir()) / 1024
            shown = f"{more.value:+.6f} ± {more.standard_error or 0:.6f}"
            own = np.average(bits, weights=weights)
            print(f"{'onnx ' + precision:22}{size:8,.0f}{own:16.4f}{shown:>24}", flush=True)


def exported_bits(
    generator: Generator, exported: ExportedGenerator, climbs: Climbs, orders: int
) -> np.ndarray:
    """(C,) bits per hold as `likelihood(generator, …)` has them, by an export made with `forced`."""
    if generator.ranks is None:
        drawn = random_orders(climbs.sizes, orders, 0).numpy()
        nats = logsumexp(np.stack([_nats(exported, climbs, order, 0) for order in drawn]), axis=0)
        nats += gammaln(climbs.sizes + 1) - np.log(orders)
    else:
        rank, present = generator.ranks.numpy(), pad(generator.space, climbs).present
        item = pad(generator.space, climbs).item
        by_order = [
            _nats(exported, climbs, np.where(present, ranks[item], len(ranks)).argsort(1, kind="stable"), d)
            for d, ranks in enumerate(rank)
        ]
        nats = logsumexp(np.stack(by_order), axis=0) - np.log(len(rank))
    return -nats / climbs.sizes / np.log(2)


def _nats(exported: ExportedGenerator, climbs: Climbs, columns: np.ndarray, direction: int) -> np.ndarray:
    """(C,) log p(n) and log p of the holds in the order of `columns` (C, L), and of the end where it is drawn."""
    space, found = exported.space, []
    limits = Bounds.of(space).arrays() | {"temperature": np.array(1.0)}
    for begin in range(0, len(climbs), _ROWS):
        some = climbs[begin : begin + _ROWS]
        order = columns[begin : begin + _ROWS]
        whole = pad(space, some, columns.shape[1])
        element = np.full((len(some), space.widest + 2), space.n_elements)
        ranked = np.take_along_axis(np.where(whole.present, whole.element, space.n_elements), order, 1)
        element[:, : ranked.shape[1]] = ranked
        nothing: Padded = pad(space, some.without_holds())
        # A model that draws an end is told no size, which would rule the end out before.
        size = some.sizes if exported.draws_size else np.zeros_like(some.sizes)
        direct = np.full(len(some), direction)
        noise = noise_of(space, 0, np.arange(len(some)))
        _, log_p = exported.grow(nothing, size, direct, limits, noise, element)
        if exported.draws_size:
            asked = {"wanted": size, "uniform": noise[:, 0].copy()}
            log_p = log_p + exported.sizes(exported.arrays(nothing), limits, asked)["log_p"]
        found.append(log_p)
    return np.concatenate(found)


def of_grading(grading: Grading, climbs: Climbs) -> np.ndarray:
    """(C,) −log₂ of the probability of each climb's own grade."""
    column = climbs.grade.astype(np.int64) - grading.grades[0]
    return -np.log2(grading.probabilities[np.arange(len(climbs)), column])


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()

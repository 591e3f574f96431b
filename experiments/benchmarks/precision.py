"""What an export costs in accuracy: bits on unseen climbs, by torch and by every format and precision.

python -m experiments.benchmarks.precision --model runs/mine --data data/synthetic-20000

Of a model that makes climbs: bits per hold (the bound of `metrics.likelihood`). Of a grader: bits per
climb, −log₂ of the probability of its grade. The difference is taken climb by climb.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from experiments.benchmarks.command_line import Parser, benchmark, whole
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.grading.grader import load_grader
from setgen.climbing.grading.grading import Grading
from setgen.errors import InputError
from setgen.export.registry import adapted, exportable
from setgen.export.write import PRECISIONS, export
from setgen.generators.registry import load_generator
from setgen.metrics.estimate import mean
from setgen.metrics.likelihood import likelihood
from setgen.runtime.networks import FILES, load_network
from setgen.runtime.registry import load_exported_grader

_EXPORTS = (("torchscript", "float32"), *(("onnx", precision) for precision in PRECISIONS))


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
    """Print a row for torch and one for each export."""
    what = exportable(model)
    dataset = Dataset.load(data)
    if not np.array_equal(dataset.board.ids, what.board.ids):
        raise InputError(f"{model} and {data} are of different boards")
    climbs = dataset.part("test")
    is_grader = what.sampler == "grader"
    if is_grader:
        climbs = climbs[np.isin(climbs.grade, what.settings["grades"])]
    climbs = climbs[:n]
    if len(climbs) == 0:
        raise InputError(f"{data} has no test climbs to judge by")

    def bits_of(folder: Path | None, form: str = "") -> np.ndarray:
        if is_grader:
            judge = load_grader(model) if folder is None else load_exported_grader(folder, form)
            return of_grading(judge.grade(climbs), climbs)
        generator = load_generator(model)
        if folder is not None:
            attach = adapted(generator.name, generator).attach
            assert attach is not None
            attach(load_network(folder / FILES[form], form))
        return likelihood(generator, climbs, orders=orders).bits

    torch_bits = bits_of(None)
    unit = "bits per climb" if is_grader else "bits per hold"
    print(f"{len(climbs)} test climbs, {orders} orders" if not is_grader else f"{len(climbs)} test climbs")
    print(f"{'':22}{'KiB':>8}{unit:>16}{'more than torch':>24}")
    print(f"{'torch float32':22}{'':8}{torch_bits.mean():16.4f}")
    with tempfile.TemporaryDirectory() as home:
        for form, precision in _EXPORTS:
            folder = Path(home) / f"{form}-{precision}"
            export(what, folder, form, precision)
            bits = bits_of(folder, form)
            more = mean(bits - torch_bits)
            size = (folder / FILES[form]).stat().st_size / 1024
            shown = f"{more.value:+.6f} ± {more.standard_error or 0:.6f}"
            print(f"{form + ' ' + precision:22}{size:8,.0f}{bits.mean():16.4f}{shown:>24}", flush=True)


def of_grading(grading: Grading, climbs: Climbs) -> np.ndarray:
    """(C,) −log₂ of the probability of each climb's own grade."""
    column = climbs.grade.astype(np.int64) - grading.grades[0]
    return -np.log2(grading.probabilities[np.arange(len(climbs)), column])


if __name__ == "__main__":
    main()

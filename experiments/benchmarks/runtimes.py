"""What each runtime does on two cores: calls of the network, and whole climbs, a second.

python -m experiments.benchmarks.runtimes
python -m experiments.benchmarks.runtimes --models masked_set --networks small --batches 1 64

A network call has 12 holds behind it; whole climbs have the sizes of climbs of the synthetic board, the same
for every model. There is no compiled sampler: torch compiled is shown for the network alone.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from experiments.benchmarks.command_line import Parser, benchmark, whole
from experiments.benchmarks.untrained import NETWORKS, untrained
from setgen.climbing.climbs import Climbs
from setgen.climbing.grading.grader import Grader, GraderConfig
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.export.exportable import Exportable
from setgen.export.registry import ADAPTERS, adapted
from setgen.export.write import export
from setgen.generators.base import Generator
from setgen.runtime.networks import FILES, load_network
from setgen.runtime.registry import load_sampler
from setgen.runtime.sampler import Run, Sampler

Call = Callable[[dict[str, torch.Tensor]], object]

_MODELS = ["masked_set", "sweep_set", "gpt", "grader"]
_SECONDS, _ROUNDS = 0.2, 3
_HOLDS = 12  # known when the network is called: the middle of a climb's making
_OLD = {"gpt": 2 * _HOLDS + 2, "sorted_gpt": 2 * _HOLDS + 2, "sweep_set": _HOLDS + 1}  # tokens read before
_EXPORTS = (("torchscript", "float32"), ("onnx", "float32"), ("onnx", "fp16"), ("onnx", "int8"))


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--models", nargs="+", choices=list(ADAPTERS), default=_MODELS)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["small", "base"])
    parser.add_argument("--batches", nargs="+", type=whole, default=[1, 8, 64, 256])
    parser.add_argument("--threads", type=whole, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for network in args.networks:
        for name in args.models:
            if name == "grader" and network != args.networks[0]:
                continue  # its size is its own
            model = random_model(name, network)
            with tempfile.TemporaryDirectory() as folder:
                measure(name, network, model, Path(folder), args.batches, args.threads)


def random_model(name: str, network: str) -> Generator | Grader:
    """A model with random weights on the synthetic board."""
    if name == "grader":
        torch.manual_seed(0)
        return Grader(synthetic_board(), GraderConfig((10, 30), 43.0, (40.0, 15.0), (0, 70))).eval()
    return untrained(name, network, synthetic_board(), synthetic_climbs(2000, 0))


def measure(
    name: str, network: str, model: Generator | Grader, home: Path, batches: list[int], threads: int
) -> None:
    """Print both tables of one model; each row's batches one after another, each the best of a few rounds."""
    label = name if name == "grader" else f"{name}, network={network}"
    what, sizes = adapted(name, model), {"holds": _HOLDS, "new": 1, "old": _OLD.get(name, 0)}
    for form, precision in _EXPORTS:
        export(what, home / f"{form}-{precision}", form, precision)
    runtimes: dict[str, Call] = {"torch eager": what.outputs_of}
    try:
        runtimes["torch compiled"] = compiled(what, sizes)
    except Exception as error:  # whatever the compiler, or its absence, raises
        print(f"torch compiled: skipped, {type(error).__name__}: {str(error).strip().splitlines()[0]}")
    for form, precision in _EXPORTS:
        run = load_network(home / f"{form}-{precision}" / FILES[form], form, threads)
        runtimes[f"{form} {precision}"] = partial(of_arrays, run)
    title = f"{label}: rows of a call a second, batch of"
    print(f"\n{title:58}" + "".join(f"{b:>9,}" for b in batches))
    for runtime, call in runtimes.items():
        rates = []
        for batch in batches:
            inputs = what.resized({**sizes, "climbs": batch})
            with torch.inference_mode():
                rates.append(batch / fastest(partial(call, inputs)))
        print(f"{runtime:58}" + "".join(f"{rate:9,.0f}" for rate in rates), flush=True)
    if isinstance(model, Generator):
        title = f"{label}: whole climbs a second, batch of"
        print(f"\n{title:58}" + "".join(f"{b:>9,}" for b in batches))
        samplers: dict[str, Generator | Sampler] = {"torch eager": model}
        for form, precision in _EXPORTS:
            samplers[f"{form} {precision}"] = load_sampler(home / f"{form}-{precision}", form, threads)
        for runtime, sampler in samplers.items():
            rates = [batch / fastest(draw(sampler, batch)) for batch in batches]
            print(f"{runtime:58}" + "".join(f"{rate:9,.1f}" for rate in rates), flush=True)


def draw(sampler: Generator | Sampler, batch: int) -> Callable[[], Climbs]:
    prompts, sizes = Climbs.prompts(batch, angle=40), synthetic_climbs(batch, 1).sizes
    return partial(sampler.sample, prompts, sizes=sizes, seed=0, batch_size=batch)


def of_arrays(run: Run, inputs: dict[str, torch.Tensor]) -> object:
    return run(**{name: tensor.numpy() for name, tensor in inputs.items()})


def compiled(what: Exportable, sizes: dict[str, int]) -> Call:
    """The network compiled for any size, called once so that a missing compiler shows here."""
    network: nn.Module = torch.compile(what.network, dynamic=True)  # type: ignore[assignment]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        for batch in (8, 1):  # one row is compiled by itself
            network(**what.resized({**sizes, "climbs": batch}))
    return lambda inputs: network(**inputs)


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

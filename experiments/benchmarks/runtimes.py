"""What each runtime does on two cores: calls of the network, and whole climbs, a second.

python -m experiments.benchmarks.runtimes
python -m experiments.benchmarks.runtimes --models masked_set --network small --batches 1 64
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from setgen.boards.climbs import Climbs
from setgen.export.exportable import Exportable
from setgen.export.registry import ADAPTERS, adapted
from setgen.export.write import export
from setgen.generators.base import Generator
from setgen.generators.registry import generator_class
from setgen.grading.grader import Grader, GraderConfig
from setgen.runtime.networks import FILES, load_network
from setgen.runtime.registry import load_sampler
from setgen.runtime.sampler import Run, Sampler
from setgen.sources.synthetic import synthetic_board, synthetic_climbs

Call = Callable[[dict[str, torch.Tensor]], object]

_CONF = Path(__file__).resolve().parents[1] / "conf"
_MODELS = ["masked_set", "gpt", "grader"]
_SECONDS, _ROUNDS = 0.2, 3
_SIZES = {"holds": 12, "new": 1, "old": 24}  # the middle of a climb's making
_EXPORTS = (("torchscript", "float32"), ("onnx", "float32"), ("onnx", "fp16"), ("onnx", "int8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=list(ADAPTERS), default=["masked_set", "gpt", "grader"]
    )
    parser.add_argument("--network", default="base", help="small or base")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 64, 256])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for name in args.models:
        torch.manual_seed(0)
        model = untrained(name, args.network)
        with tempfile.TemporaryDirectory() as folder:
            measure(name, model, Path(folder), args.batches, args.threads)


def untrained(name: str, network: str) -> Generator | Grader:
    """A model with random weights on the synthetic board: speed does not depend on what was learned."""
    board = synthetic_board()
    if name == "grader":
        return Grader(board, GraderConfig((10, 30), 43.0, (40.0, 15.0), (0, 70))).eval()
    with initialize_config_dir(str(_CONF), version_base=None):
        settings = compose("train", [f"model={name}", f"network={network}"])
    cls = generator_class(name)
    config = OmegaConf.to_container(settings.model.config, resolve=True)
    assert isinstance(config, dict)
    generator = cls(board, cls.Config(**{str(k): v for k, v in config.items()}))
    generator.fit_counts(synthetic_climbs(2000, 0))
    return generator.eval()


def measure(name: str, model: Generator | Grader, home: Path, batches: list[int], threads: int) -> None:
    """Print both tables of one model; each row's batches one after another, each the best of a few rounds."""
    what = adapted(name, model)
    for form, precision in _EXPORTS:
        export(what, home / f"{form}-{precision}", form, precision)
    runtimes: dict[str, Call] = {"torch eager": what.outputs_of}
    try:
        runtimes["torch compiled"] = compiled(what)
    except Exception as error:  # whatever the compiler, or its absence, raises
        print(f"torch compiled: skipped, {type(error).__name__}: {str(error).strip().splitlines()[0]}")
    for form, precision in _EXPORTS:
        run = load_network(home / f"{form}-{precision}" / FILES[form], form, threads)
        runtimes[f"{form} {precision}"] = partial(of_arrays, run)
    title = f"{name}: rows of a network call a second, batch of"
    print(f"\n{title:52}" + "".join(f"{b:>9,}" for b in batches))
    for label, call in runtimes.items():
        rates = []
        for batch in batches:
            inputs = what.resized({**_SIZES, "climbs": batch})
            with torch.inference_mode():
                rates.append(batch / fastest(partial(call, inputs)))
        print(f"{label:52}" + "".join(f"{rate:9,.0f}" for rate in rates), flush=True)
    if isinstance(model, Generator):
        print(f"\n{f'{name}: whole climbs a second, batch of':52}" + "".join(f"{b:>9,}" for b in batches))
        samplers: dict[str, Generator | Sampler] = {"torch eager": model}
        for form, precision in _EXPORTS:
            samplers[f"{form} {precision}"] = load_sampler(home / f"{form}-{precision}", form, threads)
        for label, sampler in samplers.items():
            rates = [batch / fastest(partial(draw, sampler, batch)) for batch in batches]
            print(f"{label:52}" + "".join(f"{rate:9,.1f}" for rate in rates), flush=True)


def draw(sampler: Generator | Sampler, batch: int) -> Climbs:
    return sampler.sample(Climbs.prompts(batch, angle=40), seed=0, batch_size=batch)


def of_arrays(run: Run, inputs: dict[str, torch.Tensor]) -> object:
    return run(**{name: tensor.numpy() for name, tensor in inputs.items()})


def compiled(what: Exportable) -> Call:
    """The network compiled for any size, called once so that a missing compiler shows here."""
    network: nn.Module = torch.compile(what.network, dynamic=True)  # type: ignore[assignment]
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        for batch in (8, 1):  # one row is compiled by itself
            network(**what.resized({**_SIZES, "climbs": batch}))
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

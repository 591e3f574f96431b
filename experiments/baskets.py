"""Baskets: the benchmark of determinantal point processes, for every model on the same splits.

python -m experiments.baskets apparel.csv diaper.csv --out baskets.md
python -m experiments.baskets apparel.csv --models dpp sweep_set --seeds 0 --steps 500

Each file holds one set a line, items separated by commas. Sets are split at random 60/10/30, as the papers do it
(equal sets can so fall on both sides), anew for each seed; each network is trained to its last step (--patience N:
until N of 24 validations in a row are no better), and judged on all test sets with the weights of its best
validation:

- nats a set: mean log p(S). Of models that average over orders it is the bound log n! + log mean_k p(σ_k) over K
  orders, which lies below the truth; of the others it is exact. A set has one item at least.
- MPR: mean percentile rank of one hidden item among all items that are not given (Hu, Koren & Volinsky 2008), over
  test sets of two items and more; 50 is chance, 100 the best.

What is finished is kept in the folder --runs: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from omegaconf import OmegaConf
from rich.console import Console

from experiments.model_config import load_model
from experiments.training import untrained
from setgen.cli.other_sets import import_sets
from setgen.errors import InputError
from setgen.files import write_whole
from setgen.generators.base import Generator
from setgen.metrics.completion import percentile_rank
from setgen.metrics.context import Context
from setgen.metrics.likelihood import likelihood
from setgen.sets.dataset import SetDataset
from setgen.training import Options, Training

MODELS = (
    "hold_frequency",
    "dpp_symmetric",
    "dpp",
    "gpt",
    "sorted_gpt",
    "joint_gpt",
    "masked_set",
    "hold_canvas",
    "sweep_set",
)
_SHARES = "60,10,30"
_NETWORK = Path(__file__).parent / "conf" / "network"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--network", default="small", choices=[p.stem for p in _NETWORK.glob("*.yaml")])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--patience", type=int, default=0)
    parser.add_argument("--orders", type=int, default=16)
    parser.add_argument("--runs", type=Path, default=Path("runs/baskets"))
    parser.add_argument("--out", type=Path, help="the page to write; left out: only the terminal")
    args = parser.parse_args()
    console = Console()
    try:
        results = run(args, console)
        text = page(results, args)
        console.print(text, markup=False)
        if args.out:
            write_whole(args.out, text.encode())
    except (InputError, OSError) as error:
        parser.error(str(error))


def run(args: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """One result for each file, model and seed; those that a run before finished are read."""
    args.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for file in args.files:
        for seed in args.seeds:
            dataset = import_sets(
                file.read_text(), file.stem, {"file": file.name}, kind="baskets", by_set=False,
                shares=_SHARES, seed=seed,
            )  # fmt: skip
            assert dataset is not None
            for name in args.models:
                kept = (
                    args.runs / f"{file.stem}-{name}-{args.network}-{args.steps}-{args.patience}-{seed}.json"
                )
                if not kept.is_file():
                    found = measure(name, dataset, seed, args)
                    write_whole(
                        kept, json.dumps({"file": file.stem, "model": name, "seed": seed, **found}).encode()
                    )
                results.append(json.loads(kept.read_text()))
                last = results[-1]
                console.print(
                    f"{file.stem}, {name}, seed {seed}: {last['nats']:.3f} nats, MPR {last['mpr']:.1f}, "
                    f"{last['steps']} steps, {last['seconds']:.0f} s",
                    markup=False,
                )
    return results


def build(name: str, dataset: SetDataset, network: str) -> Generator:
    """The untrained model of that config, with its counts. Raises InputError for an unknown one."""
    model = load_model(name)
    model = OmegaConf.merge({"network": OmegaConf.load(_NETWORK / f"{network}.yaml")}, {"model": model}).model
    generator = untrained(model, dataset.space)
    generator.fit_counts(dataset.part("train"))
    return generator


def measure(name: str, dataset: SetDataset, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Train one model and judge it on the test sets."""
    import torch

    torch.manual_seed(seed)
    generator, began, steps = build(name, dataset, args.network), time.perf_counter(), 0
    if generator.n_parameters:
        training = dict(load_model(name).get("training") or {})
        options = Options(
            steps=args.steps, batch_size=256, validations=24, patience=args.patience or 24, bucketing=True,
            **{str(key): training[key] for key in ("learning_rate", "weight_decay") if key in training},
        )  # fmt: skip
        fabric = Fabric(accelerator="auto", devices=1, precision="32-true")  # determinants need their digits
        parts = dataset.part("train"), dataset.part("valid")
        steps = Training(generator, *parts, options, seed, fabric=fabric).run().step
    spent = time.perf_counter() - began
    generator.cpu().eval()
    test = dataset.part("test")
    likely = likelihood(generator, test, orders=1 if generator.exact else args.orders, seed=seed)
    context = Context.of_dataset(dataset, seed).asking(generator, 1)
    return {
        "nats": float(np.mean(likely.nats)),
        "exact": generator.exact,
        "mpr": percentile_rank(context).value,
        "parameters": generator.n_parameters,
        "steps": steps,
        "seconds": round(spent, 1),
        "sets": len(test),
    }


def page(results: list[dict[str, Any]], args: argparse.Namespace) -> str:
    """The results in Markdown, with the command that gives them."""
    files = list(dict.fromkeys(r["file"] for r in results))
    command = ["python -m experiments.baskets", *(f"{file}.csv" for file in files)]
    command += [f"--models {' '.join(args.models)}"] if tuple(args.models) != MODELS else []
    command += [f"--seeds {' '.join(map(str, args.seeds))}", f"--network {args.network}"]
    command += [f"--steps {args.steps}", f"--patience {args.patience}", f"--orders {args.orders}"]
    lines = [
        "# Baskets",
        "",
        f"Test log-likelihood in nats a set (more is better) and mean percentile rank of one hidden item (100 is "
        f"best, 50 is chance); mean ± standard error over {len(args.seeds)} seeds, each with a split of its own, "
        "60/10/30 at random. A bound lies below the truth (`≥`).",
        "",
        "```bash",
        " ".join(command),
        "```",
    ]
    for file in files:
        lines += [
            "",
            f"## {file}",
            "",
            "| model | parameters | nats a set | MPR |",
            "| --- | --: | --: | --: |",
        ]
        for name in args.models:
            mine = [r for r in results if (r["file"], r["model"]) == (file, name)]
            bound = "" if mine[0]["exact"] else "≥ "
            cells = [_spread([r[key] for r in mine], digits) for key, digits in (("nats", 3), ("mpr", 1))]
            lines.append(f"| {name} | {mine[0]['parameters']:,} | {bound}{cells[0]} | {cells[1]} |")
    return "\n".join([*lines, ""])


def _spread(values: list[float], digits: int) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
    shown = f"{np.mean(values):.{digits}f}".replace("-", "−")
    return shown if error is None else f"{shown} ± {error:.{digits}f}"


if __name__ == "__main__":
    main()

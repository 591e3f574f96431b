"""Train one generator.

python -m experiments.train model=masked_set data.path=DIR budget.minutes=3
python -m experiments.train resume=RUN                      # go on where it was interrupted
python -m experiments.train resume=RUN budget.minutes=30    # or with a larger budget, finished or not
torchrun --nproc-per-node=2 -m experiments.train …          # batches shared by processes (docs/experiments.md)
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from lightning_fabric import Fabric
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.model_config import load_model, tuned_settings, typed_keys
from experiments.run_folder import at_work, new_run_folder, resumed, save_config
from experiments.training import RunFacts, build_generator, check_trainable, train
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.files import write_whole
from setgen.metrics.likelihood import bits_of_all, likelihood
from setgen.training import make_fabric

_LEARNED = 0.3  # bits below what counting needs: less is hardly more than counts
_FALLING = 0.02  # bits between the last two validations: less is nearly the noise of 256 sets


def verdict(facts: RunFacts, counted: float | None = None) -> list[str]:
    """What to do where training stopped while it still helped, or before it learned much; nothing otherwise.

    counted: bits per item of a model that only counts how often each item comes.
    """
    bits = [one for one in (facts.curve or {}).get("valid_bits_per_hold", ()) if one is not None]
    found = []
    if bits and counted is not None and min(bits) > counted - _LEARNED:
        found.append(
            f"It is still poor: counting alone (hold_frequency) needs {counted:.2f} bits, and what it makes will "
            "look random. Give it a larger budget.minutes, or a smaller network (network=small)."
        )
    if len(bits) >= 2 and bits[-2] - bits[-1] >= _FALLING:
        found.append(
            f"It was still getting better, by {bits[-2] - bits[-1]:.2f} bits in the last part of the budget: "
            "a larger budget.minutes pays."
        )
    return found


def counted_bits(cfg: DictConfig, dataset: Dataset) -> float:
    """Bits per item of `hold_frequency` on the validation sets that training looks at."""
    valid = dataset.part("valid").at_most(cfg.training.valid_climbs, 0)
    found = likelihood(build_generator(load_model("hold_frequency"), dataset), valid, orders=1, seed=cfg.seed)
    return bits_of_all(found.nats, found.items).value


@experiment("train")
def main(cfg: DictConfig) -> None:
    fabric = make_fabric(cfg.training.precision)
    console = Console(quiet=not fabric.is_global_zero)
    if cfg.resume:
        folder, cfg = resumed(cfg, {"budget.minutes", "budget.steps"})
        dataset, _ = open_dataset(cfg)
    else:
        folder = None
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        if cfg.tuned:
            cfg = tuned_settings(cfg, typed_keys())
        check_trainable(cfg, dataset.space)
    with ExitStack() as work:
        # Of several processes the first one owns the folder, and what it refuses all refuse.
        refused: InputError | None = None
        if fabric.is_global_zero:
            try:
                folder = begin(folder, cfg, work)
            except InputError as error:
                refused = error
        folder, refused = fabric.broadcast((folder, refused))
        if refused:
            raise refused
        assert folder is not None
        fit(cfg, dataset, folder, fabric, console)


def fit(cfg: DictConfig, dataset: Dataset, folder: Path, fabric: Fabric, console: Console) -> None:
    """Train what is missing, and say what came of it and how to use it."""
    console.print(f"[bold]{cfg.model.label}[/] on {dataset.card['title']}: {folder}", soft_wrap=True)
    facts = train(cfg, dataset, cfg.seed, folder, console, fabric=fabric)
    bits = facts.best_valid_bits_per_hold
    if bits is not None:
        console.print(
            f"{facts.steps} steps in {facts.train_seconds:.0f} s, {bits:.3f} bits per "
            f"{dataset.space.item_word} on valid"
        )
        for line in verdict(facts, counted_bits(cfg, dataset)):
            console.print(line, soft_wrap=True)
    console.print(f"Use it: setgen generate --model {folder} -n 5", soft_wrap=True)


def begin(folder: Path | None, cfg: DictConfig, work: ExitStack) -> Path:
    """The run folder, this process's own while `work` lasts, with the config in it; None: a new one."""
    is_new = folder is None
    if folder is None:
        label = f"{cfg.model.label}-seed{cfg.seed}"
        folder = new_run_folder(Path(cfg.runs) / "train", label, Path(cfg.data.path))
    work.enter_context(at_work(folder, "train"))
    if is_new:
        save_config(cfg, folder / "config.yaml")
    else:
        reopen(folder, cfg)
    return folder


def reopen(folder: Path, cfg: DictConfig) -> None:
    """Take a larger budget into the run's record: what a finished run said of itself is kept beside it.

    The config is the last to change: broken off before, the same command does it again.
    """
    before = OmegaConf.load(folder / "config.yaml").budget
    if cfg.budget == before:
        return
    if (folder / "run.json").is_file():
        facts = RunFacts.load(folder)
        if not (folder / "checkpoint.pt").is_file():
            raise InputError(f"{folder} cannot be trained further: it keeps no checkpoint.pt")
        used = {"budget.minutes": (cfg.budget.minutes, facts.train_seconds / 60)}
        if cfg.budget.steps:
            used["budget.steps"] = (cfg.budget.steps, facts.steps)
        for name, (asked, spent) in used.items():
            if asked <= spent:
                raise InputError(
                    f"{folder} has trained {spent:g} {name.partition('.')[2]} already: give more"
                )
        earlier = len(list(folder.glob("run-*.json"))) + 1
        (folder / "run.json").rename(folder / f"run-{earlier}.json")
    log = folder / "budgets.jsonl"
    noted = log.read_text().splitlines() if log.is_file() else []
    line = json.dumps({"before": dict(before), "now": dict(cfg.budget)})
    if line not in noted[-1:]:
        write_whole(log, "".join(f"{one}\n" for one in (*noted, line)).encode())
    save_config(cfg, folder / "config.yaml")


if __name__ == "__main__":
    main()

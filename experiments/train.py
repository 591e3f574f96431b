"""Train one generator: `python -m experiments.train model=masked_set data.path=DIR budget.minutes=3`."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.model_config import tuned_settings, typed_keys
from experiments.run_folder import new_run_folder, resumed
from experiments.training import RunFacts, check_trainable, train

_FALLING = 0.02  # bits between the last two validations: less is nearly the noise of 256 sets


def verdict(facts: RunFacts) -> list[str]:
    """What to do where training stopped while it still helped; nothing otherwise."""
    bits = [one for one in (facts.curve or {}).get("valid_bits_per_hold", ()) if one is not None]
    if len(bits) < 2 or bits[-2] - bits[-1] < _FALLING:
        return []
    return [
        f"It was still getting better, by {bits[-2] - bits[-1]:.2f} bits in the last part of the budget: "
        "a larger budget.minutes pays."
    ]


@experiment("train")
def main(cfg: DictConfig) -> None:
    console = Console()
    if cfg.resume:
        folder, cfg = resumed(cfg)
        dataset, _ = open_dataset(cfg)
    else:
        dataset, where = open_dataset(cfg)
        cfg.data.path = str(where)
        if cfg.tuned:
            cfg = tuned_settings(cfg, typed_keys())
        check_trainable(cfg, dataset.space)
        folder = new_run_folder(Path(cfg.runs) / "train", f"{cfg.model.label}-seed{cfg.seed}")
        OmegaConf.save(cfg, folder / "config.yaml")
    console.print(f"[bold]{cfg.model.label}[/] on {dataset.card['title']}: {folder}", soft_wrap=True)
    facts = train(cfg, dataset, cfg.seed, folder, console)
    bits = facts.best_valid_bits_per_hold
    if bits is not None:
        console.print(
            f"{facts.steps} steps in {facts.train_seconds:.0f} s, {bits:.3f} bits per "
            f"{dataset.space.item_word} on valid"
        )
        for line in verdict(facts):
            console.print(line, soft_wrap=True)
    console.print(f"Use it: setgen generate --model {folder} -n 5", soft_wrap=True)


if __name__ == "__main__":
    main()

"""What the options of experiments may be, whatever experiment has them, checked before anything is done."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from setgen.errors import InputError
from setgen.training import CLOCKS

SECTIONS = ("data", "budget", "training", "evaluation", "wandb", "network", "model", "search", "ways")
_LARGEST_SEED = 2**32 - 1  # of NumPy's


@dataclass(frozen=True)
class Kind:
    """A test of a value, and what to give in place of one that fails it."""

    holds: Callable[[Any], bool]
    words: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_whole(value) and value >= 1


def _is_seed(value: Any) -> bool:
    return _is_whole(value) and 0 <= value <= _LARGEST_SEED


def whole(least: int) -> Kind:
    return Kind(lambda value: _is_whole(value) and value >= least, f"a whole number, at least {least}")


def one_of(*values: Any) -> Kind:
    return Kind(lambda value: value in values, " or ".join(map(str, values)))


def or_null(kind: Kind) -> Kind:
    return Kind(lambda value: value is None or kind.holds(value), f"{kind.words}, or null")


POSITIVE = Kind(lambda value: _is_number(value) and value > 0, "a positive number")
NOT_NEGATIVE = Kind(lambda value: _is_number(value) and value >= 0, "a number, 0 or more")
SHARE = Kind(lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
DECAY = Kind(lambda value: _is_number(value) and 0 <= value < 1, "0 for none, or a decay under 1")
FLAG = Kind(lambda value: isinstance(value, bool), "true or false")
SEED = Kind(_is_seed, f"a whole number from 0 to {_LARGEST_SEED}")
SEEDS = Kind(
    lambda value: _is_list(value) and all(map(_is_seed, value)) and len(set(value)) == len(value),
    f"a list such as [0,1]: different whole numbers from 0 to {_LARGEST_SEED}",
)
TEXT = Kind(lambda value: isinstance(value, str) and bool(value), "a name (a number as one in quotes)")
STEPS = Kind(
    lambda value: (
        isinstance(value, dict)
        and bool(value)
        and all(
            _is_positive(n) and _is_list(steps) and steps and all(map(_is_positive, steps))
            for n, steps in value.items()
        )
    ),
    "numbers of training climbs, each with a list of steps, such as {300: [60, 200]}",
)
TEXTS = Kind(lambda value: _is_list(value) and all(map(TEXT.holds, value)), "a list of names, such as [a,b]")


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


KINDS: dict[str, Kind] = {
    "budget.clock": one_of(*CLOCKS),
    "budget.minutes": POSITIVE,
    "budget.steps": or_null(whole(1)),
    "choices": whole(2),
    "damages": or_null(TEXTS),
    "data.climbs": whole(1),
    "data.path": or_null(TEXT),
    "draws": whole(2),
    "evaluation.orders": whole(1),
    "evaluation.samples": whole(1),
    "evaluation.seed": SEED,
    "evaluation.test_climbs": whole(2),
    "extra": or_null(TEXT),
    "foreign_code": FLAG,
    "init": or_null(TEXT),
    "metrics": or_null(TEXTS),
    "models": TEXTS,
    "networks": TEXTS,
    "only": TEXTS,
    "orders": whole(1),
    "other": or_null(TEXT),
    "out": TEXT,
    "pruner": one_of("median", "halving", "none"),
    "ray": or_null(TEXT),
    "resume": or_null(TEXT),
    "runs": TEXT,
    "samples": whole(2),
    "seed": SEED,
    "seeds": SEEDS,
    "steps": STEPS,
    "target": whole(1),
    "test_climbs": whole(2),
    "threads": or_null(whole(1)),
    "training_steps": whole(1),
    "training.average": DECAY,
    "training.batch_size": whole(1),
    "training.bucketing": FLAG,
    "training.gradient_clip": or_null(NOT_NEGATIVE),
    "training.learning_rate": POSITIVE,
    "training.patience": whole(0),
    "training.precision": one_of("32-true", "bf16-mixed"),
    "training.valid_climbs": whole(1),
    "training.validations": whole(1),
    "training.warm_up": SHARE,
    "training.weight_decay": NOT_NEGATIVE,
    "trials": whole(1),
    "tuned": or_null(TEXT),
    "wandb.mode": one_of("offline", "online", "disabled"),
    "wandb.project": TEXT,
}
"""Dotted keys of conf/*.yaml. What is not here has a check of its own, where its meaning is known."""


def check_values(cfg: DictConfig) -> None:
    """Raise InputError for an option that `cfg` has and that is not of its kind."""
    plain: Any = OmegaConf.to_container(cfg, resolve=True)
    for section in SECTIONS:
        if section in plain and not isinstance(plain[section], dict):
            raise InputError(f"{section} is {_shown(plain[section])}: it is a section, give options in it")
    for key, kind in KINDS.items():
        section, _, name = key.rpartition(".")
        options = plain.get(section, {}) if section else plain
        if name in options and not kind.holds(options[name]):
            raise InputError(f"{key} is {_shown(options[name])}: give {kind.words}")


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)

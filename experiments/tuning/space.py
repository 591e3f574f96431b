"""The search space of a model: which options are tried, between which limits, and what a trial sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf

from setgen.errors import InputError


@dataclass(frozen=True)
class Option:
    """One option: `key` is its dotted place in the config.

    Numbers from low to high (log: evenly over orders of magnitude), or `choices`: name → the options, by
    dotted place, that the choice sets.
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Dotted place → value, as the trial has it."""
        if self.choices:
            return dict(self.choices[trial.suggest_categorical(self.key, list(self.choices))])
        return {self.key: trial.suggest_float(self.key, self.low, self.high, log=self.log)}

    def now(self, settings: DictConfig) -> Any:
        """What the option is in `settings`; None where that is outside the space."""
        if self.choices:
            held = (c for c, sets in self.choices.items() if _holds(settings, sets))
            return next(held, None)
        value = OmegaConf.select(settings, self.key)
        return value if value is not None and self.low <= value <= self.high else None


def space_of(search: DictConfig, generator: str) -> list[Option]:
    """The options of `search.shared` and of the generator's own section. Raises InputError for wrong ones."""
    found: dict[str, Option] = {}
    for section in ("shared", generator):
        given = search.get(section)
        tree: Any = (
            OmegaConf.to_container(given, resolve=True) if isinstance(given, DictConfig) else given or {}
        )
        found |= {option.key: option for option in _options(tree, "", f"search.{section}")}
    return list(found.values())


def _options(tree: Any, place: str, where: str) -> Iterator[Option]:
    if not isinstance(tree, dict):
        at = f"{where}.{place}" if place else where
        raise InputError(f"{at} is {tree!r}: give {'it low and high, or choices' if place else 'it options'}")
    for name, node in tree.items():
        key = f"{place}.{name}" if place else str(name)
        if isinstance(node, dict) and node.keys() & {"low", "high", "choices"}:
            yield _option(key, node, f"{where}.{key}")
        else:
            yield from _options(node, key, where)


def _option(key: str, node: dict[str, Any], where: str) -> Option:
    if set(node) == {"choices"} and node["choices"]:
        choices, parent = node["choices"], key.rpartition(".")[0]
        if isinstance(choices, list) and all(isinstance(c, int | float | str) for c in choices):
            return Option(key, choices={choice: {key: choice} for choice in choices})
        if isinstance(choices, dict) and all(isinstance(c, dict) for c in choices.values()):
            sets = {c: {f"{parent}.{k}": v for k, v in o.items()} for c, o in choices.items()}
            return Option(key, choices=sets)
    elif {"low", "high"} <= set(node) <= {"low", "high", "log"}:
        low, high, log = node["low"], node["high"], bool(node.get("log", False))
        if all(isinstance(v, int | float) for v in (low, high)) and (low > 0 or not log) and low < high:
            return Option(key, float(low), float(high), log)
    raise InputError(f"{where} is {node}: give low < high (above 0 with log), or a list of choices")


def _holds(settings: DictConfig, sets: Mapping[str, Any]) -> bool:
    return all(OmegaConf.select(settings, key) == value for key, value in sets.items())


def with_values(settings: DictConfig, values: Mapping[str, Any]) -> DictConfig:
    """A copy of the settings with these values. Raises InputError for an option that does not exist."""
    plain: Any = OmegaConf.to_container(settings, resolve=True)
    changed: DictConfig = OmegaConf.create(plain)
    for key, value in values.items():
        if OmegaConf.select(changed, key, default=_MISSING) is _MISSING:
            raise InputError(f"the search space names {key}, which {settings.model.label} does not have")
        OmegaConf.update(changed, key, value)
    return changed


_MISSING = object()

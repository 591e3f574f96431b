"""States as named tensors: what a generator keeps of its growing sets, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor

from setgen.models.transformer import KVCache


def tensors_of(state: Any, name: str = "state") -> dict[str, Tensor]:
    """Every tensor in a state of dataclasses, mappings, lists and tuples, by the path to it."""
    if isinstance(state, Tensor):
        return {name: state}
    found: dict[str, Tensor] = {}
    for part, value in _parts(state):
        found |= tensors_of(value, f"{name}.{part}")
    return found


def with_tensors(state: Any, tensors: Mapping[str, Tensor], name: str = "state") -> Any:
    """The same state with these tensors in place of its own; those that are not named stay."""
    if isinstance(state, Tensor):
        return tensors.get(name, state)
    new = {part: with_tensors(value, tensors, f"{name}.{part}") for part, value in _parts(state)}
    if is_dataclass(state) and not isinstance(state, type):
        return replace(state, **new)
    if isinstance(state, Mapping):
        return new
    return type(state)(new.values()) if isinstance(state, (list, tuple)) else state


def caches_of(state: Any, name: str = "state") -> dict[str, KVCache]:
    """Every KV cache in a state, by the path to it."""
    if isinstance(state, KVCache):
        return {name: state}
    found: dict[str, KVCache] = {}
    for part, value in _parts(state):
        found |= caches_of(value, f"{name}.{part}")
    return found


def _parts(state: Any) -> Iterator[tuple[str, Any]]:
    if is_dataclass(state) and not isinstance(state, type):
        yield from ((field.name, getattr(state, field.name)) for field in fields(state))
    elif isinstance(state, Mapping):
        yield from state.items()
    elif isinstance(state, (list, tuple)):
        yield from ((str(i), value) for i, value in enumerate(state))

"""Configs of generators: the types of all fields are checked, and what every network has stands once."""

from __future__ import annotations

from dataclasses import dataclass, fields

from setgen.errors import InputError

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "str": ((str,), "a name"),
}


@dataclass(frozen=True)
class GeneratorConfig:
    """What a generator is built with. Raises InputError where a field is not of its type."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            types, words = _TYPES[str(field.type)]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise InputError(f"{field.name} is {value}: give {words}")


@dataclass(frozen=True)
class NetworkConfig(GeneratorConfig):
    """width: a multiple of heads. dropout: a share of what the network's layers pass on.

    condition_dropout: how often angle, and independently grade, is hidden in training. hidden: share of the
    elements that the network does not get to see in a training step: it reads that there is one, not which.
    length: what counts as 1 of coordinates, in their unit; 0 for the space's longest side.
    """

    width: int = 128
    depth: int = 4
    heads: int = 4
    dropout: float = 0.1
    condition_dropout: float = 0.1
    hidden: float = 0.0
    length: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "depth", "heads"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: give at least 1")
        if self.width % self.heads:
            raise InputError(f"width {self.width} is not a multiple of heads {self.heads}")
        for name in ("dropout", "condition_dropout", "hidden"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}: it is a share, from 0 to 1")
        if self.length < 0:
            raise InputError(f"length is {self.length}: give at least 0")

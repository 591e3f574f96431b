"""A space: what sets are made of. Items, labels, sizes and named conditions; nothing of any one domain.

An *element* is an (item, label) pair; a set holds each item at most once. Elements are numbered
item · R + label, R the number of labels. A space without labels has R = 1. What a set is asked to be (a
wall's angle, a grade, a season) is a *condition*: a named integer, one of a few known values, or UNKNOWN.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from setgen.errors import InputError
from setgen.files import check_links, parse_json

UNKNOWN = -1
"""The value of a condition that is not given."""

OPEN = -1
"""The label of a given item whose label is left to the model."""

FORMAT = 1


class Label(NamedTuple):
    """What an item can be in a set, and how many of a set's items are: at_most None for no bound."""

    name: str
    at_least: int = 0
    at_most: int | None = None


class Space(ABC):
    """What a set model needs to know of a domain. `len(space)` is V, the number of items."""

    file: ClassVar[str]
    """Name of the JSON file that a folder keeps the space in; it tells which kind of space it is."""

    item_word: ClassVar[str] = "item"
    label_word: ClassVar[str] = "label"
    set_word: ClassVar[str] = "set"
    word: ClassVar[str] = "space"

    name: str

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def labels(self) -> tuple[Label, ...]:
        """R labels in code order. One that is at most 0 does not occur."""

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """(fewest, most) items of a set, both ends included."""

    @property
    @abstractmethod
    def conditions(self) -> Mapping[str, tuple[int, ...]]:
        """Name → the values it may have. Code 0 of a network is UNKNOWN, code i + 1 is value i."""

    @property
    def coordinates(self) -> np.ndarray | None:
        """(V, D) float, D from 1 to 3, in a unit of length; None where items have no place."""
        return None

    @property
    def groups(self) -> np.ndarray | None:
        """(V,) int64 index into `group_names`; None where items are not grouped."""
        return None

    @property
    def group_names(self) -> tuple[str, ...]:
        return ()

    @property
    def mirror_items(self) -> np.ndarray | None:
        """(V,) index of each item's mirror image, where a set and its image are one idea; else None."""
        return None

    @property
    @abstractmethod
    def keys(self) -> np.ndarray:
        """(V,) int64 numbers that stay the same when a space is cut to some of its items."""

    @abstractmethod
    def item_name(self, item: int) -> str:
        """How an item is written at the edges."""

    def value_name(self, condition: str, value: int) -> str:
        """How a value of a condition is written at the edges."""
        return "?" if value == UNKNOWN else str(value)

    @abstractmethod
    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    @abstractmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Raises InputError, KeyError, TypeError or ValueError for what is none of ours."""

    @property
    def n_labels(self) -> int:
        return len(self.labels)

    @property
    def n_elements(self) -> int:
        return len(self) * len(self.labels)

    @cached_property
    def largest(self) -> int:
        """Items that any set has at most: no more than there are, nor than the labels take."""
        room = [len(self) if label.at_most is None else label.at_most for label in self.labels]
        return min(self.sizes[1], len(self), sum(room))

    @property
    def widest(self) -> int:
        """The same where the labels' bounds do not count."""
        return min(self.sizes[1], len(self))

    @cached_property
    def label_bounds(self) -> np.ndarray:
        """(R, 2) int64: at least, and at most (V where there is no bound)."""
        return np.array([[x.at_least, len(self) if x.at_most is None else x.at_most] for x in self.labels])

    @cached_property
    def label_occurs(self) -> np.ndarray:
        """(R,) bool: labels that items of this space can have."""
        return self.label_bounds[:, 1] > 0

    def check_condition(self, name: str, value: int) -> int:
        """The value itself. Raises InputError when the condition cannot have it."""
        if name not in self.conditions:
            known = ", ".join(self.conditions) or "none"
            raise InputError(f"there is no condition {name!r} here: there are {known}")
        if value != UNKNOWN and value not in self.conditions[name]:
            names = [self.value_name(name, v) for v in self.conditions[name]]
            shown = ", ".join(names if len(names) <= 12 else [*names[:6], "…", names[-1]])
            raise InputError(f"{name} {value} is not one of this {self.word}'s: {shown}")
        return value

    def save(self, path: Path) -> None:
        """Write the space's JSON to `path`."""
        path.write_text(json.dumps(self.to_json()), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a space's file. Raises InputError when it is missing or not one of ours."""
        try:
            return cls.from_json(parse_json(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InputError(f"{path} is missing: the folder is incomplete") from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise InputError(f"{path} is not a {cls.word} that setgen wrote ({error!r})") from None


def numbers_in(data: Mapping[str, Any], key: str, kind: type, *shape: int) -> np.ndarray:
    """Finite numbers of a JSON object as an array of `kind`, np.int64 or np.float64. shape: −1 for any length.

    Raises KeyError or ValueError where it holds anything else: nothing is rounded, parsed or filled in.
    """
    array = np.array(data[key])
    if array.dtype.kind not in ("i" if kind is np.int64 else "if") or not np.isfinite(array).all():
        raise ValueError(f"{key} is not all {'whole ' if kind is np.int64 else ''}numbers")
    if array.ndim != len(shape) or any(n not in (-1, m) for n, m in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{key} has the shape {array.shape}")
    return array.astype(kind)


def texts_in(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts of a JSON object. Raises KeyError or ValueError where it is none."""
    if not isinstance(data[key], list) or not all(isinstance(text, str) for text in data[key]):
        raise ValueError(f"{key} is no list of texts")
    return tuple(data[key])


def index_in(data: Mapping[str, Any], key: str, length: int, least: int, below: int) -> np.ndarray:
    """(length,) int64, each from `least` to under `below`. Raises KeyError or ValueError for anything else."""
    array = numbers_in(data, key, np.int64, length)
    if length and not (array.min() >= least and array.max() < below):
        raise ValueError(f"{key} has numbers outside {least} to {below - 1}")
    return array


# Kinds of spaces, found by name so that this package knows no domain: file → class.
KINDS = {"board.json": "setgen.climbing.board:Board", "space.json": "setgen.sets.space:Items"}


def space_file(folder: Path) -> str | None:
    """Name of the file in `folder` that holds its space, or None."""
    return next((name for name in KINDS if (Path(folder) / name).is_file()), None)


def load_space(folder: Path) -> Space:
    """The space of a dataset or model folder. Raises InputError when there is none, or it has links out of it."""
    name = space_file(folder)
    if name is None:
        raise InputError(f"{folder} is incomplete: {' or '.join(KINDS)} missing")
    check_links(Path(folder))
    module, _, attribute = KINDS[name].partition(":")
    return getattr(import_module(module), attribute).load(Path(folder) / name)


@dataclass(frozen=True, eq=False)
class Items(Space):
    """A space told by its names: baskets, playlists, layouts.

    names: V items. labels: one unnamed label where items have none. values: condition → its values' names,
    value i being the i-th. xy: (V, D). group: (V,) index into `groups_named`.
    """

    name: str
    names: tuple[str, ...]
    size_range: tuple[int, int]
    label_list: tuple[Label, ...] = (Label(""),)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    xy: np.ndarray | None = None
    group: np.ndarray | None = None
    groups_named: tuple[str, ...] = ()

    file: ClassVar[str] = "space.json"

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise InputError(f"{self.name}: items need names, each its own")
        if not 1 <= self.size_range[0] <= self.size_range[1]:
            raise InputError(f"{self.name}: sets of {self.size_range[0]} to {self.size_range[1]} items: none")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.label_list

    @property
    def sizes(self) -> tuple[int, int]:
        return self.size_range

    @cached_property
    def conditions(self) -> Mapping[str, tuple[int, ...]]:
        return {name: tuple(range(len(values))) for name, values in self.values.items()}

    @property
    def coordinates(self) -> np.ndarray | None:
        return self.xy

    @property
    def groups(self) -> np.ndarray | None:
        return self.group

    @property
    def group_names(self) -> tuple[str, ...]:
        return self.groups_named

    @cached_property
    def keys(self) -> np.ndarray:
        return np.arange(len(self.names))

    def item_name(self, item: int) -> str:
        return self.names[item]

    def value_name(self, condition: str, value: int) -> str:
        return "?" if value == UNKNOWN else self.values[condition][value]

    @cached_property
    def index_of_name(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "items": list(self.names),
            "sizes": list(self.size_range),
            "labels": [list(label) for label in self.label_list],
            "conditions": {name: list(values) for name, values in self.values.items()},
            "coordinates": None if self.xy is None else self.xy.tolist(),
            "groups": None if self.group is None else self.group.tolist(),
            "group_names": list(self.groups_named),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Items:
        if data["format"] != FORMAT:
            raise InputError(f"the space is in format {data['format']}: this setgen reads format {FORMAT}")
        names, group_names = texts_in(data, "items"), texts_in(data, "group_names")
        least, most = numbers_in(data, "sizes", np.int64, 2).tolist()
        xy = (
            None
            if data["coordinates"] is None
            else numbers_in(data, "coordinates", np.float64, len(names), -1)
        )
        if xy is not None and not 1 <= xy.shape[1] <= 3:
            raise ValueError(f"coordinates have {xy.shape[1]} axes")
        return cls(
            str(data["name"]),
            names,
            (least, most),
            tuple(_label(*label) for label in data["labels"]),
            {name: texts_in(data["conditions"], name) for name in data["conditions"]},
            xy,
            None if data["groups"] is None else index_in(data, "groups", len(names), 0, len(group_names)),
            group_names,
        )


def _label(name: Any, at_least: Any, at_most: Any) -> Label:
    bounds = [at_least] if at_most is None else [at_least, at_most]
    if (
        not isinstance(name, str)
        or any(type(n) is not int for n in bounds)
        or not 0 <= bounds[0] <= bounds[-1]
    ):
        raise ValueError(f"{name!r} is no label with bounds")
    return Label(name, at_least, at_most)

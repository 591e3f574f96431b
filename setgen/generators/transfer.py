"""Transfer: a generator of one space begins with what one of another space has learned.

Which weights mean the same in both is asked of the network itself: it is built on small made-up spaces, each with
one more of something (items, groups, labels, sizes, values of a condition). A weight whose shape follows none of
these is taken over as it is. A table with a row for each label, group, size or value is taken over row by row, by
name. Rows of what the old space does not know, items above all, begin at the mean of those it does: alike, so that
their coordinates speak first. What is counted starts anew, and so does the size model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.sizes import SizeModel
from setgen.models.embedding import longest_side
from setgen.sets.space import UNKNOWN, Items, Label, Space

_PROBE = {"items": 7, "groups": 2, "labels": 2, "sizes": 3}
"""How many of each the plain made-up space has; sizes end below the number of items, which so do not bound them."""


def begun_from(source: Generator, kind: type[Generator], space: Space, config: Any) -> Generator:
    """An untrained `kind` of `space` with those weights of `source` that mean the same in its own space and in this.

    Lengths count in the source's unit in both. `taken_over` says how many parameters came from the source. Raises
    InputError where the two are of different families or networks, or their spaces share no coordinates.
    """
    if type(source) is not kind:
        raise InputError(
            f"it is a model of another family, {source.name or type(source).__name__}: give one of "
            f"{kind.name or kind.__name__}"
        )
    old, new = source.space.coordinates, space.coordinates
    if old is None or new is None or old.shape[1] != new.shape[1]:
        raise InputError(
            f"{source.space.name} and {space.name} share no coordinates: nothing can be taken over"
        )
    if hasattr(config, "length"):
        config = replace(config, length=source.config.length or longest_side(old))
    _check_network(kind, source.config, config, space)
    follows = _follows(kind, config, space)

    generator = kind(space, config)
    given = dict(source.named_parameters())
    counted = [f"{name}." for name, part in generator.named_modules() if isinstance(part, SizeModel)]
    with torch.no_grad():
        for name, weight in generator.named_parameters():
            if name not in given or name.startswith(tuple(counted)):
                continue
            of = {what for dim in follows[name] for what in dim}
            first_only = weight.ndim > 1 and not any(follows[name][1:])
            here, there = (_rows(s, of, len(w)) for s, w in ((space, weight), (source.space, given[name])))
            if not of:
                weight.copy_(given[name])
                generator.taken_over += weight.numel()
            elif first_only and here and there:
                generator.taken_over += _take_rows(weight, here, given[name], there)
            elif of == {"labels"} and _label_names(space) == _label_names(source.space):
                weight.copy_(given[name])  # a part for each label, which stand in one order
                generator.taken_over += weight.numel()
            elif first_only:
                weight.copy_(given[name].mean(0).expand_as(weight))
    return generator


def _take_rows(table: Tensor, names: Sequence[Any], old: Tensor, old_names: Sequence[Any]) -> int:
    """Fill `table` row by row from the row of `old` with that name, or with the mean of its rows that have one (of
    all, where none has). How many numbers had one."""
    known = {name: i for i, name in enumerate(old_names) if name is not None}
    table.copy_(old[list(known.values()) or slice(None)].mean(0).expand_as(table))
    shared = [(i, known[name]) for i, name in enumerate(names) if name in known]
    if shared:
        here, there = (list(index) for index in zip(*shared, strict=True))
        table[here] = old[there].to(table)
    return len(shared) * table[0].numel()


def _rows(space: Space, of: set[str], rows: int) -> list[Any] | None:
    """A name for each row of a table that follows `of`, None for what no other space knows; None without names."""
    if len(of) != 1:
        return None
    (what,) = of
    names: dict[str, list[Any]] = {
        "items": [None] * rows,
        "groups": list(space.group_names),
        "labels": [
            n if there else None for n, there in zip(_label_names(space), space.label_occurs, strict=True)
        ],
        "sizes": list(range(rows)),
    }
    if what in space.conditions:
        values = (UNKNOWN, *space.conditions[what])
        names = {what: [space.value_name(what, value) for value in values]}
    return names[what] if len(names[what]) == rows else None


def _label_names(space: Space) -> list[str]:
    return [label.name for label in space.labels]


def _check_network(kind: type[Generator], theirs: Any, ours: Any, space: Space) -> None:
    """Raise InputError where two configs do not make the same network, or one that knows no coordinates."""
    probe = _probe(space)
    shapes = _shapes(kind, ours, probe)
    if shapes == _shapes(kind, ours, replace(probe, xy=None)):
        name, word = kind.name or kind.__name__, space.item_word
        raise InputError(f"this {name} does not learn from where {word}s are: nothing can be taken over")
    heads = [getattr(config, "heads", 0) for config in (theirs, ours)]  # which no shape tells
    if _shapes(kind, theirs, probe) != shapes or heads[0] != heads[1]:
        own = asdict(ours)
        differs = [
            f"{k} {v}, not {own[k]}" for k, v in asdict(theirs).items() if k != "length" and v != own[k]
        ]
        raise InputError(
            f"it is another network ({'; '.join(differs)}): give this one the same, or train another"
        )


def _follows(kind: type[Generator], config: Any, space: Space) -> dict[str, list[set[str]]]:
    """Of each parameter and each of its dimensions: what of a space its length follows."""
    plain = _shapes(kind, config, _probe(space))
    follows: dict[str, list[set[str]]] = {name: [set() for _ in shape] for name, shape in plain.items()}
    for what in (*_PROBE, *space.conditions):
        for name, shape in _shapes(kind, config, _probe(space, what)).items():
            for dim, (length, before) in enumerate(zip(shape, plain[name], strict=True)):
                if length != before:
                    follows[name][dim].add(what)
    return follows


def _shapes(kind: type[Generator], config: Any, space: Space) -> dict[str, tuple[int, ...]]:
    with torch.random.fork_rng(devices=[]):
        return {name: tuple(weight.shape) for name, weight in kind(space, config).named_parameters()}


def _probe(space: Space, more: str = "") -> Items:
    """A made-up space with the same conditions and kind of coordinates, and one more of `more`."""
    n = {what: number + (what == more) for what, number in _PROBE.items()}
    assert space.coordinates is not None
    places = np.random.default_rng(0).uniform(0, 9, (n["items"], space.coordinates.shape[1]))
    return Items(
        "probe",
        tuple(map(str, range(n["items"]))),
        (1, n["sizes"]),
        tuple(Label(str(r)) for r in range(n["labels"])),
        {name: ("0", "1", *(["2"] if name == more else [])) for name in space.conditions},
        places,
        None if space.groups is None else np.arange(n["items"]) % n["groups"],
        tuple(map(str, range(n["groups"]))),
    )

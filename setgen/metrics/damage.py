"""Known faults, put into real sets by degrees: what a metric must see if it is to be believed.

Each damage takes real sets and a degree and returns sets that are worse in one way and as real as before in
all others. A metric is proved on those it claims to see (`Metric.sees`): its value must get worse with every
degree and end outside the 95 % interval of its floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from setgen.metrics.metric import import_own, words_of
from setgen.sets.per_set import moments, random_ranks
from setgen.sets.sets import Sets
from setgen.sets.space import UNKNOWN, Space

Apply = Callable[[Any, Any, Any, float, np.random.Generator], Sets]
SHARES = (0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Damage:
    """apply(space, sets, training sets, degree, rng) → damaged sets. degrees: rising.

    space, needs_coordinates: the spaces it is for. Texts may use a space's words, as those of `Metric`.
    """

    name: str
    said: str
    apply: Apply
    degrees: tuple[float, ...] = SHARES
    unit: str = "share"
    space: type = Space
    needs_coordinates: bool = False

    def label(self, degree: float) -> str:
        return f"{degree:.0%}" if self.unit == "share" else f"{degree:g}"


_REGISTRY: list[Damage] = []


def damage(name: str, **more: Any) -> Callable[[Apply], Apply]:
    """Register a function as a damage; keywords: the fields of Damage. Its docstring is what is said of it."""

    def register(apply: Apply) -> Apply:
        said = " ".join((apply.__doc__ or "").split()).removesuffix(".")
        _REGISTRY.append(Damage(name, said, apply, **more))
        return apply

    return register


def damages_of(space: Space) -> dict[str, Damage]:
    """Name → damage of all that are for this kind of space, in its words; one for each of its conditions.

    A damage of a narrower kind of space takes the place of one of the same name.
    """
    import_own(space)
    words, table = words_of(space), {}
    for known in _REGISTRY:
        if isinstance(space, known.space) and not (known.needs_coordinates and space.coordinates is None):
            text = {k: getattr(known, k).format(**words) for k in ("name", "said", "unit")}
            table[text["name"]] = replace(known, **text)
    for name in space.conditions:
        said = f"this share of {words['sets']} given out under the {name}s of others"
        table[f"{name}s shuffled"] = Damage(f"{name}s shuffled", said, partial(_shuffled, name))
    return table


def changed(sets: Sets, item: np.ndarray | None = None, label: np.ndarray | None = None) -> Sets:
    """The same sets with other items or labels."""
    item, label = sets.item if item is None else item, sets.label if label is None else label
    return sets.from_arrays(item, label, sets.offsets, sets.conditions)


def chosen(sets: Sets, share: float, rng: np.random.Generator) -> np.ndarray:
    """(C,) bool: a random share of the sets."""
    return rng.permutation(len(sets)) < round(share * len(sets))


@damage("{items} replaced", degrees=(1, 2, 4, 8), unit="{items}")
def replaced(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This many {items} of each {set} (all but one, and as others are free) replaced at random."""
    most = np.minimum(degree, np.minimum(sets.sizes - 1, len(space) - sets.sizes))
    moves, item = random_ranks(sets, rng) < most[sets.owner], sets.item.copy()
    for start, stop in zip(sets.offsets[:-1], sets.offsets[1:], strict=True):
        hit = start + np.flatnonzero(moves[start:stop])
        free = np.setdiff1d(np.arange(len(space)), sets.item[start:stop])
        item[hit] = rng.choice(free, len(hit), replace=False)
    return changed(sets, item=item)


def nudged(space: Space, sets: Sets, rng: np.random.Generator) -> Sets:
    """One item of each set, at random, gives way to one of the eight nearest free ones (to any free one where
    items have no coordinates): the same idea."""
    xy = np.zeros((len(space), 1)) if space.coordinates is None else space.coordinates
    item = sets.item.copy()
    for start, stop in zip(sets.offsets[:-1], sets.offsets[1:], strict=True):
        if start == stop:
            continue
        hit = rng.integers(start, stop)
        distance = np.square(xy - xy[sets.item[hit]]).sum(-1)
        distance[sets.item[start:stop]] = np.inf
        free = int(np.isfinite(distance).sum())
        nearest = np.argsort(distance)[: free if space.coordinates is None else min(8, free)]
        item[hit] = rng.choice(nearest) if len(nearest) else item[hit]
    return changed(sets, item=item)


@damage("random {sets}")
def scattered(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This share of {sets} with random {items}, {labels} kept."""
    item = sets.item.copy()
    for i in np.flatnonzero(chosen(sets, degree, rng)):
        own = slice(*sets.offsets[i : i + 2])
        item[own] = rng.choice(len(space), len(item[own]), replace=False)
    return changed(sets, item=item)


@damage("{labels} swapped")
def swapped(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This share of {sets} whose {labels} are dealt out anew among their {items}."""
    order = np.lexsort((random_ranks(sets, rng), sets.owner))
    hit = chosen(sets, degree, rng)[sets.owner]
    return changed(sets, label=np.where(hit, sets.label[order], sets.label))


def _shuffled(
    condition: str, space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator
) -> Sets:
    """A share of the sets is given out under the conditions of others among them."""
    values = sets.conditions[condition].copy()
    rows = np.flatnonzero(chosen(sets, degree, rng) & (values != UNKNOWN))
    values[rows] = values[rng.permutation(rows)]
    return sets.asked({**sets.conditions, condition: values})


@damage("duplicated", degrees=(0.1, 0.25, 0.5, 0.9))
def duplicated(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This share of {sets} replaced by copies of others."""
    gone = chosen(sets, degree, rng)
    rows = np.arange(len(sets))
    rows[gone] = rng.choice(rows[~gone], int(gone.sum()))
    return sets[rows]


@damage("training copied")
def copied(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This share of {sets} replaced by training {sets}."""
    gone = chosen(sets, degree, rng)
    taken = rng.permutation(len(train))[: int(gone.sum())]
    return sets.concatenate([sets[~gone], train[taken]])


@damage("few ideas", degrees=(4, 16, 64), unit="variants")
def collapsed(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """All {sets} are variants of a few, this many of each, one {item} changed for a near one."""
    modes = rng.permutation(len(sets))[: max(1, round(len(sets) / degree))]
    return nudged(space, sets[np.sort(modes[np.arange(len(sets)) % len(modes)])], rng)


def _filled(space: Space, sets: Sets, gone: np.ndarray, rng: np.random.Generator) -> Sets:
    """Some sets give way to copies of the rest with one item nudged."""
    copies = sets[rng.choice(np.flatnonzero(~gone), int(gone.sum()))]
    return sets.concatenate([sets[~gone], nudged(space, copies, rng)])


@damage("rare sizes dropped", degrees=(0.1, 0.25, 0.5))
def common(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This share of {sets}, those of the rarest sizes, replaced by variants of others."""
    sizes, counts = np.unique(sets.sizes, return_counts=True)
    rarest = np.argsort(counts, kind="stable")
    rare = sizes[rarest][np.cumsum(counts[rarest]) <= degree * len(sets)]
    return _filled(space, sets, np.isin(sets.sizes, rare), rng)


@damage("one side dropped", degrees=(0.1, 0.25, 0.5), needs_coordinates=True)
def one_side(space: Space, sets: Sets, train: Sets, degree: float, rng: np.random.Generator) -> Sets:
    """This share of {sets}, those farthest along the first axis, replaced by variants of others."""
    assert space.coordinates is not None
    x, _ = moments(space.coordinates[sets.item, 0], sets.owner, len(sets))
    return _filled(space, sets, x > np.nanquantile(x, 1 - degree), rng)

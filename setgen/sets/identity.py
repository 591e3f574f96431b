"""When two sets are the same, and orders and draws of sets that do not depend on how the rows came."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from setgen.sets.sets import Sets
from setgen.sets.space import Space

AnySets = TypeVar("AnySets", bound=Sets)


def as_sets(space: Space, sets: AnySets) -> AnySets:
    """The same as sets of known items: sorted; no unknown item or label, no item twice.

    Sets that keep to the rules come back as they are, but sorted. Of an item that occurs twice the lowest
    label stays.
    """
    known = (sets.item >= 0) & (sets.item < len(space)) & (sets.label >= 0) & (sets.label < space.n_labels)
    sets = sets.kept(known).ordered()
    return sets.kept(~repeats(sets))


def repeats(ordered: Sets) -> np.ndarray:
    """(N,) bool: the element's item is that of the element before, in the same set."""
    return (np.diff(ordered.item, prepend=-1) == 0) & (np.diff(ordered.owner, prepend=-1) == 0)


def element_prints(sets: Sets) -> np.ndarray:
    """(C,) uint64 hash of each set's (item, label) pairs: the wrapped sum of the pairs' hashes.

    Neither the order of items nor the conditions enter.
    """
    from pandas.util import hash_array  # heavy, and not needed where exported models run

    return _sums(hash_array(sets.item.astype(np.int64) * 256 + sets.label), sets.offsets)


def fingerprints(space: Space, sets: Sets) -> np.ndarray:
    """(C,) uint64 hash of each set's item keys; order, labels and conditions do not enter.

    The hash is the wrapped sum of each key's scattered bits, so it is a function of the set alone, and it
    is the same for a set of items on every cut of one space that has no mirror map. Where there is one a set
    and its mirror image are one idea and have one hash: the smaller of the two.
    """
    prints = _of_keys(space.keys[sets.item], sets.offsets)
    if space.mirror_items is None:
        return prints
    return np.minimum(prints, _of_keys(space.keys[space.mirror_items[sets.item]], sets.offsets))


def canonical(sets: AnySets) -> AnySets:
    """The same sets in an order of rows and items that depends on nothing but what they are.

    Whatever is drawn from them with a seed is then the same however the rows came.
    """
    return sets[canonical_rows(sets)].ordered()


def canonical_rows(sets: Sets, *more: np.ndarray) -> np.ndarray:
    """(C,) the rows in the order of `canonical`; more: (C,) arrays each, that order sets which are the same."""
    return np.lexsort((*reversed(more), *reversed(sets.conditions.values()), element_prints(sets)))


def one_of_each(space: Space, sets: AnySets, seed: int) -> AnySets:
    """One row of each set of items, drawn with `seed`, in the order they came: what a statistic may take for
    independent. A climb that is stored at six angles is one climb.
    """
    drawn = np.random.default_rng(seed).permutation(len(sets))
    _, first = np.unique(fingerprints(space, sets)[drawn], return_index=True)
    return sets[np.sort(drawn[first])]


def scattered(x: np.ndarray) -> np.ndarray:
    """The splitmix64 finaliser (Steele, Lea, Flood 2014): a bijection that scatters 64-bit integers."""
    x = x.astype(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _of_keys(keys: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return _sums(scattered(keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)), offsets)


def _sums(hashes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        total = np.concatenate([[np.uint64(0)], np.cumsum(hashes, dtype=np.uint64)])
        return total[offsets[1:]] - total[offsets[:-1]]

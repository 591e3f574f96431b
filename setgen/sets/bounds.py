"""The hard bounds of a space, checked on sets that are there: each one by itself, in NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from setgen.errors import InputError
from setgen.sets.sets import Sets
from setgen.sets.space import OPEN, Space


def label_counts(sets: Sets, label: int) -> np.ndarray:
    """(C,) how many items of each set have the label."""
    return np.bincount(sets.owner[sets.label == label], minlength=len(sets))


def has_repeats(sets: Sets) -> np.ndarray:
    """(C,) bool: some item occurs twice in the set."""
    ordered = sets.ordered()
    same = (np.diff(ordered.item) == 0) & (np.diff(ordered.owner) == 0)
    return np.bincount(ordered.owner[1:][same], minlength=len(sets)) > 0


def broken_bounds(space: Space, sets: Sets) -> dict[str, np.ndarray]:
    """Rule → (C,) bool, True where the set breaks it. A set that breaks none is legal."""
    sizes, item = sets.sizes, space.item_word
    known = (sets.item >= 0) & (sets.item < len(space))
    label_ok = (sets.label >= 0) & (sets.label < space.n_labels)
    label_ok[label_ok] = space.label_occurs[sets.label[label_ok]]

    def any_of(bad: np.ndarray) -> np.ndarray:
        return np.bincount(sets.owner[bad], minlength=len(sets)) > 0

    broken = {
        f"unknown {item}": any_of(~known),
        f"unknown {space.label_word}": any_of(~label_ok),
        f"{'an' if item[0] in 'aeiou' else 'a'} {item} twice": has_repeats(sets),
        f"too few {item}s": sizes < space.sizes[0],
        f"too many {item}s": sizes > space.sizes[1],
    }
    for r, label in enumerate(space.labels):
        counts = label_counts(sets, r)
        if label.at_least > 0:
            broken[f"too few {plural(label.name)}"] = counts < label.at_least
        if label.at_most is not None and (label.at_most > 0 or label.at_least > 0):
            broken[f"too many {plural(label.name)}"] = counts > label.at_most
    return broken


def lacks(space: Space) -> set[str]:
    """Those rules of `broken_bounds` that more items may mend: something is still to come."""
    return {
        f"too few {thing}"
        for thing in (f"{space.item_word}s", *(plural(label.name) for label in space.labels))
    }


def legal(space: Space, sets: Sets) -> np.ndarray:
    """(C,) bool: the set breaks no hard bound."""
    return ~np.any(list(broken_bounds(space, sets).values()), axis=0)


def size_range(space: Space, elements: Sequence[tuple[int, int]] = ()) -> tuple[int, int]:
    """(fewest, most) items of a legal set that contains these elements.

    One whose label is open may become what is owed.
    """
    owed = sum(owed_labels(space, elements).values()) - sum(label == OPEN for _, label in elements)
    return max(space.sizes[0], len(elements) + max(0, owed)), space.largest


def owed_labels(space: Space, elements: Sequence[tuple[int, int]]) -> dict[str, int]:
    """Label → how many items with it must still come."""
    counts = Counter(label for _, label in elements)
    return {
        label.name: label.at_least - counts[r]
        for r, label in enumerate(space.labels)
        if counts[r] < label.at_least
    }


def check_elements(space: Space, elements: Sequence[tuple[int, int]]) -> None:
    """Raise InputError for what is not of this space, and for an item that is given twice."""
    for item, label in elements:
        if not (0 <= item < len(space) and (0 <= label < space.n_labels or label == OPEN)):
            raise InputError(f"the prompt's {space.item_word} ({item}, {label}) is not on this {space.word}")
        if label != OPEN and not space.label_occurs[label]:
            raise InputError(f"this {space.word} has no {space.labels[label].name} {space.item_word}s")
    for item, times in Counter(item for item, _ in elements).items():
        if times > 1:
            name = f"{space.item_word} {space.item_name(item)}"
            raise InputError(f"{name} is given twice: give each {space.item_word} once")


def check_given(space: Space, elements: Sequence[tuple[int, int]]) -> None:
    """Raise InputError with the reason when no legal set contains these elements."""
    check_elements(space, elements)
    things = f"{space.item_word}s"
    for r, label in enumerate(space.labels):
        given = sum(have == r for _, have in elements)
        if label.at_most is not None and given > label.at_most:
            raise InputError(
                f"{given} {label.name} {things} are given; this {space.word} allows {label.at_most}"
            )
        if label.at_least > 0 and not space.label_occurs[r]:
            raise InputError(
                f"this {space.word} asks for {label.at_least} {label.name} {things} and has no such "
                f"{space.label_word}"
            )
    fewest, most = size_range(space, elements)
    if fewest > most:
        owed = owed_labels(space, elements)
        still = f"with the {' and '.join(owed)} still owed that is" if owed else "that is"
        raise InputError(
            f"{len(elements)} {things} are given; {still} more than the {most} this {space.word} allows"
        )


def plural(name: str) -> str:
    return name + ("es" if name.endswith(("s", "sh", "ch", "x")) else "s")

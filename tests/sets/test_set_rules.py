"""The rules against brute force: what may come is exactly what a whole set can still come of."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch

from setgen.errors import InputError
from setgen.sets.batch import to_batch
from setgen.sets.rules import Limits, Partial, Rules
from setgen.sets.sets import One, Sets
from setgen.sets.space import OPEN, Items, Label


def random_space(rng: np.random.Generator) -> Items:
    """Up to 5 items and 3 labels with bounds of all kinds."""
    v, r = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    labels = []
    for i in range(r):
        least = int(rng.integers(0, 2))
        most = None if rng.random() < 0.5 else int(rng.integers(least, 3))
        labels.append(Label(f"l{i}", least, most))
    fewest = int(rng.integers(1, v + 1))
    return Items(
        "random", tuple(f"i{i}" for i in range(v)), (fewest, int(rng.integers(fewest, v + 1))), tuple(labels)
    )


def whole_sets(space: Items, limits: Limits | None) -> list[frozenset[tuple[int, int]]]:
    """Every set within bounds and limits, in the test's own words; new elements are not looked at."""
    lo, hi = space.label_bounds.T.copy()
    fewest, most = space.sizes
    if limits is not None:
        if limits.labels is not None:
            lo, hi = np.maximum(lo, limits.labels[:, 0]), np.minimum(hi, limits.labels[:, 1])
        fewest = max(fewest, limits.sizes[0] or 0)
        most = min(most, limits.sizes[1] or most)
    found = []
    for n in range(fewest, most + 1):
        for items in combinations(range(len(space)), n):
            for labels in product(range(space.n_labels), repeat=n):
                counts = np.bincount(labels, minlength=space.n_labels)
                if (lo <= counts).all() and (counts <= hi).all():
                    found.append(frozenset(zip(items, labels, strict=True)))
    return found


def random_limits(space: Items, rng: np.random.Generator) -> Limits:
    v, r = len(space), space.n_labels
    labels = np.stack([rng.integers(0, 2, r), rng.integers(1, v + 1, r)], 1)
    sizes = (int(rng.integers(1, v + 1)) if rng.random() < 0.3 else None, None)
    return Limits(rng.random((v, r)) < 0.7, labels if rng.random() < 0.5 else None, sizes)


def test_what_may_come_is_what_a_whole_set_can_come_of():
    rng, seen = np.random.default_rng(0), [0, 0]
    for _ in range(250):
        space = random_space(rng)
        limits = random_limits(space, rng) if rng.random() < 0.6 else None
        rules, sets = Rules.of(space, limits=limits), whole_sets(space, limits)
        new = np.ones((len(space), space.n_labels), bool) if limits is None else limits.elements
        chosen = rng.permutation(len(space))[: rng.integers(len(space))].tolist()
        given = frozenset((i, int(rng.integers(space.n_labels))) for i in chosen)

        def completions(known, sets=sets, new=new):
            return [s for s in sets if known <= s and all(new[e] for e in s - known)]

        batch = to_batch(space, Sets.of(space, [One(tuple(given))]))
        state = Partial.of(space, batch)
        sizes = set(np.flatnonzero(rules.possible_sizes(state)[0]).tolist())
        assert sizes == {len(s) for s in completions(given)}
        if not sizes:
            assert "\n" not in rules.why_not(state)
        for size in sizes - {len(given)}:
            left = torch.tensor([size - len(given)])
            allowed = rules.allowed(state, left, left)[0]
            for item, label in product(range(len(space)), range(space.n_labels)):
                known = given | {(item, label)}
                could = item not in chosen and any(
                    len(s) == size and known <= s and all(new[e] for e in s - given) for s in sets
                )
                assert bool(allowed[item, label]) == could
                seen[bool(could)] += 1
    assert min(seen) > 500


def test_in_a_fixed_order_nothing_comes_behind_the_line():
    rng, seen = np.random.default_rng(1), [0, 0]
    for _ in range(150):
        space = random_space(rng)
        limits = random_limits(space, rng) if rng.random() < 0.5 else None
        rules, sets = Rules.of(space, limits=limits), whole_sets(space, limits)
        new = np.ones((len(space), space.n_labels), bool) if limits is None else limits.elements
        state = Partial.of(space, to_batch(space, Sets.of(space, [One(())])))
        rank = rng.permutation(len(space))
        ahead = rules.ahead(state, torch.from_numpy(rank)[None])
        line = int(rng.integers(-1, len(space)))
        ahead = ahead.at(torch.tensor([line]))
        for size in np.flatnonzero(rules.possible_sizes(state)[0]).tolist():
            left = torch.tensor([size])
            allowed = rules.allowed(state, left, left, ahead)[0]
            for item, label in product(range(len(space)), range(space.n_labels)):
                could = rank[item] > line and any(
                    len(s) == size and (item, label) in s and all(new[e] for e in s)
                    and min(rank[i] for i, _ in s) == rank[item]
                    for s in sets
                )  # fmt: skip
                assert not could or bool(allowed[item, label])
                if limits is not None:  # without limits, roles ahead are not counted item by item
                    assert bool(allowed[item, label]) == could
                seen[bool(could)] += 1
    assert min(seen) > 100


def test_open_labels_take_what_is_owed():
    space = Items("t", ("a", "b", "c"), (2, 3), (Label("x", 1, 1), Label("y", 1, None)))
    rules = Rules.of(space)
    batch = to_batch(space, Sets.of(space, [One(((0, OPEN), (1, 0)))]))
    state, one = Partial.of(space, batch), torch.tensor([1])
    assert rules.labels_for_open(state, one, torch.tensor([2])).tolist() == [[False, True]]
    assert np.flatnonzero(rules.possible_sizes(state, one)[0]).tolist() == [2, 3]


def test_too_many_labels_for_limits_are_one_line():
    space = Items("t", ("a", "b"), (1, 2), tuple(Label(str(i)) for i in range(9)))
    Rules.of(space)
    with pytest.raises(InputError, match="at most 8 labels"):
        Rules.of(space, limits=Limits())

"""Context: all that a metric may look at, and the one cache of what is computed on the way."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from setgen.errors import InputError
from setgen.metrics.metric import import_own, words_of
from setgen.sets.identity import as_sets, canonical, one_of_each
from setgen.sets.sets import Sets
from setgen.sets.space import Space

P = ParamSpec("P")
T = TypeVar("T")

SCORED = 256
"""Sets scored at once: sums of another batch differ in the last digits."""


def cached(compute: Callable[Concatenate[Context, P], T]) -> Callable[Concatenate[Context, P], T]:
    """The same function of a context, run once for the sets that the context looks at and each argument."""

    @wraps(compute)
    def once(c: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        assert not kwargs, "arguments are given by place, for they are the key"
        return c.once((compute, *args), lambda: compute(c, *args, **kwargs))

    return once


PerSet = Callable[["Context"], dict[str, np.ndarray]]
_PER_SET: dict[str, tuple[type[Space], PerSet]] = {}


def per_set(compute: PerSet, space: type[Space] = Space) -> PerSet:
    """`cached`, of a function that says of each set what it says whatever the others are: name → (C,) numbers.

    Of sets in shards it is computed shard by shard, with the same answer (see `metrics.shards`). space: the kind
    of space that it is for.
    """
    name = f"{compute.__module__}.{compute.__qualname__}"
    _PER_SET[name] = space, compute

    @wraps(compute)
    def once(c: Context) -> dict[str, np.ndarray]:
        found = getattr(c.raw, "found", None)
        return c.once((compute,), lambda: compute(c)) if found is None else found(name)

    return once


def per_set_functions(space: Space) -> dict[str, PerSet]:
    """All that there are for this kind of space, by name."""
    return {name: compute for name, (kind, compute) in _PER_SET.items() if isinstance(space, kind)}


@dataclass(frozen=True, eq=False)
class Context:
    """Sets that are looked at, beside the real ones of both splits.

    raw: the sets looked at, as they came, those that break rules included; where a generator is asked, the
    prompts that it is to complete. test_sets, train_sets: one row of each set of items. Real rows may hold a
    set many times (a climb at every angle it was climbed at); counted as often, real sets would be their own
    nearest neighbours, and errors would be too small.
    data: the dataset they are of, if any. extras: what metrics of a domain are told (such as grader=None).
    generator: what is asked, with so many orders for the likelihood and shuffles for order sensitivity, on at
    most `most_tests` test sets (None: all). batch_size: sets drawn at once; it changes no score, for scores
    are computed SCORED at a time.
    cache: sets → what is computed of them; contexts made from one another share it, and what is known of sets
    goes when they go.
    """

    space: Space
    raw: Any
    test_sets: Any
    train_sets: Any
    seed: int = 0
    data: Any = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    generator: Any = None
    orders: int = 4
    shuffles: int = 4
    most_tests: int | None = None
    batch_size: int = 256
    cache: WeakKeyDictionary[Sets, dict[Any, Any]] = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        import_own(self.space)

    @classmethod
    def of(
        cls, space: Space, train: Sets, test: Sets, *, seed: int = 0, data: Any = None, **extras: Any
    ) -> Context:
        """From rows of training and test sets; it looks at the test sets. Raises InputError for none."""
        for part, name in ((test, "test"), (train, "training")):
            if len(part) == 0:
                raise InputError(
                    f"the dataset has no {name} {space.set_word}s to compare with: it is too small"
                )
        test, train = (one_of_each(space, canonical(part), seed) for part in (test, train))
        return cls(space, test, test, train, seed, data, extras)

    @classmethod
    def of_dataset(cls, data: Any, seed: int = 0, **extras: Any) -> Context:
        """From a dataset: anything with a space (or board) and `part("train")`, `part("test")`."""
        space = data.space if hasattr(data, "space") else data.board
        return cls.of(space, data.part("train"), data.part("test"), seed=seed, data=data, **extras)

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def sets(self) -> Sets:
        """The sets looked at as sets of known items (see `sets.identity.as_sets`)."""
        return _known(self)

    @property
    def test(self) -> Context:
        """The test sets, looked at."""
        return self.on(self.test_sets)

    @property
    def train(self) -> Context:
        """The training sets, looked at."""
        return self.on(self.train_sets)

    @property
    def words(self) -> dict[str, str]:
        return words_of(self.space)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """compute(), run once for the sets looked at."""
        known = self.cache.setdefault(self.raw, {})
        if key not in known:
            known[key] = compute()
        return known[key]

    def on(self, raw: Any) -> Context:
        """The same with other sets looked at."""
        return replace(self, raw=raw)

    def judging(self, sets: Sets) -> Context:
        """Sets to be judged, in an order that does not depend on how they came."""
        return self.on(canonical(sets))

    def fewer(self, most: int) -> Context:
        """At most so many of the sets, drawn with the seed."""
        return self if len(self) <= most else self.on(_some(self, most, self.seed))

    def at_most(self, most: int) -> tuple[Context, str]:
        """At most so many of the sets and as many test sets, and the note that says so."""
        if max(len(self), len(self.test_sets)) <= most:
            return self, ""
        return _cut(self, most)

    def stand_in(self, floor: Literal["train", "test"], n: int) -> Context:
        """Real sets in the place of n generated ones: all test sets, or as many training sets."""
        return self.test if floor == "test" else self.on(_first(self.train, n, self.seed))

    def asking(self, generator: Any, n: int, **options: Any) -> Context:
        """A generator to be asked for n sets, under conditions of test sets, each used as often as any other
        ± 1. options: orders, shuffles, most_tests, batch_size."""
        empty, rng = self.test_sets.emptied(), np.random.default_rng(self.seed)
        rounds = [rng.permutation(len(empty)) for _ in range(-(-n // len(empty)))]
        prompts = empty[np.concatenate(rounds)[:n]]
        return replace(self, raw=prompts, generator=generator, **options)

    def complete(self, prompts: Sets, legal: bool = True) -> Sets:
        """What the generator makes of each prompt."""
        self.generator.eval()
        return self.generator.sample(prompts, legal=legal, seed=self.seed, batch_size=self.batch_size)


@cached
def samples(c: Context, legal: bool = True) -> Sets:
    """What the generator makes of the context's prompts; legal: with the rules' masks."""
    return c.complete(c.raw, legal)


@cached
def scored(c: Context) -> Sets:
    """The test sets that a generator is asked about."""
    return c.test_sets.at_most(c.most_tests, c.seed)


@cached
def _known(c: Context) -> Sets:
    # Of sets in shards only what looks at all of them at once asks for this: few sets, or one number of each item.
    raw = c.raw if isinstance(c.raw, Sets) else c.raw[np.arange(len(c.raw))]
    return as_sets(c.space, raw)


@cached
def _some(c: Context, most: int, seed: int) -> Sets:
    rows = np.random.default_rng([seed, len(c)]).choice(len(c), most, replace=False)
    return c.raw[np.sort(rows)]


@cached
def _first(c: Context, n: int, seed: int) -> Sets:
    return c.raw.at_most(n, seed)


@cached
def _cut(c: Context, most: int) -> tuple[Context, str]:
    # Sets that are not cut are copied: what the cache has of them belongs to all test sets.
    ours = _some(c, most, c.seed) if len(c) > most else c.raw[:]
    real = _some(c.test, most, c.seed + 1) if len(c.test_sets) > most else c.test_sets
    both = ((ours, c.raw, ""), (real, c.test_sets, "test "))
    cut = [f"{len(a)} of {len(b)} {name}{c.words['sets']}" for a, b, name in both if len(a) < len(b)]
    return replace(c, raw=ours, test_sets=real), f"on {' and '.join(cut)}"

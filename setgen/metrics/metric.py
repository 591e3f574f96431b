"""What a metric is, and the one registry: `@metric(name=…, unit=…, …)` above a function of a Context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from setgen.metrics.estimate import Estimate
from setgen.sets.space import Space

if TYPE_CHECKING:
    from setgen.metrics.context import Context

Compute = TypeVar("Compute", bound=Callable[..., Estimate])
Direction = Literal["↑", "↓", "=", "none"]

MODULES = (
    *("likelihood", "validity", "completion", "novelty", "diversity", "usage", "distances", "transport"),
    *("neighbours", "kernels", "frechet", "two_sample"),
)
"""Modules of this package that register metrics. A new one is one file and its name here; a space has its own
in the module that its class names as `metrics_module`."""

FAMILIES = ("likelihood", "validity", "completion", "novelty", "diversity", "fidelity", "two-sample")
"""Headings, in the order of the table; families of a space's own come after them."""

AGAINST_TEST = ("fidelity", "two-sample", "conditioning")
"""Families that compare with the test sets, which takes as many of these."""

OF_TEST = ("likelihood", "completion")
"""Families that ask a model about test sets: these are what they count."""


class Unavailable(Exception):
    """Raised by a metric that does not exist in the space or for the data, with the reason."""


@dataclass(frozen=True)
class Metric:
    """One line of a table.

    compute: Context → Estimate; raises Unavailable with the reason where there is no such thing. over:
    space → (name, second argument of compute); there is a line for each, its name in the place of {each}.
    formula: what it is, in words; the first paragraph of the function's docstring where it is not given.
    direction: ↑ more is better, ↓ less is better, = as close to the floor as can be.
    floor: which real sets take the place of the generated ones: all `test` sets, or an equally large sample
    of `train` sets (for what depends on the number of sets, or is measured against the test sets). `none`
    where real sets cannot take a model's place.
    family: the heading it stands under. needs: generated sets (test sets in the families `OF_TEST`, both in
    `AGAINST_TEST`) below which it says little: its interval is then too wide to tell good from bad.
    sees: names of the damages (`damage.damages_of`) that it claims to see, proved by `proof.prove`.
    needs_…: what it asks of a space and of the caller; where that is lacking it is left out, with the reason.
    space: the kind of space that it is for; in others there is no such metric. most: sets that it looks at.

    Texts may say {item}, {items}, {set}, {sets}, {label}, {labels}, {space}, {length}, the space's words, and
    {most}.
    """

    name: str
    unit: str
    source: str
    family: str
    compute: Callable[..., Estimate]
    formula: str = ""
    direction: Direction = "↓"
    floor: Literal["train", "test", "none"] = "train"
    needs: int = 100
    sees: tuple[str, ...] = ()
    over: Callable[[Space], Sequence[tuple[str, Any]]] | None = None
    space: type = Space
    most: int | None = None
    needs_generator: bool = False
    needs_coordinates: bool = False
    needs_labels: bool = False
    needs_condition: str | None = None
    sets: str = "sets"

    @property
    def wants(self) -> str:
        """How many sets it wants, in words."""
        if self.family in OF_TEST:
            return f"{self.needs} test {self.sets}"
        also = f" and as many test {self.sets}" if self.family in AGAINST_TEST else ""
        return f"{self.needs} {self.sets}{also}"

    def wanting(self, sets: int, tests: int | None = None) -> str:
        """That there are too few sets, or too few test sets, in words; empty where there are enough.

        sets: those that the metric counts, generated ones but for the families `OF_TEST`.
        """
        few = []
        if sets < self.needs:
            few.append(f"{self.needs} {'test ' if self.family in OF_TEST else ''}{self.sets}")
        if self.family in AGAINST_TEST and tests is not None and tests < self.needs:
            few.append(f"{self.needs} test {self.sets}")
        return f"wants {' and '.join(few)}" if few else ""

    def lacking(self, space: Space) -> str:
        """Why the metric does not exist in the space, in words; empty where it does."""
        if self.needs_coordinates and space.coordinates is None:
            return f"the {space.item_word}s have no coordinates"
        if self.needs_labels and space.n_labels < 2:
            return f"the {space.item_word}s have no labels"
        if self.needs_condition is not None and self.needs_condition not in space.conditions:
            return f"the {space.set_word}s have no {self.needs_condition}"
        return ""

    def worded(self, words: dict[str, str]) -> Metric:
        """The same with the space's words."""
        texts = ("name", "unit", "formula", "source")
        said = {k: getattr(self, k).format(**words, most=self.most) for k in texts}
        return replace(self, **said, sees=tuple(s.format(**words) for s in self.sees), sets=words["sets"])


_REGISTRY: list[Metric] = []


def metric(**said: Any) -> Callable[[Compute], Compute]:
    """Register a function as a metric; keywords: the fields of Metric. The function stays what it is."""

    def register(compute: Compute) -> Compute:
        doc = " ".join((compute.__doc__ or "").split("\n\n")[0].split()).removesuffix(".")
        _REGISTRY.append(Metric(compute=compute, **({"formula": doc} | said)))
        return compute

    return register


def words_of(space: Space) -> dict[str, str]:
    """The words that a space has for what the texts of metrics and damages name."""
    words = {"item": space.item_word, "set": space.set_word, "label": space.label_word}
    plural = {f"{name}s": f"{word}s" for name, word in words.items()}
    return {**words, **plural, "space": space.word, "length": getattr(space, "length_word", "units")}


def import_own(space: Space) -> None:
    """Import what a space's class names as the module of its own metrics and damages."""
    own = getattr(space, "metrics_module", None)
    if own is not None:
        import_module(own)


def metrics_of(space: Space) -> dict[str, Metric]:
    """Name → metric, of all that are for this kind of space, in its words; families together.

    A metric of a narrower kind of space takes the place of one of the same name.
    """
    for name in MODULES:
        import_module(f"setgen.metrics.{name}")
    import_own(space)
    words = words_of(space)
    table: dict[str, Metric] = {}
    for known in _REGISTRY:
        if isinstance(space, known.space):
            for one in _each(known, space, words):
                if one.name not in table or issubclass(known.space, table[one.name].space):
                    table[one.name] = one
    place = {family: i for i, family in enumerate(FAMILIES)}
    return {m.name: m for m in sorted(table.values(), key=lambda m: place.get(m.family, len(place)))}


def _each(known: Metric, space: Space, words: dict[str, str]) -> list[Metric]:
    if known.over is None:
        return [known.worded(words)]
    return [
        replace(known.worded(words | {"each": name}), compute=partial(_of_each, known.compute, which))
        for name, which in known.over(space)
    ]


def _of_each(compute: Callable[..., Estimate], which: Any, c: Context) -> Estimate:
    return compute(c, which)

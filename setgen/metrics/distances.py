"""Wasserstein distances between generated and test sets of what one number a set, or several, say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import wasserstein_distance

from setgen.metrics.context import Context
from setgen.metrics.estimate import Estimate, from_replicates, resamples, undefined
from setgen.metrics.metric import Unavailable, metric
from setgen.sets import per_set
from setgen.sets.bounds import label_counts
from setgen.sets.space import Space

Values = Callable[[Context], np.ndarray] | Callable[[Context], tuple[np.ndarray, np.ndarray]]
"""Context → (C,) values of the sets looked at, or (M,) values and (M,) the set each belongs to; NaN: none."""


def distance(c: Context, values_of: Values) -> Estimate:
    """W₁ = ∫ |F − G| between the distribution functions of the values of the sets and of the test sets."""
    (ours, owner), (real, _) = (_defined(values_of(x)) for x in (c, c.test))
    if len(real) == 0:
        raise Unavailable(f"no test {c.space.set_word} has such a value")
    if len(ours) == 0:
        return undefined(f"undefined on every {c.space.set_word}")
    at, place = np.unique(ours, return_inverse=True)
    real_at, real_weight = np.unique(real, return_counts=True)

    def w1(weight: np.ndarray) -> float:
        return float(wasserstein_distance(at, real_at, weight, real_weight))

    resampled = (np.bincount(place, weights=times[owner]) for times in resamples(len(c), c.seed))
    spread = np.array([w1(weight) for weight in resampled if weight.sum() > 0])
    return from_replicates(w1(np.bincount(place)), spread, len(np.unique(owner)), bounds=(0, np.inf))


def _defined(found: np.ndarray | tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    values, owner = found if isinstance(found, tuple) else (found, np.arange(len(found)))
    keep = ~np.isnan(values)
    return values[keep].astype(np.float64), owner[keep]


def labels_of(space: Space) -> list[tuple[str, int]]:
    """(name, number) of the labels, where there are several."""
    return [(label.name, r) for r, label in enumerate(space.labels)] if space.n_labels > 1 else []


def distance_metric(what: str, said: str, unit: str = "{length}", **more: object) -> Callable:
    """`metric` for the distance of what is said; more: further keywords."""
    said = (
        f"W₁ = ∫ |F − G|, F and G the distribution functions of {said}, of the {{sets}} and the test {{sets}}"
    )
    source = "Wasserstein-1 distance, scipy; standard error by bootstrap over {sets}, test {sets} fixed"
    given = {"family": "fidelity", "name": f"W₁ {what}", "unit": unit, "formula": said, "source": source}
    return metric(**given, **more)


@distance_metric("size", "the number of {items}", "{items}", sees=("rare sizes dropped",))
def size_distance(c: Context) -> Estimate:
    return distance(c, lambda x: x.sets.sizes)


@distance_metric(
    "{each} {items}", "the number of {each} {items}", "{items}", sees=("{labels} lost",), over=labels_of
)
def label_distance(c: Context, label: int) -> Estimate:
    if not c.space.label_occurs[label]:
        raise Unavailable(f"there are no {c.space.labels[label].name} {c.words['items']} here")
    return distance(c, lambda x: label_counts(x.sets, label))


@distance_metric(
    "spread",
    "the root mean square distance of the {items} from their centre",
    sees=("random {sets}",),
    needs_coordinates=True,
)
def spread_distance(c: Context) -> Estimate:
    return distance(c, spread)


def spread(c: Context) -> np.ndarray:
    """(C,) root mean square distance of each set's items from their centre; NaN where there are none."""
    assert c.space.coordinates is not None
    sets = c.sets
    deviations = [per_set.moments(x, sets.owner, len(c))[1] for x in c.space.coordinates[sets.item].T]
    return np.sqrt(np.square(deviations).sum(0))

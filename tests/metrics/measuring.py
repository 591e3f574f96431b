"""Short ways to ask for one metric."""

import numpy as np

from setgen.metrics.context import Context
from setgen.metrics.evaluate import estimate, floor_of
from setgen.metrics.metric import Unavailable, metrics_of


def measure(c, name):
    """The metric of that name on the sets that the context looks at; None where there is no such thing."""
    try:
        return estimate(c, metrics_of(c.space)[name])
    except Unavailable:
        return None


def floor(c, name, n):
    """Its floor for n sets."""
    return floor_of(c, metrics_of(c.space)[name], n)


def look(space, sets, test=None, train=None, **options):
    """A context of plain sets: those looked at, and real ones, which are the same where none are given."""
    test = sets if test is None else test
    return Context(space, sets, test, test if train is None else train, **options)


def reordered(climbs, rng):
    """The same climbs with rows and holds in another order."""
    rows = climbs[rng.permutation(len(climbs))]
    return rows.reordered(np.lexsort((rng.random(len(rows.item)), rows.owner)))

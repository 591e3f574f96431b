"""Best of k: of k times as many draws as are wanted, those worth showing.

A choice among draws changes no climb: the draws are those of the model, and the first of them those that would have
been made without a choice. Whoever chooses should not judge too: the numbers of a model are those of its bare draws.
"""

from __future__ import annotations

import numpy as np

from setgen.climbing.climbs import Climbs

MOST_DRAWS = 10_000
"""Of one choice: every climb chosen is compared with those chosen before."""

_ALIKE = 0.6  # two climbs that share so much of their holds and roles (Jaccard) are one idea


def best(
    climbs: Climbs, n: int, sensible: np.ndarray | None = None, off: np.ndarray | None = None
) -> np.ndarray:
    """Rows of at most n climbs out of C, the best first: fewer where fewer differ.

    sensible: (C,) bool, those come before all others. off: (C,) difficulty ids between what a climb is graded
    and what was asked for, NaN where nothing was; nearer ones come first. None: not known. No two are the same
    set of holds and roles, and none is much like one before it (Jaccard 0.6) while there are others left, sensible
    or not as they are.

    >>> rows = best(climbs, 8, judges.sensible(climbs), judges.off(climbs))  # doctest: +SKIP
    """
    good = np.ones(len(climbs), dtype=bool) if sensible is None else sensible
    far = np.zeros(len(climbs)) if off is None else np.nan_to_num(np.abs(off))
    order = np.lexsort((far, ~good))  # stable: level ones in the order in which they were drawn
    sets = [frozenset(climb.holds) for climb in climbs]
    chosen: list[int] = []
    for wanted in (True, False):
        group = [row for row in order.tolist() if good[row] == wanted]
        for alike in (_ALIKE, 1.0):
            for row in group:
                if len(chosen) == n:
                    break
                if all(_similarity(sets[row], sets[other]) < alike for other in chosen):
                    chosen.append(row)
    return np.array(sorted(chosen, key=lambda row: (not good[row], far[row])), dtype=np.int64)


def _similarity(one: frozenset[tuple[int, int]], other: frozenset[tuple[int, int]]) -> float:
    """Jaccard; 1 for two empty sets."""
    return len(one & other) / len(one | other) if one | other else 1.0

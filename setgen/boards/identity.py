"""When two climbs are the same, and an order of climbs that does not depend on the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from setgen.boards.climbs import Climbs


def element_prints(climbs: Climbs) -> np.ndarray:
    """(C,) uint64 hash of each climb's (placement, role) pairs: the wrapped sum of the pairs' hashes.

    The order of holds, the angle and the grade do not enter.
    """
    code = climbs.placement.astype(np.int64) * 256 + climbs.role
    hashes = pd.util.hash_array(code)
    total = np.concatenate([[np.uint64(0)], np.cumsum(hashes, dtype=np.uint64)])
    return total[climbs.offsets[1:]] - total[climbs.offsets[:-1]]


def canonical(climbs: Climbs) -> Climbs:
    """The same climbs in an order of rows and holds that depends on nothing but what they are.

    Whatever is drawn from them with a seed is then the same however the rows came.
    """
    climbs = climbs.ordered()
    return climbs[np.lexsort((climbs.grade, climbs.angle, element_prints(climbs)))]

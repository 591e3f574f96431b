"""Splits that cannot leak: every row of one hold set falls on the same side, whatever its angle or uuid."""

from setgen.sets.identity import fingerprints, one_of_each
from setgen.sets.splits import SPLITS, assign

__all__ = ["SPLITS", "assign", "fingerprints", "one_of_each"]

"""Metrics and damages of climbs alone, beside those of any sets; importing them registers them."""

from setgen.boards.metrics import conditioning, damage, shape, validity

__all__ = ["conditioning", "damage", "shape", "validity"]

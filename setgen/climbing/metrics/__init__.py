"""Metrics and damages of climbs alone, beside those of any sets; importing them registers them."""

from setgen.climbing.metrics import conditioning, damage, sensible, usage

__all__ = ["conditioning", "damage", "sensible", "usage"]

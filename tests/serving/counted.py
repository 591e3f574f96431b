"""A model that only counts, of any board: the quickest there is to serve."""

from setgen.climbing.board import Board
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.generators.base import Generator
from setgen.generators.registry import generator_class


def hold_frequency(board: Board) -> Generator:
    """Counts of 50 climbs of the synthetic board, whose placements the board must have."""
    kind = generator_class("hold_frequency")
    generator = kind(board, kind.Config())
    generator.fit_counts(synthetic_climbs(50, seed=0))
    return generator

"""Legal climbs: the hard rules of the boards' own apps. They are the bounds of the board as a space."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.sets import bounds
from setgen.sets.bounds import broken_bounds as broken_rules
from setgen.sets.bounds import has_repeats, legal

__all__ = ["broken_rules", "check_prompt", "has_repeats", "legal", "role_counts", "size_range"]


def role_counts(climbs: Climbs, role: Role) -> np.ndarray:
    """(C,) how many holds of each climb play `role`."""
    return bounds.label_counts(climbs, role)


def check_prompt(board: Board, prompt: Climb) -> None:
    """Raise InputError with the reason when no legal climb contains the prompt's holds."""
    bounds.check_given(board, prompt.holds)


def size_range(board: Board, prompt: Climb) -> tuple[int, int]:
    """(fewest, most) holds of a legal climb that contains the prompt's holds.

    A hold whose role is open may become a start or finish that is owed.
    """
    return bounds.size_range(board, prompt.holds)

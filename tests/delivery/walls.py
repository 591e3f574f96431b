"""The built-in board, as if it were an Aurora app's: numbers, LEDs and colours made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from setgen.climbing.board import AppIds, Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.roles import Role
from setgen.climbing.sources.synthetic import synthetic_board

PLAIN = synthetic_board()
COLORS = {Role.START: "#00FF00", Role.MIDDLE: "#00FFFF", Role.FINISH: "#FF00FF", Role.FOOT: "#FFB600"}
WALL = replace(
    PLAIN,
    name="toy wall",
    family="kilter",
    app=AppIds(1, 10, (1, 20)),
    leds=np.random.default_rng(0).permutation(1000)[: len(PLAIN)],
    led_colors=COLORS,
)


def any_climbs(board: Board, least: int = 1) -> st.SearchStrategy[Climbs]:
    """Climbs of any holds, each once, in roles that the board has; legal or not."""
    holds = st.dictionaries(
        st.integers(0, len(board) - 1), st.sampled_from([int(r) for r in board.role_ids]), min_size=1
    )
    climb = st.builds(
        lambda h, a, g: Climb(tuple(sorted(h.items())), a, g),
        holds,
        st.sampled_from([UNKNOWN, *board.angles]),
        st.sampled_from([UNKNOWN, *board.grades]),
    )
    return st.lists(climb, min_size=least, max_size=4).map(Climbs.from_list)


def same(a: Climbs, b: Climbs, *columns: str) -> bool:
    """Whether two collections have the same holds, and the same of `columns`."""
    a, b = a.ordered(), b.ordered()
    return all(
        np.array_equal(getattr(a, n), getattr(b, n)) for n in ("placement", "role", "offsets", *columns)
    )

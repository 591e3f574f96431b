"""Prompts that no legal climb contains are refused, on boards smaller than the app's limit too."""

from dataclasses import replace

import numpy as np
import pytest

from setgen.climbing.climbs import Climb
from setgen.climbing.roles import Role
from setgen.climbing.rules import check_prompt
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError

_BOARD = synthetic_board()
SMALL = replace(
    _BOARD,
    ids=_BOARD.ids[:6],
    xy=_BOARD.xy[:6],
    hold_set=np.zeros(6, dtype=np.int64),
    hole_names=_BOARD.hole_names[:6],
    mirror=None,
)


def test_what_is_owed_must_fit_on_the_board():
    check_prompt(SMALL, Climb(tuple((p, Role.MIDDLE) for p in range(4))))
    with pytest.raises(InputError, match="more than the 6 this board allows"):
        check_prompt(SMALL, Climb(tuple((p, Role.MIDDLE) for p in range(5))))

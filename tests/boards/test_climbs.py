"""Climbs as arrays: indexing, ordering and concatenation agree with plain Python lists."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from setgen.climbing.climbs import Climb, Climbs

HOLDS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=6).map(tuple)
CLIMBS = st.lists(st.builds(Climb, HOLDS, st.integers(-1, 70), st.integers(-1, 33)), max_size=8)


@given(CLIMBS)
def test_list_round_trip(climbs: list[Climb]) -> None:
    assert list(Climbs.from_list(climbs)) == climbs


@given(CLIMBS, st.data())
def test_indexing_is_that_of_a_list(climbs: list[Climb], data: st.DataObject) -> None:
    table = Climbs.from_list(climbs)
    if climbs:
        picks = data.draw(st.lists(st.integers(0, len(climbs) - 1), max_size=10))
        assert list(table[np.array(picks, dtype=int)]) == [climbs[i] for i in picks]
    mask = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(climbs), max_size=len(climbs))), dtype=bool
    )
    assert list(table[mask]) == [c for c, m in zip(climbs, mask, strict=True) if m]


@given(CLIMBS)
def test_ordered_sorts_each_climb_by_placement_then_role(climbs: list[Climb]) -> None:
    assert list(Climbs.from_list(climbs).ordered()) == [
        c._replace(holds=tuple(sorted(c.holds))) for c in climbs
    ]
    again = Climbs.from_list(climbs).ordered().ordered()
    assert list(again) == list(Climbs.from_list(climbs).ordered())


@given(st.lists(CLIMBS, min_size=1, max_size=4))
def test_concatenate(parts: list[list[Climb]]) -> None:
    joined = Climbs.concatenate([Climbs.from_list(p) for p in parts])
    assert list(joined) == [c for p in parts for c in p]

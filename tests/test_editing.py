"""Editing: what is kept stays, what is asked for comes, and likeness is likeness."""

from __future__ import annotations

import numpy as np
import pytest

from setgen.builtin_model import BUILTIN
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.editing import changes, edit, grade_steps, more_like
from setgen.climbing.grades import UNKNOWN, parse_grade
from setgen.climbing.roles import OPEN, Role
from setgen.climbing.rules import legal
from setgen.climbing.sources.synthetic import synthetic_climbs
from setgen.errors import InputError
from setgen.generators.registry import load_generator

GENERATOR = load_generator(BUILTIN)
BOARD = GENERATOR.space
CLIMB = synthetic_climbs(1, seed=3).climb(0)


def test_what_is_kept_stays_in_its_role_and_the_size_too() -> None:
    keep = [p for p, _ in CLIMB.holds[:3]]
    made = edit(GENERATOR, CLIMB, keep=keep, angle=50, grade=20, n=20, seed=1)
    assert legal(BOARD, made).all()
    assert (made.sizes == len(CLIMB.holds)).all()
    assert {(c.angle, c.grade) for c in made} == {(50, 20)}
    for climb in made:
        assert climb.holds[:3] == CLIMB.holds[:3]
    assert len({frozenset(c.holds) for c in made}) > 10
    assert list(made) == list(edit(GENERATOR, CLIMB, keep=keep, angle=50, grade=20, n=20, seed=1))


def test_so_many_holds_are_drawn_anew_not_the_same_ones_each_time() -> None:
    made = edit(GENERATOR, CLIMB, redraw=2, n=30, seed=2)
    kept = [frozenset(climb.holds) & frozenset(CLIMB.holds) for climb in made]
    assert all(len(k) >= len(CLIMB.holds) - 2 for k in kept)
    assert min(map(len, kept)) == len(CLIMB.holds) - 2
    assert len(set(kept)) > 5
    assert {(c.angle, c.grade) for c in made} == {(CLIMB.angle, CLIMB.grade)}


def test_sizes_and_constraints_are_kept() -> None:
    start = next(hold for hold in CLIMB.holds if hold[1] == Role.START)
    keep = [start[0]]
    assert set(edit(GENERATOR, CLIMB, keep=keep, size=12, n=5).sizes) == {12}
    gone = tuple((p, OPEN) for p, _ in CLIMB.holds if p != start[0])
    made = edit(GENERATOR, CLIMB, keep=keep, n=20, constraints=Constraints(gone, feet="none", most=8))
    assert all(set(c.holds) & set(CLIMB.holds) == {start} for c in made)
    assert (made.sizes <= 8).all()
    assert (made.role != Role.FOOT).all()


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({}, "say either"),
        ({"keep": [], "redraw": 1}, "say either"),
        ({"redraw": 0}, "0 holds cannot be drawn anew"),
        ({"redraw": 99}, "99 holds cannot be drawn anew"),
        ({"keep": [next(p for p in range(150) if p not in dict(CLIMB.holds))]}, "does not have it"),
    ],
)
def test_mistakes_are_one_line(how, what) -> None:
    with pytest.raises(InputError, match=what):
        edit(GENERATOR, CLIMB, **how)
    with pytest.raises(InputError, match="no holds"):
        edit(GENERATOR, Climb(()), redraw=1)


def test_what_constraints_forbid_is_redrawn_first() -> None:
    feet = {hold for hold in CLIMB.holds if hold[1] == Role.FOOT}
    assert feet
    made = edit(GENERATOR, CLIMB, redraw=1, n=10, constraints=Constraints(feet="none"))
    assert all(len(set(CLIMB.holds) - set(c.holds)) >= len(feet) for c in made)
    assert (made.role != Role.FOOT).all()
    liked = synthetic_climbs(3, seed=5)
    laid = Constraints(tuple((p, OPEN) for p, _ in liked.climb(0).holds), feet="none", most=6)
    made = more_like(GENERATOR, liked, n=8, constraints=laid)
    assert not laid.broken(BOARD, np.zeros(len(made), dtype=int), made)["a hold that is not allowed"].any()
    assert (made.sizes <= 6).all()


def test_climbs_like_others_are_nearer_to_them_than_new_ones_are() -> None:
    liked = synthetic_climbs(3, seed=5)
    made = more_like(GENERATOR, liked, n=16, seed=4)
    fresh = GENERATOR.sample(Climbs.prompts(16, angle=made.climb(0).angle, grade=made.climb(0).grade), seed=4)
    assert len(made) == 16
    assert legal(BOARD, made).all()
    assert _distances(made, liked).mean() < _distances(fresh, liked).mean() - 0.1
    assert (np.diff(_distances(made, liked)) >= -1e-12).all()  # the nearest first
    sets = {frozenset(c.holds) for c in made}
    assert len(sets) == 16
    assert not sets & {frozenset(c.holds) for c in liked}


def test_holds_that_all_share_come_more_often_and_kept_ones_always() -> None:
    common = ((27, int(Role.MIDDLE)), (60, int(Role.MIDDLE)))
    rest = [climb.holds for climb in synthetic_climbs(3, seed=6)]
    liked = Climbs.from_list(
        [Climb((*common, *(h for h in holds if h[0] not in (27, 60)))) for holds in rest]
    )
    made = [set(c.holds) for c in more_like(GENERATOR, liked, keep=((5, int(Role.START)),), n=20, seed=7)]
    assert all((5, Role.START) in c for c in made)
    of_all = np.mean([h in c for c in made for h in common])
    of_one = np.mean([h in c for c in made for holds in rest for h in holds if h[0] not in (27, 60)])
    assert of_all > of_one + 0.2


def _distances(climbs: Climbs, liked: Climbs) -> np.ndarray:
    pairs = [[(set(a.holds), set(b.holds)) for b in liked] for a in climbs]
    return np.array([np.mean([1 - len(a & b) / len(a | b) for a, b in row]) for row in pairs])


def test_steps_are_v_grades_on_the_board() -> None:
    assert grade_steps(BOARD, parse_grade("6a"), 1) == parse_grade("V4")
    assert grade_steps(BOARD, parse_grade("6a+"), 1) == parse_grade("V4")
    assert grade_steps(BOARD, parse_grade("6b+"), -1) == parse_grade("V3")
    assert grade_steps(BOARD, parse_grade("6b+"), 0) == parse_grade("6b+")
    for grade, steps in ((BOARD.grades[0], -1), (BOARD.grades[-1], 1)):
        with pytest.raises(InputError, match="beyond this board's grades"):
            grade_steps(BOARD, grade, steps)


def test_changes_name_what_came_and_what_went() -> None:
    before = Climb(((0, Role.START), (1, Role.MIDDLE)), UNKNOWN, UNKNOWN)
    after = Climb(((1, Role.MIDDLE), (0, Role.MIDDLE), (110, Role.FOOT)))
    assert changes(BOARD, before, after) == "+G1:middle +C1:foot −G1:start"
    assert changes(BOARD, before, before) == ""

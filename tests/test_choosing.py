"""Best of k: a choice among draws that changes no climb, prefers what is sensible and near, and repeats nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from setgen.builtin_model import BUILTIN
from setgen.cli.main import run
from setgen.climbing.choosing import best
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.judges import judges_for
from setgen.climbing.prompts import make_prompts
from setgen.generators.registry import load_generator


def climbs(*holds: str) -> Climbs:
    """Climbs of middle holds, named by letters."""
    return Climbs.from_list([Climb(tuple((ord(c) - 97, 1) for c in text)) for text in holds])


def test_sensible_ones_come_first_and_then_the_nearest():
    drawn = climbs("abc", "def", "ghi", "jkl")
    sensible, off = np.array([False, True, True, True]), np.array([0.0, -3.0, 1.0, np.nan])
    assert best(drawn, 4, sensible, off).tolist() == [3, 2, 1, 0]
    assert best(drawn, 2, sensible, off).tolist() == [3, 2]


def test_without_judges_the_draws_come_as_they_are():
    assert best(climbs("abc", "def", "ghi"), 2).tolist() == [0, 1]


def test_nothing_comes_twice_so_there_may_be_fewer():
    assert best(climbs("abc", "cba", "abc", "def"), 4).tolist() == [0, 3]


def test_what_is_much_alike_waits_until_nothing_else_is_left():
    drawn = climbs("abcde", "abcdf", "vwxyz")
    assert best(drawn, 2).tolist() == [0, 2]
    assert best(drawn, 3).tolist() == [0, 2, 1]
    # A sensible climb much like another is still worth more than one that is not sensible.
    assert best(drawn, 2, np.array([True, True, False])).tolist() == [0, 1]


@pytest.fixture(scope="module")
def builtin():
    return load_generator(BUILTIN)


def test_on_the_built_in_board_it_is_never_worse_than_the_first_draws(builtin):
    judges = judges_for(builtin.space, None)
    drawn = builtin.sample(make_prompts(builtin.space, 64, angle=40, grade="7a"), seed=3)
    sensible, off = judges.sensible(drawn), judges.off(drawn)
    rows = best(drawn, 8, sensible, off)
    assert len(rows) == len({frozenset(drawn.climb(r).holds) for r in rows.tolist()}) == 8
    assert sensible[rows].mean() >= sensible[:8].mean()
    assert np.abs(off[rows]).mean() < np.abs(off[:8]).mean()
    assert (np.diff(np.abs(off[rows][sensible[rows]])) >= 0).all()
    unasked = drawn.with_conditions(drawn.angle, np.full(len(drawn), UNKNOWN))
    assert np.isnan(judges.off(unasked)).all()


def lines(capsys, *arguments: str) -> list[dict]:
    assert run(["generate", "--angle", "40", "--grade", "7a", "--format", "jsonl", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_command_chooses_among_the_draws_it_would_make(capsys):
    chosen = lines(capsys, "-n", "3", "--best-of", "4")
    drawn = [one["frames"] for one in lines(capsys, "-n", "12")]
    assert len(chosen) == 3
    assert {one["frames"] for one in chosen} <= set(drawn)
    assert all(one["sensible"] in (True, False) for one in chosen)
    assert all(np.isfinite(one["grade_difference"]) for one in chosen)
    assert chosen == lines(capsys, "-n", "3", "--best-of", "4")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "1000", "--best-of", "64"], "64,000 draws: 10,000 are compared at most"),
        (["-n", "2", "--data", "nowhere"], "--data is for --best-of"),
        (["-n", "2", "--best-of", "65"], "less than or equal to 64"),
    ],
)
def test_what_cannot_be_chosen_is_said_in_a_line(capsys, arguments, said):
    assert run(["generate", *arguments]) == 2
    assert said in capsys.readouterr().err

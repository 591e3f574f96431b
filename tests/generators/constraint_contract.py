"""What every generator must hold to when a user lays down constraints; supply the fixture `make`.

What keeps to constraints is told here in the tests' own words, hold by hold, not by the masks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from contract import (
    BOARDS,
    FOOT,
    NAMES,
    NO_FREE_ROLE,
    TIGHT,
    TOY,
    WALL,
    F,
    M,
    S,
    as_sets,
    assert_given_first,
    random_prompts,
    universe,
)

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.constraints import Constraints
from setgen.boards.roles import OPEN
from setgen.boards.rules import legal
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.prompts import check_prompts

SMALL = [board for board in BOARDS if board is not WALL]
SMALL_NAMES = [name for name in NAMES if name != "wall"]


def random_constraints(board: Board, rng: np.random.Generator) -> Constraints:
    """Some of everything, each now and then; many cannot be kept."""

    def sometimes(share: float) -> bool:
        return bool(rng.random() < share)

    placements = rng.permutation(len(board))[: rng.integers(len(board) // 2 + 1)].tolist()
    roles = [OPEN, *map(int, board.role_ids)]
    forbidden = tuple((p, int(rng.choice(roles))) for p in placements)
    (x, y), cut = board.xy.T, float(rng.uniform(0, 1))
    left, bottom = float(np.quantile(x, cut / 2)), float(np.quantile(y, cut / 3))
    most = board.limits.holds[1]
    fewest = int(rng.integers(1, most + 1))
    feet = ["any", "none", "marked"] if FOOT in board.role_ids else ["any", "none"]
    return Constraints(
        forbidden if sometimes(0.6) else (),
        (left, bottom, float(x.max()), float(y.max())) if sometimes(0.4) else None,
        (board.hold_set_names[int(rng.integers(2))],) if sometimes(0.3) else None,
        fewest if sometimes(0.3) else None,
        int(rng.integers(fewest, most + 1)) if sometimes(0.3) else None,
        str(rng.choice(feet)),
    )


def with_open_roles(prompts: Climbs, rng: np.random.Generator) -> Climbs:
    role = np.where(rng.random(len(prompts.role)) < 0.4, OPEN, prompts.role)
    return Climbs(prompts.placement, role, prompts.offsets, prompts.angle, prompts.grade)


def contradicts(prompt: Climb, constraints: Constraints) -> bool:
    """A given hold is forbidden, or a foot hold where there are none, in so many words."""
    forbidden = set(constraints.forbidden)
    return any(
        {(p, r), (p, OPEN)} & forbidden
        or (r == OPEN and p in {q for q, _ in forbidden})
        or (r == FOOT and constraints.feet == "none")
        for p, r in prompt.holds
    )


def keeps_to(board: Board, constraints: Constraints, prompt: Climb, climb: Climb) -> bool:
    given, roles = dict(prompt.holds), dict(climb.holds)
    for p, r in prompt.holds:
        if p not in roles or (r != OPEN and roles[p] != r):
            return False
    for p, r in climb.holds:
        if p in given:
            continue
        x, y = board.xy[p]
        if (p, r) in constraints.forbidden or (p, OPEN) in constraints.forbidden:
            return False
        if constraints.region is not None:
            left, bottom, right, top = constraints.region
            if not (left <= x <= right and bottom <= y <= top):
                return False
        if constraints.hold_sets and board.hold_set_names[board.hold_set[p]] not in constraints.hold_sets:
            return False
    feet, n = Counter(roles.values())[FOOT], len(climb.holds)
    return (
        (constraints.feet == "any" or (constraints.feet == "marked") == (feet > 0))
        and n >= (constraints.fewest or 0)
        and (constraints.most is None or n <= constraints.most)
    )


def can_be(generator: Generator, prompt: Climb, constraints: Constraints) -> bool:
    try:
        rules = generator.rules(True, constraints)
        check_prompts(rules, Climbs.from_list([prompt]), None, constraints)
    except InputError:
        return False
    return True


class ConstraintContract:
    def test_a_reach_limit_keeps_a_climb_together_where_it_can(self, make):
        # Two walls of twenty holds, far from each other: whoever begins on one has enough there.
        xy = np.concatenate([WALL.xy, WALL.xy + np.array([1000, 0])])
        names = tuple(f"H{i}" for i in range(40))
        twice = replace(WALL, ids=np.arange(40), xy=xy, hold_set=np.zeros(40, dtype=int), hole_names=names)
        generator, prompts = make(twice), Climbs.prompts(60, angle=20, grade=18)
        sizes = np.full(60, 5)
        free = generator.sample(prompts, sizes=sizes, seed=3)
        kept = generator.sample(prompts, sizes=sizes, seed=3, constraints=Constraints(reach=300))
        begun_on = [
            [[p // 20 == c.holds[0][0] // 20 for p, _ in c.holds] for c in made] for made in (free, kept)
        ]
        assert legal(twice, kept).all()
        if generator.exact:  # too few holds may lie ahead on the side begun on
            assert np.mean(begun_on[1]) > np.mean(begun_on[0]) + 0.1
        else:
            assert np.mean(begun_on[0]) < 1
            assert np.mean(begun_on[1]) == 1
        one_step = generator.sample(prompts, sizes=sizes, seed=3, constraints=Constraints(reach=5000))
        assert list(one_step) == list(free)

    @pytest.mark.parametrize("board", BOARDS, ids=NAMES)
    def test_without_constraints_nothing_changes(self, make, board):
        # The masks of no constraints are those of the rules: Hall's condition against the counting there.
        generator, prompts = make(board), random_prompts(board, 150, seed=50)
        free = list(generator.sample(prompts, seed=51))
        assert free == list(generator.sample(prompts, seed=51, constraints=Constraints()))

    @pytest.mark.parametrize("n", [20, pytest.param(60, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("board", SMALL, ids=SMALL_NAMES)
    def test_what_can_be_completed_is_and_what_cannot_is_refused(self, make, board, n):
        generator, rng = make(board), np.random.default_rng(52)
        every, refused, made = list(universe(board, only_legal=True)), 0, 0
        for prompt in with_open_roles(random_prompts(board, n, seed=53), rng):
            constraints = random_constraints(board, rng)
            possible = not contradicts(prompt, constraints) and any(
                keeps_to(board, constraints, prompt, climb) for climb in every
            )
            prompts = Climbs.from_list([prompt] * 5)
            if not possible:
                refused += 1
                with pytest.raises(InputError) as error:
                    generator.sample(prompts, constraints=constraints)
                assert "\n" not in str(error.value)
                continue
            made += 1
            climbs = generator.sample(prompts, seed=made, constraints=constraints)
            assert legal(board, climbs).all()
            assert all(keeps_to(board, constraints, prompt, climb) for climb in climbs)
        assert min(refused, made) > n // 12

    @pytest.mark.parametrize("times", [5, pytest.param(30, marks=pytest.mark.slow)])
    def test_many_prompts_and_constraints(self, make, times):
        generator, rng, made = make(WALL), np.random.default_rng(54), 0
        for seed in range(times):
            constraints = random_constraints(WALL, rng)
            some = [p for p in random_prompts(WALL, 20, seed=100 + seed) if can_be(generator, p, constraints)]
            if not some:
                continue
            prompts = Climbs.from_list(some)
            climbs = generator.sample(prompts, seed=seed, constraints=constraints)
            made += len(climbs)
            assert_given_first(prompts, climbs)
            assert legal(WALL, climbs).all()
            pairs = zip(prompts, climbs, strict=True)
            assert all(keeps_to(WALL, constraints, prompt, climb) for prompt, climb in pairs)
            broken = constraints.broken(WALL, prompts.sizes, climbs)  # the two tellings agree
            assert not np.any(list(broken.values()))
        assert made > 5 * times

    @pytest.mark.parametrize(
        ("board", "constraints", "prompt"),
        [
            (TOY, Constraints(((0, OPEN), (1, S), (2, F)), most=2), Climb((), 20, 18)),
            (TOY, Constraints(((0, S), (1, S), (2, S)), feet="none", fewest=3), Climb(((0, M),), 20, 18)),
            (TOY, Constraints(feet="marked"), Climb(((1, OPEN), (3, OPEN)), 20, 18)),
            (TIGHT, Constraints(((0, S), (1, S), (2, F)), most=4), Climb(((4, F),), 20, 18)),
            (NO_FREE_ROLE, Constraints(((0, OPEN), (5, F)), most=2), Climb(((2, OPEN),), 20, 18)),
        ],
    )
    def test_every_climb_that_is_allowed_comes(self, make, board, constraints, prompt):
        generator = make(board)
        allowed = {
            frozenset(climb.holds)
            for climb in universe(board, only_legal=True)
            if keeps_to(board, constraints, prompt, climb)
        }
        assert 1 < len(allowed) < 60
        prompts = Climbs.from_list([prompt] * 1500)
        drawn = as_sets(generator.sample(prompts, seed=55, temperature=4.0, constraints=constraints))
        assert set(drawn) == allowed

    def test_sizes_are_honoured_under_constraints(self, make):
        generator, constraints = make(WALL), Constraints(hold_sets=("bolt-on",), feet="marked", most=7)
        prompts = Climbs.prompts(60, [(3, S), (5, OPEN)], 40, 22)
        sizes = np.resize([0, 4, 5, 6, 7], 60)
        climbs = generator.sample(prompts, sizes=sizes, seed=56, constraints=constraints)
        assert np.array_equal(climbs.sizes[sizes > 0], sizes[sizes > 0])
        assert all(keeps_to(WALL, constraints, prompts.climb(0), climb) for climb in climbs)

    def test_open_roles_are_decided_and_all_else_stays(self, make):
        generator = make(WALL)
        prompt = Climb(((3, OPEN), (7, F), (9, OPEN)), 20, 18)
        climbs = generator.sample(Climbs.from_list([prompt] * 200), seed=57)
        assert legal(WALL, climbs).all()
        for climb in climbs:
            assert [p for p, _ in climb.holds[:3]] == [3, 7, 9]
            assert climb.holds[1] == (7, F)
        assert len({climb.holds[0] for climb in climbs}) > 2
        assert len({climb.holds[2] for climb in climbs}) > 2
        loose = generator.sample(Climbs.from_list([prompt] * 50), seed=57, legal=False)
        assert (loose.role != OPEN).all()

    def test_rows_depend_on_seed_and_row_alone_under_constraints(self, make):
        generator, constraints = make(WALL), Constraints(((0, OPEN), (4, S)), feet="none", most=8)
        prompts = Climbs.prompts(30, [(3, OPEN)], 40, 22)
        one = list(generator.sample(prompts, seed=58, constraints=constraints))
        assert one == list(generator.sample(prompts, seed=58, constraints=constraints, batch_size=7))
        assert one[:9] == list(generator.sample(prompts[:9], seed=58, constraints=constraints))

    @pytest.mark.parametrize(
        ("prompt", "size", "constraints", "what"),
        [
            (Climb(((3, M),)), 0, Constraints(((3, OPEN),)), "p16 is given, and forbidden"),
            (Climb(((3, OPEN),)), 0, Constraints(((3, S),)), "p16 is forbidden in one role"),
            (Climb(((3, FOOT),)), 0, Constraints(feet="none"), "p16 is given as a foot hold"),
            (Climb(()), 0, Constraints(tuple((p, S) for p in range(20))), "1 start must still be found"),
            (Climb(((0, S),)), 0, Constraints(tuple((p, OPEN) for p in range(2, 20))), ""),
            (Climb(()), 0, Constraints(tuple((p, OPEN) for p in range(3, 20)), fewest=4), "3 holds are"),
            (Climb(((0, M), (1, M))), 0, Constraints(most=3), "more than 3 holds"),
            (Climb(()), 7, Constraints(most=6), "7 holds cannot be had.* 2 to 6"),
            (Climb(()), 0, Constraints(fewest=5, most=4), "at least 5 and at most 4"),
            (Climb(()), 0, Constraints(hold_sets=("crimps",)), "'crimps' is not on this board"),
            (Climb(()), 0, Constraints(region=(500, 500, 600, 600)), "no hold of this board is left"),
            (Climb(()), 0, Constraints(((99, OPEN),)), "not on this board"),
        ],
    )
    def test_what_cannot_be_is_one_clear_line(self, make, prompt, size, constraints, what):
        generator, prompts = make(WALL), Climbs.from_list([prompt])
        if not what:  # one placement is left for the finish: just enough
            assert legal(WALL, generator.sample(prompts, constraints=constraints)).all()
            return
        with pytest.raises(InputError, match=what) as error:
            generator.sample(prompts, sizes=np.array([size]), constraints=constraints)
        assert "\n" not in str(error.value)

    def test_constraints_need_the_rules(self, make):
        with pytest.raises(InputError, match="leave the rules on"):
            make(WALL).sample(Climbs.prompts(1), legal=False, constraints=Constraints(most=4))

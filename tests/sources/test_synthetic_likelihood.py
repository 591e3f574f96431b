"""The true probability of synthetic climbs: on a small board every set is drawn as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.roles import Role
from setgen.climbing.sources import synthetic
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.climbing.sources.synthetic_likelihood import SyntheticProcess, _drawn_so, true_bits

BOARD = synthetic_board()


@pytest.fixture(scope="module")
def small() -> Board:
    """Three columns of three rows, and three chips: a few thousand sets."""
    xy = [(12.0 * c, y) for y in (48.0, 60.0, 72.0) for c in range(3)] + [
        (6.0, 30.0),
        (18.0, 30.0),
        (30.0, 30.0),
    ]
    return replace(
        BOARD,
        ids=np.arange(12),
        xy=np.array(xy),
        hold_set=np.repeat([0, 1], [9, 3]),
        hole_names=tuple(map(str, range(12))),
        mirror=None,
    )


def different(climbs: Climbs) -> tuple[Climbs, np.ndarray]:
    """One climb of each set among them, and how often each set occurs."""
    # Each placement is a digit: nothing, or a role. No set holds a placement twice.
    digits = (climbs.role.astype(np.int64) + 1) * (len(Role) + 1) ** climbs.placement.astype(np.int64)
    _, first, counts = np.unique(
        np.add.reduceat(digits, climbs.offsets[:-1]), return_index=True, return_counts=True
    )
    return climbs[first], counts


def test_every_set_is_drawn_as_often_as_its_probability_says(small):
    n = 100_000
    sets, seen = different(synthetic._draw(small, n, np.random.default_rng(0)))
    p = np.exp(SyntheticProcess(small).log_p(sets))
    assert p.sum() < 1 + 1e-9
    often = p * n >= 10
    assert p[often].sum() > 0.8
    observed, expected = [*seen[often], n - seen[often].sum()], [*(p[often] * n), n * (1 - p[often].sum())]
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    assert chi2.sf(statistic, len(observed) - 1) > 1e-3


def test_all_sets_of_the_small_board_sum_to_one(small):
    """Drawn so often that what was never seen weighs little."""
    sets, _ = different(synthetic._draw(small, 400_000, np.random.default_rng(1)))
    total = np.exp(SyntheticProcess(small).log_p(sets)).sum()
    assert 0.99 < total < 1 + 1e-9


def test_feet_of_a_pool_sum_to_one():
    from math import comb, factorial

    chips, grips, drawn = 5, 7, 4
    total = sum(
        comb(chips, a)
        * comb(grips, drawn - a)
        * factorial(a)
        * factorial(drawn - a)
        * _drawn_so(a, drawn - a, 27)
        for a in range(drawn + 1)
    )
    assert total == pytest.approx(1.0)


def test_what_the_process_never_draws_is_impossible():
    climbs = synthetic_climbs(50, seed=2)
    process = SyntheticProcess(BOARD)
    assert np.isfinite(process.log_p(climbs)).all()
    turned = climbs.relabelled(np.where(climbs.role == Role.FINISH, Role.MIDDLE, climbs.role))
    assert np.isneginf(process.log_p(turned)).all()


def test_bits_are_those_of_the_set_less_those_of_the_grade():
    climbs, counted = synthetic_climbs(300, seed=3), synthetic_climbs(20_000, seed=4)
    bits = true_bits(BOARD, climbs, counted)
    unconditional = -SyntheticProcess(BOARD).log_p(climbs) / np.log(2)
    saved = unconditional - bits  # −log₂ p(grade | angle)
    assert (saved >= 0).all()
    entropy = 0.0
    for angle in synthetic.ANGLES:
        _, n = np.unique(counted.grade[counted.angle == angle], return_counts=True)
        entropy += -(n / n.sum() * np.log2(n / n.sum())).sum() / len(synthetic.ANGLES)
    assert saved.mean() == pytest.approx(entropy, abs=0.2)

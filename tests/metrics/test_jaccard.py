"""Jaccard distances agree with Python's sets, whatever the size of the pieces they are computed in."""

import numpy as np
import pytest
from measuring import look

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.metrics import jaccard
from setgen.metrics.features import incidence as incidence_of
from setgen.metrics.features import item_matrix


def random_sets(n, seed):
    rng = np.random.default_rng(seed)
    return [tuple(rng.permutation(30)[: rng.integers(0, 12)].tolist()) for _ in range(n)]


def incidence(sets):
    climbs = Climbs.from_list(Climb(tuple((p, 1) for p in s)) for s in sets)
    return item_matrix(synthetic_board(), climbs)


def distance(a, b):
    a, b = set(a), set(b)
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


@pytest.mark.parametrize("cells", [1, 100, 10**6])
def test_against_sets(monkeypatch, cells):
    monkeypatch.setattr(jaccard, "_CELLS_AT_ONCE", cells)
    a, b = random_sets(40, 0), random_sets(60, 1)
    expected = np.array([[distance(x, y) for y in b] for x in a])
    blocks = [block.copy() for _, block in jaccard.distance_blocks(incidence(a), incidence(b))]
    np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-6)

    near, which = jaccard.nearest(incidence(a), incidence(b))
    np.testing.assert_allclose(near, expected.min(1), atol=1e-6)
    np.testing.assert_allclose(expected[np.arange(40), which], near, atol=1e-6)

    among = np.array([[distance(x, y) for y in a] for x in a])
    np.testing.assert_allclose(jaccard.mean_to_others(incidence(a)), among.sum(1) / 39, atol=1e-6)


def test_a_copy_is_at_distance_zero_exactly():
    sets = [s for s in random_sets(200, 2) if s]
    near, _ = jaccard.nearest(incidence(sets[:50]), incidence(sets))
    assert (near == 0).all()


def test_repeated_and_unknown_holds_do_not_count():
    board = synthetic_board()
    climbs = Climbs.from_list([Climb(((3, 0), (3, 1), (5, 2), (-1, 1), (9999, 1))), Climb(((3, 0), (5, 2)))])
    rows = incidence_of(look(board, climbs)).toarray()
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows.sum() == 4


def test_sparse_and_dense_products_are_the_same_numbers(monkeypatch):
    a, b = incidence(random_sets(50, 3)), incidence(random_sets(70, 4))
    found = []
    for dense in (0.0, 1.0):
        monkeypatch.setattr(jaccard, "_DENSE", dense)
        found.append(np.concatenate([block for _, block in jaccard.distance_blocks(a, b)]))
    np.testing.assert_array_equal(*found)

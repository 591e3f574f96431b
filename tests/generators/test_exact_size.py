"""Sets of an exact size: totals and inclusion against enumeration, in both precisions, at the edges."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from setgen.generators.exact_size import inclusion, log_total


def enumerated(log_odds: np.ndarray, m: int) -> tuple[float, np.ndarray]:
    """log e_m and inclusion probabilities by going through all subsets."""
    total, included = 0.0, np.zeros(len(log_odds))
    for subset in combinations(range(len(log_odds)), m):
        weight = np.exp(log_odds[list(subset)].sum())
        total += weight
        included[list(subset)] += weight
    return np.log(total), included / total


@pytest.mark.parametrize("spread", [1, 4, 20, 40])
@pytest.mark.parametrize("placements", [1, 2, 7, 12])
def test_totals_and_inclusion_match_enumeration(placements, spread):
    rng = np.random.default_rng(placements)
    sizes = np.arange(1, placements + 1)
    odds = rng.normal(0, spread, (placements, placements))
    expected = [enumerated(row, m) for row, m in zip(odds, sizes, strict=True)]
    totals = log_total(torch.from_numpy(odds), torch.from_numpy(sizes)).numpy()
    assert np.abs(totals - [t for t, _ in expected]).max() < 1e-9
    found = inclusion(torch.from_numpy(odds), torch.from_numpy(sizes)).numpy()
    assert np.abs(found - [p for _, p in expected]).max() < 1e-9


def test_impossible_placements_are_never_included():
    odds = torch.tensor([[0.3, -torch.inf, 2.0, -torch.inf, 0.0]], dtype=torch.float64)
    for m in (1, 2, 3):
        found = inclusion(odds, torch.tensor([m]))[0]
        expected = enumerated(np.array([0.3, 2.0, 0.0]), m)[1]
        assert found[[1, 3]].tolist() == [0, 0]
        assert np.abs(found[[0, 2, 4]].numpy() - expected).max() < 1e-12


def test_single_precision_is_near_double_on_a_board_of_real_size():
    torch.manual_seed(0)
    odds, m = 3 * torch.randn(64, 476) - 5, torch.randint(1, 36, (64,))
    exact, rough = inclusion(odds.double(), m), inclusion(odds, m)
    assert ((rough - exact).abs() / exact).max() < 1e-4
    assert (exact.sum(1) - m).abs().max() < 1e-9


def test_a_common_factor_changes_nothing_but_the_total():
    odds, m = torch.randn(4, 30, dtype=torch.float64), torch.tensor([1, 5, 12, 30])
    assert (inclusion(odds + 7, m) - inclusion(odds, m)).abs().max() < 1e-10
    assert (log_total(odds + 7, m) - log_total(odds, m) - 7 * m).abs().max() < 1e-8


def test_inclusion_needs_no_gradients_from_outside():
    with torch.inference_mode():
        odds = torch.randn(3, 9, dtype=torch.float64)
        assert (inclusion(odds, torch.tensor([1, 2, 3])).sum(1) - torch.tensor([1, 2, 3])).abs().max() < 1e-10

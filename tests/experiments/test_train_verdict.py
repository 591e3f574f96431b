"""Training says so when it stopped while it still helped, and nothing else."""

from __future__ import annotations

import pytest

from experiments.train import verdict
from experiments.training import RunFacts


@pytest.mark.parametrize(
    ("bits", "lines"),
    [([6.0, 5.5, 5.2], 1), ([6.0, 5.5, 5.495], 0), ([5.0, 5.3], 0), ([5.0], 0), ([], 0)],
)
def test_a_line_only_where_more_budget_pays(bits, lines):
    facts = RunFacts("a", "set", "", 0, curve={"valid_bits_per_hold": bits})
    assert len(verdict(facts)) == lines
    assert all("0.30 bits" in line and "budget.minutes" in line for line in verdict(facts))
    assert verdict(RunFacts("counts", "baseline", "", 0)) == []

"""Training says so when it stopped while it still helped, and nothing else."""

from __future__ import annotations

import pytest

from experiments import train
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


def test_a_model_that_learned_no_more_than_counts_is_called_poor():
    facts = RunFacts("a", "set", "", 0, curve={"valid_bits_per_hold": [6.9, 6.6]})
    [poor, falling] = verdict(facts, counted=6.8)
    assert "6.80 bits" in poor
    assert "network=small" in poor
    assert "still getting better" in falling
    assert len(verdict(facts, counted=7.0)) == 1


@pytest.mark.parametrize("given", ["data.path=/tmp/a=b", "data.path=a b(c)", "data.path=a{b"])
def test_signs_that_need_quotes_are_explained(given, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train", given])
    with pytest.raises(SystemExit) as stopped:
        train.main()
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert given in error
    assert "quotes" in error

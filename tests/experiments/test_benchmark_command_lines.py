"""The command lines of benchmarks: wrong input is one line and exit code 2, before anything is measured."""

from __future__ import annotations

import pytest

from experiments.benchmarks import (
    editing,
    evaluation_cost,
    precision,
    runtimes,
    sampling,
    serving,
)
from experiments.benchmarks.command_line import duration, seed, whole


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        (editing, "--model nowhere --data nowhere", "nowhere is not a"),
        (editing, "--model setgen/builtin --data nowhere --climbs 0", "--climbs: 0"),
        (editing, "--model setgen/builtin --data nowhere --seed -1", "-1 is not a whole number"),
        (editing, "", "required: --model"),
        (evaluation_cost, "--climbs abc", "abc is not a whole number"),
        (precision, "--model nowhere --data nowhere", "nowhere is not a"),
        (runtimes, "--networks huge", "huge"),
        (runtimes, "--batches 0", "0 is not a whole number"),
        (sampling, "--batches 0", "0 is not a whole number"),
        (sampling, "--threads 2", "processor time adds up"),
        (sampling, "--data nowhere", "nowhere"),
        (serving, "--seconds nan", "nan is not a positive number"),
        (serving, "--clients 0", "0 is not a whole number"),
    ],
)
def test_wrong_wishes_are_one_line(module, arguments, said, refusal) -> None:
    assert said in refusal(module.main, *arguments.split())


def test_numbers_are_read() -> None:
    assert (whole("12"), seed("4294967295"), duration("0.5")) == (12, 2**32 - 1, 0.5)

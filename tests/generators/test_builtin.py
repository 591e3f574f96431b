"""The model that setgen brings along: small, whole, as good as its card says, used when none is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from setgen.builtin_model import BUILTIN
from setgen.cli.main import run
from setgen.climbing.frames import read_frames
from setgen.climbing.grading.grader import load_grader
from setgen.climbing.rules import legal
from setgen.climbing.sensible import SensibleRules
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.registry import load_generator
from setgen.metrics.likelihood import bits_of_all, likelihood


@pytest.fixture(scope="module")
def card() -> dict:
    return json.loads((BUILTIN / "card.json").read_text())


def test_it_is_small_and_holds_no_pickle() -> None:
    files = [path for path in BUILTIN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000
    assert {path.suffix for path in files} == {".json", ".safetensors"}


def test_it_is_as_likely_on_unseen_climbs_as_its_card_says(card) -> None:
    unseen = synthetic_climbs(150, seed=2**31)
    found = likelihood(load_generator(BUILTIN), unseen, orders=2)
    bits = bits_of_all(found.nats, found.items)
    assert abs(bits.value - card["metrics"]["bits per hold"]["value"]) < 4 * bits.standard_error


def test_its_grader_errs_as_its_card_says(card) -> None:
    unseen = synthetic_climbs(400, seed=2**31)
    error = np.abs(load_grader(BUILTIN / "grader").grade(unseen).median - unseen.grade)
    assert abs(error.mean() - card["grader"]["mean_absolute_error"]) < 4 * error.std() / 20


def test_its_rules_call_about_all_real_climbs_sensible() -> None:
    rules = SensibleRules.from_json(synthetic_board(), json.loads((BUILTIN / "sensible.json").read_text()))
    assert rules.sensible(synthetic_climbs(1000, seed=2**31)).mean() > 0.9


def test_its_card_says_how_it_was_made(card) -> None:
    assert card["command"].startswith("python -m experiments.builtin")
    assert card["synthetic"]
    assert card["steps"] > 0


def test_commands_use_it_when_no_model_is_named(capsys) -> None:
    assert run(["complete", "--holds", "G5:start", "-n", "3"]) == 0
    captured = capsys.readouterr()
    climbs = read_frames(synthetic_board(), captured.out.splitlines())
    assert len(climbs) == 3
    assert legal(synthetic_board(), climbs).all()
    assert captured.err == "the built-in model of the synthetic board; --model names another\n"
    assert run(["generate", "-n", "2", "--model", str(BUILTIN)]) == 0
    assert capsys.readouterr().err == ""

"""An exported model is the model: the same logits, the same climbs, the same grades, and no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from contract import (
    TOY,
    WALL,
    as_sets,
    assert_given_first,
    exact_and_bound,
    random_climbs,
    random_prompts,
    universe,
)
from onnx import numpy_helper
from scipy import stats
from tiny_models import GENERATORS, build, build_grader, same

from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import UNKNOWN
from setgen.boards.rules import legal
from setgen.cli.main import run as setgen
from setgen.errors import InputError
from setgen.export.registry import adapted
from setgen.generators.unmasking import Unmasking
from setgen.runtime.networks import FILES, load_network
from setgen.runtime.registry import load_exported_grader, load_sampler

ROOT = Path(__file__).resolve().parents[2]
every_generator = pytest.mark.parametrize("name", GENERATORS)
every_form = pytest.mark.parametrize("form", FILES)


@every_form
@pytest.mark.parametrize("name", [*GENERATORS, "grader"])
@torch.no_grad()
def test_outputs_agree_at_every_size(exported, name, form):
    model = build_grader() if name == "grader" else build(name)
    what = adapted("grader" if name == "grader" else model.name, model)
    run = load_network(exported(name, form) / FILES[form], form)
    rng = np.random.default_rng(0)
    for climbs, holds, old in ((1, 1, 0), (1, 7, 5), (2, 1, 1), (64, 9, 0)):
        inputs = what.resized({"climbs": climbs, "holds": holds, "new": holds, "old": old})
        for key, value in inputs.items():
            if value.dtype == torch.bool:
                inputs[key] = torch.from_numpy(rng.random(value.shape) < 0.7)
            elif value.dtype == torch.int64:
                inputs[key] = torch.from_numpy(rng.integers(0, int(what.inputs[key].max()) + 1, value.shape))
            else:
                inputs[key] = torch.from_numpy(rng.normal(size=value.shape).astype(np.float32))
        given = run(**{key: value.numpy() for key, value in inputs.items()})
        for here, there in zip(what.outputs_of(inputs), given, strict=True):
            assert here.shape == there.shape
            assert np.abs(here.numpy() - there).max(initial=0) < 1e-4


@every_form
@every_generator
def test_the_same_seed_gives_the_same_climbs(exported, name, form):
    generator, sampler = build(name), load_sampler(exported(name, form), form)
    prompts = random_prompts(WALL, 120, seed=1)
    for seed, settings in (
        (0, {}),
        (1, {"legal": False}),
        (2, {"temperature": 0.5}),
        (3, {"temperature": 0}),
    ):
        climbs = sampler.sample(prompts, seed=seed, batch_size=50, **settings)
        assert_given_first(prompts, climbs)
        assert same(climbs, generator.sample(prompts, seed=seed, **settings))
        assert legal(WALL, climbs).all() or not settings.get("legal", True)
    free = Climbs.prompts(40, angle=20)
    sizes = np.tile([4, 9], 20)
    assert same(sampler.sample(free, sizes=sizes, seed=4), generator.sample(free, sizes=sizes, seed=4))
    assert not same(sampler.sample(free, seed=5), sampler.sample(free, seed=6))
    assert same(sampler.sample(free, seed=5)[:7], sampler.sample(free[:7], seed=5))
    assert len(sampler.sample(free[:0])) == 0


@pytest.mark.parametrize("calls", [1, 3])
def test_blocks_of_holds_are_the_same(exported, calls):
    prompts = random_prompts(WALL, 80, seed=2)
    here = load_sampler(exported("masked_set")).sample(prompts, seed=1, calls=calls)
    assert same(here, build("masked_set").sample(prompts, seed=1, unmasking=Unmasking(calls=calls)))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "fp16", "int8"])
@every_generator
def test_climbs_follow_the_probabilities_of_the_network_in_its_own_precision(exported, name, precision):
    # The model's own likelihood, with the exported network in place of its own, enumerates the board's sets.
    folder, n = exported(name, "onnx", precision, "toy"), 6000
    generator = build(name, TOY)
    adapted(generator.name, generator).attach(load_network(folder / FILES["onnx"], "onnx"))
    climbs = universe(TOY, only_legal=True)
    exact, _ = exact_and_bound(generator, climbs, only_legal=True)
    expected = np.exp(exact) * n
    # In int8 a row's rounding depends on its batch, and so the sum is not quite 1.
    assert abs(expected.sum() / n - 1) < (0.02 if precision == "int8" else 1e-3)
    drawn = as_sets(load_sampler(folder).sample(Climbs.prompts(n, angle=20, grade=18), seed=11))
    place = {hold_set: i for i, hold_set in enumerate(as_sets(climbs))}
    observed = np.bincount([place[s] for s in drawn], minlength=len(climbs)).astype(float)
    rare = expected < 5
    if rare.any():
        expected = np.append(expected[~rare], expected[rare].sum())
        observed = np.append(observed[~rare], observed[rare].sum())
    assert stats.chisquare(observed, expected * n / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_lower_precision_is_near_but_not_the_same(exported, precision):
    run, low = (
        load_network(exported("masked_set", "onnx", p) / "model.onnx", "onnx") for p in ("float32", precision)
    )
    what = adapted("masked_set", build("masked_set"))
    inputs = {k: v.numpy() for k, v in what.resized({"climbs": 8, "holds": 6}).items()}
    one, other = run(**inputs)[0], low(**inputs)[0]
    off = np.abs(one - other).max() / one.std()
    assert 0 < off < (0.01 if precision == "fp16" else 0.3)


def products(path):
    """The whole-number weights (K, N) of every matrix product of an int8 network."""
    graph = onnx.load(path).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return [arrays[node.input[1]] for node in graph.node if node.op_type == "MatMulInteger"]


def cut_off_in_pairs(activations, weights):
    """The product as x86 without VNNI has it (`vpmaddubsw`): sums of two products cut off at 16 bits."""
    k = len(weights) // 2 * 2
    pairs = (activations[:, :k, None].astype(int) * weights[None, :k]).reshape(
        len(activations), k // 2, 2, -1
    )
    return pairs.sum(2).clip(-(2**15), 2**15 - 1).sum(1) + activations[:, k:].astype(int) @ weights[k:]


@pytest.mark.parametrize("name", ["masked_set", "sweep_set", "gpt"])
def test_int8_is_the_same_on_processors_that_add_in_16_bits(exported, name):
    rng, found = np.random.default_rng(0), products(exported(name, "onnx", "int8") / "model.onnx")
    assert len(found) >= 8
    for weights in found:
        assert weights.dtype == np.int8
        positive, negative = (np.where(keep, 255, 0).astype(np.uint8) for keep in (weights > 0, weights < 0))
        for worst in (positive.T[:40], negative.T[:40], rng.integers(0, 256, (40, len(weights)), np.uint8)):
            np.testing.assert_array_equal(cut_off_in_pairs(worst, weights), worst.astype(int) @ weights)
    full = np.rint(found[0] * (127 / np.abs(found[0]).max())).astype(np.int8)  # what the test would find out
    worst = np.where(full > 0, 255, 0).astype(np.uint8).T
    assert not np.array_equal(cut_off_in_pairs(worst, full), worst.astype(int) @ full)


@every_form
def test_the_same_grades(exported, form):
    grader, judge = build_grader(), load_exported_grader(exported("grader", form), form)
    climbs = Climbs.concatenate([random_climbs(WALL, 150, seed=3), Climbs.from_list([Climb(((3, 1),), 40)])])
    assert (climbs.angle == UNKNOWN).any()
    for angle in (None, 20):
        here, there = judge.grade(climbs, angle), grader.grade(climbs, angle)
        np.testing.assert_allclose(here.probabilities, there.probabilities, atol=1e-5)
        np.testing.assert_allclose(here.features, there.features, atol=1e-4)
        assert np.array_equal(here.grades, there.grades)
    assert judge.config.angles == grader.config.angles
    assert judge.grade(climbs[:0]).probabilities.shape == (0, 13)


def test_prompts_are_checked(exported):
    sampler = load_sampler(exported("masked_set"))
    with pytest.raises(InputError, match="is not one of this board's"):
        sampler.sample(Climbs.prompts(1, angle=33))
    with pytest.raises(InputError, match="at least one network call"):
        sampler.sample(Climbs.prompts(1), calls=0)


WITHOUT_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torch_geometric", "lightning"):
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Refuse())
from setgen.cli.main import run
code = run(sys.argv[1:])
assert not any(name.split(".")[0] == "torch" for name in sys.modules)
sys.exit(code)
"""


def alone(*arguments) -> str:
    """Standard output of a `setgen` command in a process that cannot import torch."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *map(str, arguments)],
        capture_output=True, text=True, env=environment, timeout=300,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize("name", ["masked_set", "sweep_set", "gpt"])
def test_climbs_are_made_without_torch(exported, name, capsys, tmp_path):
    build(name).save(tmp_path / "model")
    arguments = "--angle", "40", "-n", "12", "--seed", "7"
    assert setgen(["generate", "--model", str(tmp_path), *arguments]) == 0
    there = capsys.readouterr().out
    assert len(there.splitlines()) == 12
    assert alone("generate", "--model", exported(name), "--runtime", "onnx", *arguments) == there
    holds = "--holds", f"p{WALL.ids[3]}r12"
    assert setgen(["complete", "--model", str(tmp_path), *holds]) == 0
    assert (
        alone("complete", "--model", exported(name), "--runtime", "onnx", *holds) == capsys.readouterr().out
    )


def test_climbs_are_graded_without_torch(exported, capsys, tmp_path):
    build_grader().save(tmp_path / "grader")
    arguments = "--holds", "H1:start,H5,H9:finish", "--angles", "20,40", "--format", "jsonl"
    assert setgen(["grade", "--grader", str(tmp_path / "grader"), *arguments]) == 0
    there = capsys.readouterr().out
    assert alone("grade", "--grader", exported("grader"), "--runtime", "onnx", *arguments) == there

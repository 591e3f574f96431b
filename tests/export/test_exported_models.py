"""An exported model is the model: the same sets for the same seeds, the same limits, the same grades, no torch."""

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
    F,
    M,
    S,
    assert_follow,
    assert_given_first,
    exact_and_bound,
    random_climbs,
    random_prompts,
    universe,
)
from onnx import TensorProto, numpy_helper
from tiny_models import BASKETS, GENERATORS, build, build_grader, same

from experiments.benchmarks.precision import exported_bits
from setgen.cli.main import run as setgen
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.rules import legal
from setgen.errors import InputError
from setgen.export.generator import generator as exportable
from setgen.export.grader import grader as exportable_grader
from setgen.export.write import export
from setgen.generators.registry import generator_class
from setgen.metrics.likelihood import likelihood
from setgen.runtime.networks import Network
from setgen.runtime.registry import load_exported, load_exported_grader
from setgen.sets import bounds
from setgen.sets.limits import Limits
from setgen.sets.sets import One, Sets
from setgen.sets.space import OPEN

ROOT = Path(__file__).resolve().parents[2]
SOON = ("masked_set", "sweep_set", "gpt")
every_generator = pytest.mark.parametrize(
    "name", [n if n in SOON else pytest.param(n, marks=pytest.mark.slow) for n in GENERATORS]
)


@every_generator
def test_the_same_seed_gives_the_same_climbs(exported, name):
    generator, sampler = build(name), load_exported(exported(name))
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
    sizes = np.tile([4, 9, 0, 2], 10)
    assert same(sampler.sample(free, sizes=sizes, seed=4), generator.sample(free, sizes=sizes, seed=4))
    assert not same(sampler.sample(free, seed=5), sampler.sample(free, seed=6))
    assert same(sampler.sample(free, seed=5)[:7], sampler.sample(free[:7], seed=5))
    several = np.stack([np.resize([3, 5], 40), np.arange(40) // 2], 1)
    assert same(sampler.sample(free, seed=several), generator.sample(free, seed=several))
    assert len(sampler.sample(free[:0])) == 0
    full = random_climbs(WALL, 5, seed=3)[[0]]
    assert same(sampler.sample(full, sizes=full.sizes), full)


@every_generator
def test_constraints_are_kept_and_the_climbs_are_the_same(exported, name):
    generator, sampler = build(name), load_exported(exported(name))
    nothing = np.zeros(60, int)
    for seed, constraints in enumerate(
        (
            Constraints(((0, OPEN), (4, S)), feet="none", most=8),
            Constraints(hold_sets=("bolt-on",), feet="marked", fewest=5),
            Constraints(reach=45.0),
            Constraints(region=(0, 0, 140, 80), reach=60.0, most=6),
        )
    ):
        free = Climbs.prompts(60, angle=20)
        climbs = sampler.sample(free, seed=seed, constraints=constraints)
        assert same(climbs, generator.sample(free, seed=seed, constraints=constraints))
        assert legal(WALL, climbs).all()
        assert not any(broken.any() for broken in constraints.broken(WALL, nothing, climbs).values())
    loose = sampler.sample(Climbs.prompts(60, angle=20), seed=2)
    assert not same(
        loose, sampler.sample(Climbs.prompts(60, angle=20), seed=2, constraints=Constraints(reach=45.0))
    )
    given = Climbs.prompts(30, [(3, S), (7, M)], 20)
    constraints = Constraints(((8, OPEN),), hold_sets=("screw-on",))
    climbs = sampler.sample(given, seed=8, constraints=constraints)
    assert same(climbs, generator.sample(given, seed=8, constraints=constraints))


@every_generator
def test_open_roles_are_decided_alike(exported, name):
    generator, sampler = build(name), load_exported(exported(name))
    prompts = [Climb(((3, OPEN), (7, F), (9, OPEN)), 20, 18), Climb(((2, OPEN),)), Climb(((5, M),), 40)]
    prompts = Climbs.from_list(prompts * 40)
    for options in ({}, {"legal": False}, {"constraints": Constraints(feet="none")}, {"temperature": 0.3}):
        climbs = sampler.sample(prompts, seed=9, **options)
        assert same(climbs, generator.sample(prompts, seed=9, **options))
        assert len({climb.holds[0] for climb in climbs}) > 2
        assert (climbs.role != OPEN).all()


@pytest.mark.parametrize("name", ["masked_set", pytest.param("gpt", marks=pytest.mark.slow)])
def test_climbs_follow_the_probabilities(exported, name):
    climbs = universe(TOY, only_legal=True)
    exact, _ = exact_and_bound(build(name, TOY), climbs, only_legal=True)
    drawn = load_exported(exported(name, space="toy")).sample(
        Climbs.prompts(6000, angle=20, grade=18), seed=11
    )
    assert_follow(drawn, climbs, exact)


@pytest.mark.parametrize(
    "name", ["sweep_set", *(pytest.param(n, marks=pytest.mark.slow) for n in ("masked_set", "gpt"))]
)
def test_any_space_is_exported(exported, name):
    generator, sampler = build(name, BASKETS), load_exported(exported(name, space="baskets"))
    prompts = Sets.of(BASKETS, [One(()), One(((2, 1),)), One(((4, OPEN), (1, 0)))] * 30)
    never_a = np.ones((8, 3), bool)
    never_a[0] = False
    for options in ({}, {"legal": False}, {"constraints": Limits(never_a, sizes=(3, 4))}):
        found = sampler.sample(prompts, seed=1, **options)
        assert same(found, generator.sample(prompts, seed=1, **options))
        assert bounds.legal(BASKETS, found).all() or not options.get("legal", True)
    assert 0 not in found.item
    assert set(found.sizes) == {3, 4}


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_lower_precision_is_near_but_not_the_same(exported, precision):
    full, low = (load_exported(exported("masked_set", p)) for p in ("float32", precision))
    prompts = Climbs.prompts(400, angle=20)
    one, other = full.sample(prompts, seed=1), low.sample(prompts, seed=1)
    assert legal(WALL, other).all()
    shared = np.mean([here == there for here, there in zip(one, other, strict=True)])
    assert (0.8 if precision == "fp16" else 0.2) < shared < 1
    constraints = Constraints(reach=45.0, feet="none")
    assert legal(WALL, low.sample(prompts[:50], constraints=constraints)).all()


def test_int8_weights_are_small_enough_for_every_processor(exported):
    # x86 without VNNI adds products of two weights and two activations up to 255 in 16 bits.
    folder, found = exported("masked_set", "int8"), 0
    model = onnx.load(folder / "step.onnx")
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 2:
            assert np.abs(numpy_helper.to_array(tensor).astype(int)).max() <= 64
            found += 1
    assert found >= 2 * 4 + 1  # of each layer, and the pointer to the elements


@torch.no_grad()
def test_the_graders_outputs_agree_at_every_size(exported):
    network = exportable_grader(build_grader()).networks["grader"]
    run, rng = Network(exported("grader") / "grader.onnx"), np.random.default_rng(0)
    for climbs, holds in ((1, 1), (1, 7), (2, 1), (64, 9)):
        inputs = network.resized({"climbs": climbs, "holds": holds})
        inputs["present"] = torch.from_numpy(rng.random((climbs, holds)) < 0.7)
        inputs["element"] = torch.from_numpy(rng.integers(0, len(WALL) * 4, (climbs, holds)))
        for name in ("angle", "shape"):
            inputs[name] = torch.from_numpy(rng.normal(size=inputs[name].shape).astype(np.float32))
        found = run({name: tensor.numpy() for name, tensor in inputs.items()})
        for name, here in network.module(inputs).items():
            assert here.shape == found[name].shape
            assert np.abs(here.numpy() - found[name]).max(initial=0) < 1e-4


@pytest.mark.parametrize("extra", [0, 4])
@torch.no_grad()
def test_the_padded_grader_is_the_grader(extra):
    from setgen.export.grader import PaddedGrader
    from setgen.sets.padding import pad

    grader = build_grader().double()
    lonely = Climbs.from_list([Climb(((3, 1),), 40, 18), Climb((), 40, 18)])
    climbs = Climbs.concatenate([random_climbs(WALL, 60, seed=2), lonely]).ordered()
    difficulty, spread, features = grader.difficulty(*grader.inputs(climbs))
    padded = pad(WALL, climbs, int(climbs.sizes.max()) + extra)
    angle, shape = grader.conditions(climbs)
    holds = {"element": torch.from_numpy(padded.element), "present": torch.from_numpy(padded.present)}
    found = PaddedGrader(grader).eval()(holds | {"angle": angle, "shape": shape})
    assert (found["difficulty"] - difficulty).abs().max() < 1e-10
    assert (torch.nn.functional.softplus(found["raw_spread"]) + 0.05 - spread).abs().max() < 1e-10
    assert (found["features"] - features).abs().max() < 1e-10
    assert np.ptp(difficulty.numpy()) > 0.1


def test_the_same_grades(exported):
    grader, judge = build_grader(), load_exported_grader(exported("grader"))
    climbs = Climbs.concatenate([random_climbs(WALL, 150, seed=3), Climbs.from_list([Climb(((3, 1),), 40)])])
    assert (climbs.angle == UNKNOWN).any()
    for angle in (None, 20):
        here, there = judge.grade(climbs, angle), grader.grade(climbs, angle)
        np.testing.assert_allclose(here.probabilities, there.probabilities, atol=1e-5)
        np.testing.assert_allclose(here.features, there.features, atol=1e-4)
        assert np.array_equal(here.grades, there.grades)
    assert judge.config.angles == grader.config.angles
    assert judge.grade(climbs[:0]).probabilities.shape == (0, 13)


def test_a_model_stays_as_it_was(exported):
    # Exporting takes a copy: the vectors of elements, which it works out once, still follow their weights.
    model = build("masked_set")
    exportable(model)
    before = model.elements()
    with torch.no_grad():
        model.elements.of_item.weight.add_(1.0)
        model.elements.of_item.weight[0] *= 2
    assert not torch.equal(model.elements(), before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["masked_set", "sweep_set", "gpt"])
def test_forced_elements_have_the_models_own_log_probabilities(name, tmp_path):
    generator, climbs = build(name), random_climbs(WALL, 40, seed=1)
    export(exportable(generator, forced=True), tmp_path / "judged")
    bits = exported_bits(generator, load_exported(tmp_path / "judged"), climbs, 3)
    assert np.abs(bits - likelihood(generator, climbs, orders=3).bits).max() < 1e-4


def test_what_cannot_be_traced_says_why():
    window = generator_class("gpt")
    with pytest.raises(InputError, match="gpt cannot be exported: its window slides"):
        exportable(window(WALL, window.Config(width=16, depth=1, heads=2, crop=True, smoothing="last")))


def test_prompts_are_checked(exported):
    sampler = load_exported(exported("masked_set"))
    with pytest.raises(InputError, match="is not one of this board's"):
        sampler.sample(Climbs.prompts(1, angle=33))
    with pytest.raises(
        InputError, match="40 holds cannot be had: with the 0 holds given this board allows 2 to 9"
    ):
        sampler.sample(Climbs.prompts(1), sizes=np.array([40]))
    with pytest.raises(InputError, match="under these constraints a climb with the 0 holds given has 2 to 6"):
        sampler.sample(Climbs.prompts(1), sizes=np.array([7]), constraints=Constraints(most=6))
    nowhere = Constraints(region=(500, 500, 600, 600))
    with pytest.raises(InputError, match="no climb keeps to these constraints"):
        sampler.sample(Climbs.prompts(1), constraints=nowhere)
    with pytest.raises(InputError, match="3 start holds are given; this board allows 2"):
        sampler.sample(Climbs.prompts(1, [(1, S), (2, S), (3, S)]))
    with pytest.raises(InputError, match="p16 is given, and forbidden"):
        sampler.sample(Climbs.prompts(1, [(3, M)]), constraints=Constraints(((3, OPEN),)))
    with pytest.raises(InputError, match="leave the rules on"):
        sampler.sample(Climbs.prompts(1), legal=False, constraints=Constraints(most=6))


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


@pytest.mark.parametrize("name", SOON)
def test_climbs_are_made_without_torch(exported, name, capsys, tmp_path):
    build(name).save(tmp_path / "model")
    limits = "--forbid", f"p{WALL.ids[4]}", "--max-holds", "7", "--reach", "70", "--feet", "none"
    arguments = "--angle", "40", "-n", "12", "--seed", "7", *limits
    assert setgen(["generate", "--model", str(tmp_path), *arguments]) == 0
    there = capsys.readouterr().out
    assert len(there.splitlines()) == 12
    assert alone("generate", "--model", exported(name), "--runtime", "onnx", *arguments) == there
    holds = "--holds", f"p{WALL.ids[3]}r12p{WALL.ids[6]}r?"
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

"""The padded networks compute what the models compute, to the last digits of float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from baselines.gpt_export import CachedGPT
from contract import WALL, random_climbs, random_prompts
from setgen.dataset.batches import to_batch
from tiny_models import build, build_grader

from baselines.gpt import Cache
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.padding import pad
from setgen.export.grader import PaddedGrader
from setgen.export.masked_set import PaddedDenoiser
from setgen.export.sweep_set import SweepStep, sweep_set, told_by
from setgen.generators.sweeps import Told


@torch.no_grad()
def test_denoiser():
    generator = build("masked_set").double()
    network = PaddedDenoiser(generator).eval()
    prompts = to_batch(WALL, random_prompts(WALL, 60, seed=1))
    assert (prompts.size == 0).any()
    remaining = torch.arange(60) % (generator.sizes.most + 1)
    for extra in (0, 3):  # padding changes nothing
        wide = replace(
            prompts,
            **{
                f: torch.nn.functional.pad(getattr(prompts, f), (0, extra))
                for f in ("placement", "role", "present")
            },
        )
        found = network(wide.element, wide.present, wide.angle, wide.grade, remaining)
        assert (found - generator.element_logits(prompts, remaining)).abs().max() < 1e-10


@pytest.mark.parametrize("name", ["sweep_set", "sweeps"])
@torch.no_grad()
def test_sweeps_told_hold_by_hold(name):
    # One pass over whole climbs, some of whose holds are given, against a network that is told each hold.
    generator = build(name).double()
    network, directions = SweepStep(generator).eval(), generator.config.directions

    def run(**inputs):
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in inputs.items()}
        return [tensor.numpy() for tensor in network(**tensors | {"past": tensors["past"].double()})]

    batch = to_batch(WALL, random_climbs(WALL, 60, seed=1))
    given = batch.present & (torch.rand(batch.present.shape) < torch.linspace(0, 1, 60)[:, None])
    assert (given.sum(1) == 0).any()
    assert (given.sum(1) == batch.size).any()
    told = Told.of(batch, given, torch.arange(60) % directions, generator.rank)
    found = told_by(run, sweep_set(generator).settings, told)
    assert (found - generator.sweep_logits(told)).abs().max() < 1e-5  # the memory is kept in float32


@torch.no_grad()
def test_gpt_in_pieces():
    gpt = build("gpt").gpt.double()
    network = CachedGPT(gpt).eval()
    tokens = torch.randint(0, len(gpt.bias), (5, 12))
    whole = gpt(tokens)
    for cuts in ([12], [2] + [1] * 10, [1, 5, 6], [6, 6]):
        past = torch.zeros(2, 2, 5, 2, 0, 8, dtype=torch.float64)
        cache, steps = Cache(), []
        for piece in tokens.split(cuts, 1):
            logits, past = network(piece, past)
            gpt(piece, cache)
            steps.append(logits)
        assert (torch.cat(steps, 1) - whole).abs().max() < 1e-10
        kept = torch.stack([torch.stack(layer) for layer in cache.layers])
        assert (past - kept).abs().max() < 1e-10


@pytest.mark.parametrize("extra", [0, 4])
@torch.no_grad()
def test_grader(extra):
    grader = build_grader().double()
    lonely = Climbs.from_list([Climb(((3, 1),), 40, 18), Climb((), 40, 18)])
    climbs = Climbs.concatenate([random_climbs(WALL, 60, seed=2), lonely]).ordered()
    network = PaddedGrader(grader).eval()
    difficulty, spread, features = grader.difficulty(*grader.inputs(climbs))
    padded = pad(WALL, climbs, int(climbs.sizes.max()) + extra)
    found = network(
        torch.from_numpy(padded.element), torch.from_numpy(padded.present), *grader.conditions(climbs)
    )
    assert (found[0] - difficulty).abs().max() < 1e-10
    assert (torch.nn.functional.softplus(found[1]) + 0.05 - spread).abs().max() < 1e-10
    assert (found[2] - features).abs().max() < 1e-10
    assert np.ptp(difficulty.numpy()) > 0.1

"""A network call that nobody waits for ends at its next step, whatever generator it is of."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import torch

from setgen.climbing.climbs import Climbs
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.registry import GENERATORS, generator_class
from setgen.metrics.likelihood import likelihood
from setgen.serving.calls import Sample, Score
from setgen.serving.stopping import Stopped, stoppable

SMALL = {"width": 8, "depth": 1, "heads": 1}
NETWORKS = [name for name in GENERATORS if name != "hold_frequency"]  # which counts, in no time


def tiny(name: str):
    torch.manual_seed(0)
    kind = generator_class(name)
    known = kind.Config.__dataclass_fields__
    generator = kind(synthetic_board(), kind.Config(**{k: v for k, v in SMALL.items() if k in known}))
    generator.fit_counts(synthetic_climbs(50, seed=0))
    return generator.eval()


class Patience:
    """Answers False so many times, then True; counts how often it was asked after that."""

    def __init__(self, steps: int) -> None:
        self.left, self.late = steps, 0

    def __call__(self) -> bool:
        self.left -= 1
        self.late += self.left < 0
        return self.left < 0


@pytest.mark.parametrize("name", NETWORKS)
def test_sampling_and_scoring_stop_at_the_next_step(name) -> None:
    generator = tiny(name)
    prompts = Climbs.prompts(2, [(4, 0)], 40, 20)
    climbs = synthetic_climbs(2, seed=1)
    sizes = np.full(2, 12)
    for work in (
        lambda: generator.sample(prompts, sizes=sizes, seed=1),
        lambda: likelihood(generator, climbs, orders=1, seed=0),
    ):
        never = Patience(10**9)
        with stoppable(generator, never):
            whole = work()
        steps = 10**9 - never.left
        assert steps > 0
        soon = Patience(steps // 2)
        with pytest.raises(Stopped), stoppable(generator, soon):
            work()
        assert soon.late == 1
        again = work()  # nothing is left behind
        if isinstance(whole, Climbs):
            assert list(again) == list(whole)
        else:
            assert again.bits.tolist() == whole.bits.tolist()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_longer_climb_has_more_steps(name) -> None:
    """So that a call can be ended while it draws, and not only before it begins."""
    counts = []
    generator = tiny(name)
    for size in (6, 16):
        steps = Patience(10**9)
        with stoppable(generator, steps):
            generator.sample(Climbs.prompts(1, [(4, 0)], 40, 20), sizes=np.array([size]), seed=1)
        counts.append(10**9 - steps.left)
    assert counts[1] >= counts[0] + 10


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "body", "call"),
    [
        ("/v1/generate", {"n": 64, "size": 35}, Sample),
        ("/v1/score", {"climbs": [{"holds": "p5r1p16r2p104r3"}] * 8, "orders": 16}, Score),
    ],
)
async def test_a_request_that_is_late_ends_its_call(serving, monkeypatch, path, body, call) -> None:
    run, ended = call.run, []

    def slow(self, model, works):
        if len(works) and not ended:
            try:
                while True:  # a call without end
                    run(self, model, works)
            except Stopped:
                ended.append(True)
                raise
        return run(self, model, works)

    monkeypatch.setattr(call, "run", slow)
    async with serving(request_seconds=0.5) as client:
        late = await client.post(path, json=body)
        assert late.status_code == 503
        async with asyncio.timeout(120):
            while "setgen_calls_stopped_total 1.0" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.01)
            assert ended
            while (await client.post("/v1/next", json={"holds": "p5r1"})).status_code != 200:
                pass  # on a busy machine it is late, too

"""Training by several processes that torchrun starts, on gloo: the gradients, validations and batches of one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from setgen.training import Options, Training

HERE = str(Path(__file__).parent)
BODY = """
import json, sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads(1)
from pathlib import Path
from test_processes import looked_at
print("FOUND" + json.dumps(looked_at(Path(sys.argv[1]), int(sys.argv[2]))))
"""


def training(steps: int, folder: Path | None = None) -> Training:
    """Four planned steps, of which `steps` are taken; nothing is random but the batches."""
    from test_training_loop import TRAIN, VALID, fresh

    generator = fresh("gpt", order="sorted", dropout=0.0, condition_dropout=0.0)
    work = Training(generator, TRAIN, VALID, Options(steps=4, validations=4, batch_size=16), 3, folder)
    if steps < 4:
        step = work.step

        def some() -> None:
            if work.now.step == steps:
                raise KeyboardInterrupt
            step()

        work.step = some  # type: ignore[method-assign]
    return work


def looked_at(folder: Path, steps: int) -> dict[str, Any]:
    """In each process: the gradient of the first step, the sets behind it, and what training came to."""
    from setgen.sets.batch import to_batch

    work = training(steps, folder)
    fabric, rank, world = work.fabric, work.fabric.global_rank, work.fabric.world_size
    own = work.batches.rows(0)[rank::world]
    loss = work.loss(**vars(to_batch(work.generator.space, work.sets[own])))
    fabric.backward(loss)
    gradient = torch.cat([p.grad.flatten() for p in work.generator.parameters() if p.grad is not None])
    work.optimiser.zero_grad()
    torch.save(gradient, folder / f"gradient-{rank}-of-{world}.pt")
    try:
        curve = [point.valid_bits for point in work.run().curve]
    except KeyboardInterrupt:
        curve = [point.valid_bits for point in work.now.curve]
    if rank == 0:
        torch.save(work.generator.state_dict(), folder / "weights.pt")
    (folder / f"rows-{rank}-of-{world}.json").write_text(json.dumps(own.tolist()))
    return {"world": world, "curve": curve}


def launched(processes: int, folder: Path, steps: int = 4) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    script = folder / "look.py"
    script.write_text(BODY.format(here=HERE))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    said = subprocess.run([*launch, script, folder, str(steps)], capture_output=True, text=True, check=True)
    (first, *others) = [json.loads(line[5:]) for line in said.stdout.splitlines() if line.startswith("FOUND")]
    assert len(others) == processes - 1
    assert all(other == first for other in others)
    assert first["world"] == processes
    return first


@pytest.mark.slow
def test_two_processes_have_the_gradient_the_validations_and_the_sets_of_one(tmp_path):
    one, two = launched(1, tmp_path / "one"), launched(2, tmp_path / "two")
    gradient = torch.load(tmp_path / "one" / "gradient-0-of-1.pt")
    for rank in (0, 1):
        other = torch.load(tmp_path / "two" / f"gradient-{rank}-of-2.pt")
        assert float((other - gradient).norm() / gradient.norm()) < 1e-6
    assert float(gradient.norm()) > 0.01
    rows = [json.loads((tmp_path / "two" / f"rows-{rank}-of-2.json").read_text()) for rank in (0, 1)]
    assert len(rows[0]) == len(rows[1]) == 8
    assert sorted(rows[0] + rows[1]) == sorted(training(4).batches.rows(0).tolist())
    assert len(two["curve"]) == 4
    assert two["curve"] == pytest.approx(one["curve"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [(1, 2), (2, 1)])
def test_another_number_of_processes_goes_on_as_one_would(first, then, tmp_path):
    """Broken off after two steps, gone on with by more or fewer: the weights of four steps in one process."""
    whole = training(4)
    expected = [point.valid_bits for point in whole.run().curve]
    broken = launched(first, tmp_path / "run", steps=2)
    assert broken["curve"] == pytest.approx(expected[:2], rel=1e-6)
    found = launched(then, tmp_path / "run")
    assert found["curve"] == pytest.approx(expected, rel=1e-6)
    weights = torch.load(tmp_path / "run" / "weights.pt", weights_only=True)
    for name, weight in whole.generator.state_dict().items():
        np.testing.assert_allclose(weights[name].numpy(), weight.numpy(), atol=1e-6, err_msg=name)

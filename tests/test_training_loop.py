"""The training loop, on sets that are no climbs: budgets end it, breaks leave no trace, processes agree."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from setgen import training
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.registry import generator_class
from setgen.sets.batch import to_batch
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label
from setgen.training import Batches, Options, Training, decay_at, learning_rate_factor, optimiser

SPACE = Items(
    "layout",
    tuple("abcdefgh"),
    (1, 5),
    (Label("left", 0, 2), Label("right", 0, None)),
    {"room": ("small", "large")},
    np.random.default_rng(0).random((8, 2)),
)


def some_sets(n: int, seed: int) -> Sets:
    rng = np.random.default_rng(seed)
    ones = []
    for _ in range(n):
        items = rng.choice(8, size=rng.integers(1, 6), replace=False)
        labels = [int(i < 2) ^ 1 for i in range(len(items))]
        told = (("room", int(rng.integers(2))),)
        ones.append(One(tuple(zip(map(int, items), labels, strict=True)), told))
    return Sets.of(SPACE, ones)


TRAIN, VALID = some_sets(50, 1), some_sets(20, 2)


def fresh(name: str = "masked_set", **config) -> Generator:
    kind = generator_class(name)
    torch.manual_seed(0)
    generator = kind(SPACE, kind.Config(**{"width": 16, "depth": 1, "heads": 2, "dropout": 0.1} | config))
    generator.fit_counts(TRAIN)
    return generator


def six(**options) -> Options:
    return Options(**{"steps": 6, "validations": 3, "batch_size": 16} | options)


def stop_at(monkeypatch, owner: type, name: str, call: int, after: bool = False) -> None:
    """The method is interrupted in its call number `call`, once; random numbers were drawn by then."""
    real, calls = getattr(owner, name), []

    def once(*arguments, **named):
        calls.append(1)
        if len(calls) != call:
            return real(*arguments, **named)
        if after:
            real(*arguments, **named)
        torch.rand(3)
        np.random.random(2)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, once)


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"average": 0.9}, marks=pytest.mark.slow),
        pytest.param({"bucketing": True}, marks=pytest.mark.slow),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("owner", "name", "call", "after"),
    [
        (generator_class("masked_set"), "loss", 1, False),
        (generator_class("masked_set"), "loss", 4, True),
        (generator_class("masked_set"), "log_likelihood", 2, True),
        (torch.optim.AdamW, "step", 4, True),  # the weights are new, all else is old: of no use
        (Training, "save", 2, False),  # killed, say
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_interrupted_training_ends_like_one_that_was_not(
    owner, name, call, after, options, tmp_path, monkeypatch
):
    """The same weights, bit for bit, and the same curve, though dropout and batches are random."""
    whole = fresh()
    expected = Training(whole, TRAIN, VALID, six(**options), 7).run()
    with monkeypatch.context() as patch:
        stop_at(patch, owner, name, call, after)
        with pytest.raises(KeyboardInterrupt):
            Training(fresh(), TRAIN, VALID, six(**options), 7, tmp_path).run()
    again = fresh()
    found = Training(again, TRAIN, VALID, six(**options), 7, tmp_path).run()
    assert [point[1:] for point in found.curve] == [point[1:] for point in expected.curve]
    assert [point.step for point in found.curve] == [2, 4, 6]
    weights = again.state_dict()
    assert all(torch.equal(weight, weights[key]) for key, weight in whole.state_dict().items())


def test_breaking_off_keeps_every_whole_step(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, generator_class("masked_set"), "loss", 6)
        with pytest.raises(KeyboardInterrupt):
            Training(fresh(), TRAIN, VALID, six(), 7, tmp_path).run()
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert kept["progress"]["step"] == 5


def test_a_finished_training_goes_on_with_a_larger_budget(tmp_path):
    Training(fresh(), TRAIN, VALID, six(), 7, tmp_path).run()
    found = Training(fresh(), TRAIN, VALID, six(steps=12, validations=6), 7, tmp_path).run()
    assert [point.step for point in found.curve] == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None])
def test_a_checkpoint_that_does_not_fit_is_one_line(damage, tmp_path):
    if damage is None:
        Training(fresh(), some_sets(30, 3), VALID, six(), 7, tmp_path).run()
    else:
        (tmp_path / "checkpoint.pt").write_bytes(damage)
    with pytest.raises(InputError, match="delete it to begin anew"):
        Training(fresh(), TRAIN, VALID, six(), 7, tmp_path).run()


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"progress": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="delete it"):
        Training(fresh(), TRAIN, VALID, six(), 7, tmp_path).run()
    assert not (tmp_path / "ran").exists()


def test_averaged_weights_are_the_average_that_is_asked_for(monkeypatch):
    """Of every step's weights, by hand; they are what is validated and what is kept."""
    generator, weights, judged = fresh(), [], []
    name = max(dict(generator.named_parameters()), key=lambda key: generator.get_parameter(key).numel())
    validate = Training.valid_bits

    def seen(self):
        judged.append(self.judged.get_parameter(name).detach().clone())
        return validate(self)

    monkeypatch.setattr(Training, "valid_bits", seen)

    def note(now, point):
        if point is None:
            weights.append(generator.get_parameter(name).detach().clone())

    options = Options(steps=4, validations=2, batch_size=16, average=0.3, patience=99, warm_up=0.5)
    Training(generator, TRAIN, VALID, options).run(note)
    average = weights[0]
    for step, now in enumerate(weights[1:], 1):
        decay = decay_at(step, 0.3)
        average = decay * average + (1 - decay) * now
    assert len(weights) == 4
    assert torch.allclose(judged[-1], average, atol=1e-6)
    assert not torch.allclose(judged[-1], weights[-1], atol=1e-6)
    assert any(torch.equal(generator.get_parameter(name), one) for one in judged)


def test_decay_rises_to_what_is_asked_for():
    decays = [decay_at(step, 0.99) for step in range(1, 2000)]
    assert decays == sorted(decays)
    assert decays[0] == 2 / 11
    assert decays[-1] == 0.99


def bits_of(generator: Generator, sets: Sets) -> float:
    """All bits over all items, the orders that validations use together."""
    orders = training.random_orders(sets.sizes, 4, seed=0)
    batch = to_batch(SPACE, sets)
    with torch.no_grad():
        nats = generator.log_likelihood(batch, orders).double().logsumexp(1) - math.log(4)
        return float(-nats.sum() / batch.size.sum() / math.log(2))


def test_the_best_weights_are_kept():
    generator = fresh()
    done = Training(generator, TRAIN, VALID, six(steps=12, validations=12, learning_rate=0.5)).run()
    curve = [point.valid_bits for point in done.curve]
    assert done.best == min(curve) < curve[-1]
    assert bits_of(generator, VALID) == pytest.approx(min(curve), abs=1e-5)
    assert not generator.training


def test_validations_without_progress_end_it():
    done = Training(fresh(), TRAIN, VALID, six(steps=90, validations=90, learning_rate=3.0, patience=2)).run()
    curve = [point.valid_bits for point in done.curve]
    assert done.step < 90
    assert int(np.argmin(curve)) == len(curve) - 3


def test_weights_that_diverged_are_not_kept():
    generator = fresh()

    def diverge(now, point):
        if now.step == 3:
            for p in generator.parameters():
                p.data.fill_(math.nan)

    done = Training(generator, TRAIN, VALID, six()).run(diverge)
    assert math.isnan(done.curve[-1].valid_bits)
    assert done.step == 4  # and nothing goes on
    assert math.isfinite(done.best)
    assert all(p.isfinite().all() for p in generator.parameters())


def test_weight_decay_touches_matrices_only():
    generator = fresh("gpt")
    decayed, free = optimiser(generator, 1e-3, 0.1).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim >= 2 for p in decayed["params"])
    assert all(p.ndim < 2 for p in free["params"])
    assert sum(p.numel() for g in (decayed, free) for p in g["params"]) == generator.n_parameters


def test_learning_rate_rises_then_falls():
    factors = [learning_rate_factor(i / 100, 0.1) for i in range(101)]
    assert factors[10] == pytest.approx(1.0)
    assert factors[:11] == sorted(factors[:11])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[55] == pytest.approx(0.01 + 0.99 / 2)
    assert factors[100] == pytest.approx(0.01)


@pytest.mark.slow
def test_seconds_end_it_and_a_processor_clock_does_not_count_waiting():
    slow = Training(fresh(), TRAIN, VALID, Options(seconds=1.0, batch_size=16, validations=2))
    done = slow.run()
    assert 1.0 <= done.seconds < 10
    assert len(done.curve) == 2
    assert done.curve[0].seconds >= 0.5

    loss = slow.generator.loss
    slow.generator.loss = lambda batch: time.sleep(0.2) or loss(batch)  # type: ignore[method-assign]
    for clock, least, most in (("wall", 0.4, math.inf), ("processor", 0.0, 0.4)):
        options = Options(steps=2, clock=clock, batch_size=16)
        assert least <= Training(slow.generator, TRAIN, VALID, options).run().seconds < most


def test_half_precision_trains_and_is_validated_in_full(monkeypatch):
    """bf16 in the network, weights and likelihood in float32."""
    generator, seen = fresh(), []
    loss = generator.loss

    def noted(batch):
        seen.append(torch.is_autocast_enabled("cpu"))
        return loss(batch)

    generator.loss = noted  # type: ignore[method-assign]
    # Validated on what is learned: sets drawn at random teach nothing about others.
    done = Training(generator, TRAIN, TRAIN, six(precision="bf16-mixed")).run()
    assert seen == [True] * 6
    assert all(p.dtype == torch.float32 for p in generator.parameters())
    assert bits_of(generator, TRAIN) == pytest.approx(done.best, abs=1e-5)
    assert done.curve[-1].valid_bits < done.curve[0].valid_bits


def test_no_budget_is_one_clear_line():
    with pytest.raises(InputError, match="budget"):
        Training(fresh(), TRAIN, VALID, Options())


@pytest.mark.parametrize("bucketing", [False, True])
def test_each_pass_has_every_set_once_and_any_batch_can_be_asked_for(bucketing):
    sizes = np.random.default_rng(0).integers(1, 30, 40)
    batches = Batches(sizes, 6, 3, bucketing)
    n = 3000 if bucketing else 60  # of both, whole windows and whole passes
    rows = np.stack([batches.rows(step) for step in range(n)])
    assert np.bincount(rows.ravel(), minlength=40).tolist() == [n * 6 // 40] * 40
    if not bucketing:
        passes = rows.reshape(-1, 40)
        assert all(sorted(one) == list(range(40)) for one in passes.tolist())
        assert passes[0].tolist() != passes[1].tolist()
    again = Batches(sizes, 6, 3, bucketing)
    assert all(np.array_equal(again.rows(step), rows[step]) for step in (n - 1, 0, n // 2))
    assert not np.array_equal(Batches(sizes, 6, 4, bucketing).rows(0), rows[0])
    assert len(Batches(sizes[:2], 6, 0, bucketing).rows(5)) == 2


def test_bucketing_pads_less():
    sizes = np.random.default_rng(0).integers(1, 30, 1000)

    def padded(bucketing: bool) -> int:
        batches = Batches(sizes, 32, 0, bucketing)
        return sum(32 * int(sizes[batches.rows(step)].max()) for step in range(100))

    taken = 3200 * sizes.mean()
    assert padded(True) < 1.1 * taken < 1.7 * taken < padded(False)


TWO = """
import json, sys
sys.path.insert(0, {here!r})
import torch
from lightning_fabric import Fabric
torch.set_num_threads(1)
from test_training_loop import TRAIN, VALID, fresh
from setgen.training import Options, Training

generator = fresh("gpt", order="sorted", dropout=0.0, condition_dropout=0.0)
options = Options(steps=4, validations=2, batch_size=16, average=0.5, learning_rate=1e-3)
work = Training(generator, TRAIN, VALID, options, 3)
done = work.run()
if work.fabric.is_global_zero:
    torch.save(generator.state_dict(), {out!r} + "/weights.pt")
    print(json.dumps([work.fabric.world_size, [point.valid_bits for point in done.curve]]))
"""


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path):
    """The same validations and weights: the gradients are those of the joint batch, no set is left out."""
    found = []
    for n in (1, 2):
        out = tmp_path / str(n)
        out.mkdir()
        script = out / "train.py"
        script.write_text(TWO.format(here=str(Path(__file__).parent), out=str(out)))
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
        said = subprocess.run([*launch, script], capture_output=True, text=True, check=True).stdout
        world, bits = json.loads(said.splitlines()[-1])
        assert world == n
        found.append((bits, torch.load(out / "weights.pt", weights_only=True)))
    (bits, weights), (bits_of_two, weights_of_two) = found
    assert bits == pytest.approx(bits_of_two, abs=1e-6)
    assert all(torch.allclose(w, weights_of_two[key], atol=1e-6) for key, w in weights.items())

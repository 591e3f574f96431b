"""Training: every config runs, budgets end it, Ctrl-C loses nothing, and no run overwrites another."""

from __future__ import annotations

import itertools
import json
import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from rich.console import Console

from experiments import compare, train
from experiments.averaging import decay_at
from experiments.budget import CLOCKS, Budget, learning_rate_factor
from experiments.fitting import Fitting
from experiments.model_config import MODELS as MODEL_CONFIGS
from experiments.repeatable import EndlessPasses
from experiments.run_folder import new_run_folder
from experiments.training import RunFacts, build_generator, finished
from experiments.training import train as train_one
from setgen.dataset.build import synthetic_dataset
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.generators.registry import GENERATORS

MODELS = sorted(p.stem for p in MODEL_CONFIGS.glob("*.yaml"))
TINY = [
    *("network.width=16", "network.depth=1", "network.heads=2", "training.batch_size=16"),
    *("budget.steps=4", "budget.minutes=5", "training.validations=2", "training.valid_climbs=8"),
    *("wandb.mode=disabled", "threads=1"),
]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(400, seed=3)


@pytest.fixture(scope="module")
def data_folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    dataset.save(folder)
    return folder


def config(*overrides: str):
    with initialize_config_dir(str(MODEL_CONFIGS.parent), version_base="1.3"):
        return compose("train", [*TINY, *overrides])


@pytest.fixture
def quiet() -> Console:
    return Console(quiet=True)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_config_trains_saves_and_loads(model, dataset, tmp_path, quiet):
    facts = train_one(config(f"model={model}"), dataset, 0, tmp_path, quiet)
    generator, again = finished(tmp_path)
    assert again == facts
    assert facts.n_parameters == generator.n_parameters
    assert facts.steps == (4 if facts.n_parameters else 0)
    assert generator.name in GENERATORS
    prompts = dataset.part("test").without_holds()[:3]
    assert len(generator.sample(prompts)) == 3


@pytest.mark.parametrize("board", ["kilter-like", "moonboard-like"])
def test_networks_have_equal_parameter_counts(board, dataset):
    from dataclasses import replace

    import numpy as np

    size = {"kilter-like": 476, "moonboard-like": 198}[board]
    rng = np.random.default_rng(0)
    big = replace(
        dataset.board,
        ids=np.arange(size),
        xy=rng.random((size, 2)) * 144,
        hold_set=np.zeros(size, dtype=np.int64),
        hole_names=tuple(map(str, range(size))),
        mirror=None,
    )
    with initialize_config_dir(str(MODEL_CONFIGS.parent), version_base="1.3"):
        cfgs = [compose("train", [f"model={m}", "network=base"]) for m in MODELS if m != "hold_frequency"]
    from setgen.generators.registry import generator_class

    counts = []
    for cfg in cfgs:
        kind = generator_class(cfg.model.generator)
        counts.append(kind(big, kind.Config(**cfg.model.config)).n_parameters)
    assert max(counts) / min(counts) < 1.1


def test_equal_seeds_and_steps_give_equal_weights(dataset, tmp_path, quiet):
    weights = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train_one(config("model=masked_set"), dataset, 5, tmp_path / name, quiet)
        weights.append(finished(tmp_path / name)[0].state_dict())
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize(
    ("where", "call"),
    [("training_step", 3), ("training_step", 4), ("validation_step", 1), ("validation_step", 2)],
)
def test_an_interrupted_training_ends_like_one_that_was_not(
    where, call, average, dataset, tmp_path, quiet, monkeypatch
):
    """The same weights, bit for bit, and the same curve, though dropout and batches are random."""
    import signal

    cfg = config(
        "model=masked_set", "budget.steps=6", "training.validations=3", f"training.average={average}"
    )
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = train_one(cfg, dataset, 0, tmp_path / "whole", quiet)

    before = signal.getsignal(signal.SIGINT)  # Lightning stops listening to Ctrl-C while it cleans up
    step, calls = getattr(Fitting, where), []

    def stop_once(self, batch, index):
        calls.append(len(batch))
        if len(calls) == call:
            torch.rand(3)
            raise KeyboardInterrupt
        return step(self, batch, index)

    monkeypatch.setattr(Fitting, where, stop_once)
    with pytest.raises(KeyboardInterrupt):
        train_one(cfg, dataset, 0, tmp_path / "broken", quiet)
    monkeypatch.undo()
    signal.signal(signal.SIGINT, before)
    assert not (tmp_path / "broken" / "run.json").exists()
    resumed = train_one(cfg, dataset, 0, tmp_path / "broken", quiet)

    assert resumed.steps == whole.steps == 6
    for curve in ("step", "valid_bits_per_hold"):
        assert resumed.curve[curve] == whole.curve[curve]
    weights, again = (finished(tmp_path / name)[0].state_dict() for name in ("whole", "broken"))
    assert all(torch.equal(weights[key], again[key]) for key in weights)


def test_averaged_weights_are_the_average_that_is_asked_for(dataset, tmp_path, quiet, monkeypatch):
    """Of every step's weights, by hand; they are what is validated and what is kept."""
    weights, validated, end = [], [], Fitting.on_train_batch_end

    def note(self, *arguments):
        weights.append(self.generator.elements.of_hold.weight.detach().clone())
        end(self, *arguments)

    monkeypatch.setattr(Fitting, "on_train_batch_end", note)
    validate = Fitting.validation_step

    def seen(self, batch, index):
        validated.append(self.generator.elements.of_hold.weight.detach().clone())
        validate(self, batch, index)

    monkeypatch.setattr(Fitting, "validation_step", seen)
    cfg = config("model=masked_set", "training.average=0.3", "training.patience=99", "training.warm_up=0.5")
    train_one(cfg, dataset, 0, tmp_path, quiet)
    average = weights[0]
    for step, now in enumerate(weights[1:], 1):
        decay = decay_at(step, 0.3)
        average = decay * average + (1 - decay) * now
    assert len(weights) == 4
    assert torch.allclose(validated[-1], average, atol=1e-6)
    assert not torch.allclose(validated[-1], weights[-1], atol=1e-6)
    kept = finished(tmp_path)[0].elements.of_hold.weight
    assert any(torch.equal(kept, seen) for seen in validated)


def test_decay_rises_to_what_is_asked_for():
    decays = [decay_at(step, 0.99) for step in range(1, 2000)]
    assert decays == sorted(decays)
    assert decays[0] == 2 / 11
    assert decays[-1] == 0.99


def test_batches_pass_over_all_climbs_and_can_be_taken_up_anywhere():
    def batches(done: int, n: int) -> list[list[int]]:
        return list(itertools.islice(EndlessPasses(10, 3, 7, lambda: done), n))

    all_of_them = batches(0, 12)
    for one_pass in (all_of_them[:3], all_of_them[3:6]):
        assert len({i for batch in one_pass for i in batch}) == 9
    assert all_of_them[:3] != all_of_them[3:6]
    for done in range(12):
        assert batches(done, 12 - done) == all_of_them[done:]
    assert sorted(batches(0, 1)[0]) != sorted(next(iter(EndlessPasses(10, 3, 8, lambda: 0))))
    assert [len(next(iter(EndlessPasses(2, 3, 0, lambda: 5))))] == [2]


def test_a_finished_run_is_not_trained_again(dataset, tmp_path, quiet, monkeypatch):
    cfg = config("model=masked_set")
    facts = train_one(cfg, dataset, 0, tmp_path, quiet)
    monkeypatch.setattr(Fitting, "training_step", lambda *_: pytest.fail("trained again"))
    assert train_one(cfg, dataset, 0, tmp_path, quiet) == facts


def test_the_best_weights_are_kept(dataset, tmp_path, quiet):
    from experiments.fitting import some

    cfg = config("model=masked_set", "budget.steps=8", "training.validations=8", "training.learning_rate=3.0")
    facts = train_one(cfg, dataset, 0, tmp_path, quiet)
    curve = facts.curve["valid_bits_per_hold"]
    assert facts.best_valid_bits_per_hold == min(curve)
    fitting = Fitting(finished(tmp_path)[0], some(dataset.part("valid"), 8), 1.0, 0.0)
    from setgen.dataset.batches import to_batch

    batch = to_batch(dataset.board, fitting.valid)
    bits = -fitting.generator.log_likelihood(batch, fitting.orders).mean(1) / batch.size / math.log(2)
    assert bits.mean().item() == pytest.approx(min(curve), abs=1e-4)


def test_weights_that_diverged_are_not_kept(dataset, tmp_path, quiet, monkeypatch):
    step = Fitting.validation_step

    def diverge(self, batch, index):
        if self.global_step > 2:
            for p in self.generator.parameters():
                p.data.fill_(math.nan)
        step(self, batch, index)

    monkeypatch.setattr(Fitting, "validation_step", diverge)
    facts = train_one(config("model=masked_set"), dataset, 0, tmp_path, quiet)
    assert math.isnan(facts.curve["valid_bits_per_hold"][-1])
    assert math.isfinite(facts.best_valid_bits_per_hold)
    assert all(p.isfinite().all() for p in finished(tmp_path)[0].parameters())


def test_weight_decay_touches_matrices_only(dataset):
    generator = build_generator(config("model=gpt").model, dataset)
    optimizer = Fitting(generator, dataset.part("valid"), 1e-3, 0.1).configure_optimizers()
    decayed, free = optimizer.param_groups
    assert decayed["weight_decay"] == 0.1
    assert free["weight_decay"] == 0.0
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


def test_budget_counts_seconds_and_steps():
    budget = Budget(10.0, 8, 0.1, 1e-3)
    budget.used, budget.done_steps = 5.0, 2
    assert budget.progress == 0.5
    budget.done_steps = 6
    assert budget.progress == 0.75
    again = Budget(10.0, 8, 0.1, 1e-3)
    again.load_state_dict(budget.state_dict())
    assert again.progress == 0.75


def test_run_folders_never_collide(tmp_path):
    folders = [new_run_folder(tmp_path, "x") for _ in range(5)]
    assert len(set(folders)) == 5


def test_an_unwritable_runs_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make a run folder"):
        new_run_folder(tmp_path / "file" / "runs", "x")


def test_no_pickle_in_what_a_user_loads(dataset, tmp_path, quiet):
    train_one(config("model=gpt"), dataset, 0, tmp_path, quiet)
    assert {p.suffix for p in (tmp_path / "model").iterdir()} <= {".json", ".safetensors"}


def _main(monkeypatch, main, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["experiments", *arguments])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (train.main, ["data.path=nowhere"], "not a dataset folder"),
        (train.main, ["resume=nowhere"], "not a run folder"),
        (train.main, ["model=gtp"], "model/gtp"),
        (train.main, ["budget.minuets=3"], "minuets"),
        (train.main, ["budget.minutes=0", "wandb.mode=disabled"], "budget.minutes"),
        (train.main, ["wandb.mode=cloud"], "wandb.mode"),
        (train.main, ["training.average=1", "wandb.mode=disabled"], "training.average"),
        (train.main, ["training.validations=0", "wandb.mode=disabled"], "training.validations"),
        (compare.main, ["models=[gtp]"], "neither a run folder nor"),
        (compare.main, ["seeds=[]"], "nothing to compare"),
        (compare.main, ["evaluation.samples=0"], "evaluation.samples"),
    ],
)
def test_wrong_input_is_said_and_ends_with_2(
    main, arguments, message, data_folder, tmp_path, monkeypatch, refusal
):
    monkeypatch.chdir(tmp_path)
    if not arguments[0].startswith(("data.", "resume=")):
        arguments = [f"data.path={data_folder}", *arguments]
    assert message in refusal(main, *arguments)


def test_multirun_makes_one_folder_a_run(data_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = _main(
        monkeypatch, train.main, "-m", f"data.path={data_folder}", *TINY, "model=hold_frequency", "seed=0,1"
    )
    assert code == 0
    runs = sorted((tmp_path / "runs" / "train").iterdir())
    assert [RunFacts.load(run).seed for run in runs] == [0, 1]


def test_compare_trains_loads_and_reports(data_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _main(monkeypatch, train.main, f"data.path={data_folder}", *TINY, "model=masked_set") == 0
    (trained,) = (tmp_path / "runs" / "train").iterdir()
    small = ["evaluation.samples=20", "evaluation.test_climbs=10", "evaluation.orders=2"]
    models = f"models=[hold_frequency,{trained},gpt]"
    assert _main(monkeypatch, compare.main, f"data.path={data_folder}", *TINY, *small, models) == 0
    (folder,) = (tmp_path / "runs" / "compare").iterdir()
    report = json.loads((folder / "metrics.json").read_text())
    assert [m["n_parameters"] > 0 for m in report["models"]] == [False, True, True]
    assert (folder / "report.html").is_file()
    assert (folder / "report.md").is_file()


def test_wandb_offline_keeps_its_run_in_the_run_folder(dataset, tmp_path, quiet):
    train_one(config("model=masked_set", "wandb.mode=offline"), dataset, 0, tmp_path, quiet)
    assert list((tmp_path / "wandb").glob("offline-run-*"))


def test_a_budget_in_processor_time_does_not_count_waiting(monkeypatch):
    assert {"wall": time.perf_counter, "processor": time.process_time} == CLOCKS
    monkeypatch.setitem(CLOCKS, "processor", iter([7.0, 7.25]).__next__)
    budget = Budget(10.0, None, 0.1, 1e-3, clock="processor")
    trainer = SimpleNamespace(optimizers=[SimpleNamespace(param_groups=[{}])], should_stop=False)
    budget.on_train_batch_start(trainer, None)
    budget.on_train_batch_end(trainer, None)
    assert budget.used == 0.25


def test_an_unknown_clock_is_one_clear_line(dataset, tmp_path, quiet):
    with pytest.raises(InputError, match="give wall or processor"):
        train_one(config("model=masked_set", "budget.clock=sundial"), dataset, 0, tmp_path, quiet)

"""Training: every config runs, budgets end it, Ctrl-C loses nothing, and no run overwrites another."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from experiments import compare, train
from experiments.model_config import MODELS as MODEL_CONFIGS
from experiments.run_folder import new_run_folder
from experiments.training import RunFacts, finished, untrained
from experiments.training import train as train_one
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.generators.masked_set import MaskedSet
from setgen.generators.orders import random_orders
from setgen.generators.registry import GENERATORS
from setgen.sets.batch import to_batch

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
        cfgs = [compose("train", [f"model={m}", "network=base"]) for m in MODELS]
    cfgs = [cfg for cfg in cfgs if "width" in cfg.model.config]  # the others are no networks
    assert len(cfgs) > 5
    from setgen.generators.registry import generator_class

    counts, bare = [], []
    for cfg in cfgs:
        kind, options = generator_class(cfg.model.generator), dict(cfg.model.config)
        counts.append(kind(big, kind.Config(**options)).n_parameters)
        bare.append(
            kind(big, kind.Config(**options | ({"waves": 0} if "waves" in options else {}))).n_parameters
        )
    assert max(bare) / min(bare) < 1.1
    assert max(counts) / min(counts) < 1.15  # the fields of known holds have parameters of their own


def test_equal_seeds_and_steps_give_equal_weights(dataset, tmp_path, quiet):
    weights = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train_one(config("model=masked_set"), dataset, 5, tmp_path / name, quiet)
        weights.append(finished(tmp_path / name)[0].state_dict())
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])


@pytest.mark.parametrize(
    "options", [["training.average=0.9"], ["training.bucketing=true", "budget.clock=processor"]]
)
def test_an_interrupted_run_ends_like_one_that_was_not(options, dataset, tmp_path, quiet, monkeypatch):
    """The same weights, bit for bit, and the same curve, though dropout and batches are random.

    `tests/test_training_loop.py` interrupts the loop itself, wherever it may be.
    """
    cfg = config("model=masked_set", "budget.steps=6", "training.validations=3", *options)
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = train_one(cfg, dataset, 0, tmp_path / "whole", quiet)
    loss, calls = MaskedSet.loss, []

    def stop_once(self, batch):
        calls.append(len(batch))
        if len(calls) == 4:
            torch.rand(3)
            raise KeyboardInterrupt
        return loss(self, batch)

    monkeypatch.setattr(MaskedSet, "loss", stop_once)
    with pytest.raises(KeyboardInterrupt):
        train_one(cfg, dataset, 0, tmp_path / "broken", quiet)
    assert not (tmp_path / "broken" / "run.json").exists()
    resumed = train_one(cfg, dataset, 0, tmp_path / "broken", quiet)
    assert len(calls) == 3 + 1 + 3  # nothing is done twice
    assert resumed.steps == whole.steps == 6
    for curve in ("step", "train_loss", "valid_bits_per_hold"):
        assert resumed.curve[curve] == whole.curve[curve]
    weights, again = (finished(tmp_path / name)[0].state_dict() for name in ("whole", "broken"))
    assert all(torch.equal(weights[key], again[key]) for key in weights)


def test_the_weights_of_the_best_validation_are_saved(dataset, tmp_path, quiet):
    cfg = config("model=masked_set", "budget.steps=8", "training.validations=8", "training.learning_rate=3.0")
    facts = train_one(cfg, dataset, 0, tmp_path, quiet)
    curve = facts.curve["valid_bits_per_hold"]
    assert facts.best_valid_bits_per_hold == min(curve)
    valid = dataset.part("valid").at_most(8, 0)
    batch, orders = to_batch(dataset.board, valid), random_orders(valid.sizes, 4, seed=0)
    nats = finished(tmp_path)[0].log_likelihood(batch, orders).logsumexp(1) - math.log(4)
    bits = -nats.sum().item() / batch.size.sum().item() / math.log(2)
    assert bits == pytest.approx(min(curve), abs=1e-4)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Iterator[str]:
    """A model of code outside the repository: uniform over whatever is allowed."""
    (tmp_path / "foreign_model.py").write_text(
        "from baselines.frequency import Frequency\n\n\nclass Mine(Frequency):\n    name = 'mine'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "foreign_model:Mine"
    sys.modules.pop("foreign_model", None)


@pytest.fixture
def trained_elsewhere(elsewhere, data_folder, tmp_path, monkeypatch):
    """The options of such a model, and the run folder of one that is trained."""
    monkeypatch.chdir(tmp_path)
    mine = ["model=hold_frequency", f"model.generator={elsewhere}", "model.label=mine"]
    assert _main(monkeypatch, train.main, f"data.path={data_folder}", *TINY, *mine) == 0
    (run,) = (tmp_path / "runs" / "train").iterdir()
    return mine, run


@pytest.mark.slow
def test_a_model_from_elsewhere_trains_and_is_compared(
    elsewhere, trained_elsewhere, data_folder, tmp_path, monkeypatch, refusal
):
    """By its place in a config; of a folder that is trained already, only with leave."""
    mine, trained = trained_elsewhere
    assert json.loads((trained / "model" / "model.json").read_text())["generator"] == elsewhere
    small = ["evaluation.samples=20", "evaluation.test_climbs=10", "evaluation.orders=1"]
    asked = [f"data.path={data_folder}", *TINY, *small]
    assert "foreign_code=true" in refusal(compare.main, *asked, f"models=[{trained}]")
    assert not (tmp_path / "runs" / "compare").exists()
    (tmp_path / "mine.yaml").write_text(OmegaConf.to_yaml(config(*mine).model))
    models = f"models=[{trained},mine.yaml]"
    assert _main(monkeypatch, compare.main, *asked, models, "foreign_code=true") == 0
    (folder,) = (tmp_path / "runs" / "compare").iterdir()
    assert len(json.loads((folder / "metrics.json").read_text())["models"]) == 2


def test_a_run_to_go_on_with_does_not_say_itself_that_its_code_may_run(
    trained_elsewhere, tmp_path, monkeypatch, refusal
):
    """Nor does it hold links to what lies elsewhere, which going on would write through."""
    _, run = trained_elsewhere
    cfg = OmegaConf.load(run / "config.yaml")
    cfg.foreign_code = True
    OmegaConf.save(cfg, run / "config.yaml")
    sys.modules.pop("foreign_model")
    assert "foreign_code=true" in refusal(train.main, f"resume={run}")
    assert "foreign_model" not in sys.modules
    assert _main(monkeypatch, train.main, f"resume={run}", "foreign_code=true") == 0
    (run / "checkpoint.pt").unlink(missing_ok=True)
    (run / "checkpoint.pt").symlink_to(tmp_path / "elsewhere")
    assert "link to something outside" in refusal(train.main, f"resume={run}", "foreign_code=true")


@pytest.mark.parametrize("damaged", ["config", "reference", "label", "model"])
def test_nor_does_a_comparison_to_go_on_with(damaged, elsewhere, data_folder, tmp_path, monkeypatch, refusal):
    """Neither by a model config that lies in it, whatever it refers to, nor by a model folder in it."""
    monkeypatch.chdir(tmp_path)
    small = ["models=[hold_frequency]", "evaluation.samples=20", "evaluation.test_climbs=10"]
    assert _main(monkeypatch, compare.main, f"data.path={data_folder}", *TINY, *small) == 0
    (folder,) = (tmp_path / "runs" / "compare").iterdir()
    path, said = folder / "models" / "hold_frequency.yaml", "foreign_code=true"
    if damaged == "config":
        path.write_text(path.read_text().replace("generator: hold_frequency", f"generator: {elsewhere}"))
    elif damaged == "reference":  # which reads as one of setgen's in the one file, and not in the other
        path.write_text(path.read_text().replace("generator: hold_frequency", "generator: ${label}"))
        said = "must be names"
        with (folder / "config.yaml").open("a") as config_of_all:
            config_of_all.write(f"label: {elsewhere}\n")
    elif damaged == "label":
        path.write_text(path.read_text().replace("label: hold_frequency", "label: ../../mine"))
        said = "is no label of a model"
    else:
        (path,) = folder.glob("runs/*/model/model.json")
        path.write_text(path.read_text().replace('"hold_frequency"', f'"{elsewhere}"'))
    assert said in refusal(compare.main, f"resume={folder}")
    assert "foreign_model" not in sys.modules


def test_a_finished_run_is_not_trained_again(dataset, tmp_path, quiet, monkeypatch):
    cfg = config("model=masked_set")
    facts = train_one(cfg, dataset, 0, tmp_path, quiet)
    monkeypatch.setattr(MaskedSet, "loss", lambda *_: pytest.fail("trained again"))
    assert train_one(cfg, dataset, 0, tmp_path, quiet) == facts


def test_run_folders_never_collide(tmp_path):
    folders = [new_run_folder(tmp_path, "x", tmp_path) for _ in range(5)]
    assert len(set(folders)) == 5


def test_an_unwritable_runs_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make a run folder"):
        new_run_folder(tmp_path / "file" / "runs", "x", tmp_path)


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


def test_a_new_board_begins_with_another_boards_model(
    dataset, data_folder, tmp_path, monkeypatch, refusal, capsys
):
    """Of a run or its model folder; a network that does not fit is refused before a folder is made."""
    monkeypatch.chdir(tmp_path)
    board = replace(dataset.board, xy=dataset.board.xy * 1.5, edges=None)
    old = untrained(config("model=sweep_set").model, board)
    old.eval().save(tmp_path / "old" / "model")
    words = (f"data.path={data_folder}", *TINY, "model=sweep_set")
    for init in ("old", "old/model"):
        assert _main(monkeypatch, train.main, *words, f"init={init}") == 0
        assert f"parameters of {init}" in capsys.readouterr().out
    run = max((tmp_path / "runs" / "train").iterdir())
    assert finished(run)[0].config.length == pytest.approx(np.ptp(board.xy, axis=0).max())
    runs = len(list(run.parent.iterdir()))
    assert "another network (width 16, not 32)" in refusal(train.main, *words, "init=old", "network.width=32")
    assert "another family, sweep_set" in refusal(train.main, *words, "init=old", "model=masked_set")
    assert "nowhere is not a folder" in refusal(train.main, *words, "init=nowhere")
    assert len(list(run.parent.iterdir())) == runs


def test_a_finished_run_goes_on_with_a_larger_budget(data_folder, tmp_path, monkeypatch, refusal):
    """As if it had had that budget from where it stood on; what it said before is kept; less is refused."""
    monkeypatch.chdir(tmp_path)
    assert _main(monkeypatch, train.main, f"data.path={data_folder}", *TINY, "model=masked_set") == 0
    (run,) = (tmp_path / "runs" / "train").iterdir()
    before, said = RunFacts.load(run), (run / "run.json").read_text()
    assert "trained 4 steps already" in refusal(train.main, f"resume={run}", "budget.steps=3")
    assert "not seed" in refusal(train.main, f"resume={run}", "seed=3")
    assert (run / "run.json").read_text() == said
    assert _main(monkeypatch, train.main, f"resume={run}", "budget.steps=10") == 0
    after = RunFacts.load(run)
    assert (before.steps, after.steps) == (4, 10)
    assert after.curve["step"][: len(before.curve["step"])] == before.curve["step"]
    assert (run / "run-1.json").read_text() == said
    assert json.loads((run / "budgets.jsonl").read_text())["now"]["steps"] == 10
    assert OmegaConf.load(run / "config.yaml").budget.steps == 10
    assert _main(monkeypatch, train.main, f"resume={run}") == 0  # nothing left to do
    assert RunFacts.load(run) == after
    (run / "checkpoint.pt").unlink()
    assert "keeps no checkpoint.pt" in refusal(train.main, f"resume={run}", "budget.steps=20")


@pytest.mark.slow
def test_processes_share_one_run_folder(data_folder, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    asked = [
        "-m",
        "experiments.train",
        f"data.path={data_folder}",
        *TINY,
        "model=masked_set",
        f"runs={tmp_path}",
    ]
    done = subprocess.run([*launch, *asked], capture_output=True, text=True, check=True)
    (run,) = (tmp_path / "train").iterdir()
    generator, facts = finished(run)
    assert (facts.steps, generator.name) == (4, "masked_set")
    assert done.stdout.count("Use it: ") == 1


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (train.main, ["data.path=nowhere"], "not a dataset folder"),
        (train.main, ["resume=nowhere"], "not a run folder"),
        (train.main, ["model=gtp"], "model/gtp"),
        (train.main, ["model=3"], "must be a string or a list"),
        (train.main, [f"model={'x' * 5000}"], "name too long"),
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_wandb_offline_keeps_its_run_in_the_run_folder(dataset, tmp_path, quiet):
    train_one(config("model=masked_set", "wandb.mode=offline"), dataset, 0, tmp_path, quiet)
    assert list((tmp_path / "wandb").glob("offline-run-*"))


def test_an_unknown_clock_is_one_clear_line(dataset, tmp_path, quiet):
    with pytest.raises(InputError, match="give wall or processor"):
        train_one(config("model=masked_set", "budget.clock=sundial"), dataset, 0, tmp_path, quiet)

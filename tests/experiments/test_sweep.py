"""Sweeps: resumed, stopped early, killed and tried again; what they find trains and compares."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from optuna.trial import TrialState
from rich.console import Console

from experiments import compare, sweep, train
from experiments.model_config import MODELS, load_model, settings_of
from experiments.training import RunFacts, check_trainable, finished, untrained
from experiments.tuning import trials
from experiments.tuning.report import best_so_far, importances
from experiments.tuning.sizes import of_one_size
from experiments.tuning.space import Option, space_of, with_values
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError
from setgen.training import Point, Progress

TINY = [
    *("network.width=16", "network.depth=1", "network.heads=2", "training.valid_climbs=8"),
    *("budget.steps=4", "budget.minutes=5", "training.validations=2", "threads=1"),
]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return synthetic_dataset(400, seed=3)


@pytest.fixture
def data_folder(dataset, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    dataset.save(tmp_path / "d")
    return tmp_path / "d"


def config(*overrides: str, name: str = "sweep"):
    with initialize_config_dir(str(MODELS.parent), version_base="1.3"):
        return compose(name, list(overrides))


def _main(monkeypatch, main, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["experiments", *arguments])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def states(folder: Path, label: str) -> list[str]:
    study = optuna.load_study(study_name=label, storage=f"sqlite:///{folder}/trials.sqlite3")
    return [trial.state.name for trial in study.trials]


@pytest.mark.slow
def test_a_sweep_goes_on_and_what_it_finds_is_trained(data_folder, tmp_path, monkeypatch, capsys):
    """Killed in its second trial, gone on with, raised to three trials; then train and compare take it."""
    train_one, calls = trials.train, []

    def killed_in_the_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train_one(*arguments)

    monkeypatch.setattr(trials, "train", killed_in_the_third)
    both = "models=[gpt,sweep_set]"
    assert _main(monkeypatch, sweep.main, f"data.path={data_folder}", *TINY, both, "trials=2") == 130
    (folder,) = (tmp_path / "runs" / "sweep").iterdir()
    assert states(folder, "gpt") == ["COMPLETE", "RUNNING"]
    assert _main(monkeypatch, sweep.main, f"resume={folder}", "trials=3") == 0
    assert states(folder, "gpt") == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert states(folder, "sweep_set") == ["COMPLETE"] * 3

    study = optuna.load_study(study_name="gpt", storage=f"sqlite:///{folder}/trials.sqlite3")
    assert study.trials[1].params == study.trials[2].params
    assert study.trials[0].params["training.learning_rate"] == 2e-3  # the config as it stands
    assert len({trial.params["training.learning_rate"] for trial in study.trials}) == 3
    best = OmegaConf.load(folder / "gpt.yaml")
    assert best.training.learning_rate == study.best_params["training.learning_rate"]
    assert best.config.dropout == study.best_params["model.config.dropout"]
    assert best.config.width == 16
    assert not list(folder.glob("trials/*/*/checkpoint*"))
    text = (folder / "report.md").read_text()
    assert f"{study.best_value:.3f}" in text

    tiny = [o for o in TINY if not o.startswith("network.")]
    quiet = ["wandb.mode=disabled", f"data.path={data_folder}"]
    assert _main(monkeypatch, train.main, "model=sweep_set", f"tuned={folder}", *tiny, *quiet) == 0
    (run,) = (tmp_path / "runs" / "train").iterdir()
    assert RunFacts.load(run).label == "sweep_set_tuned"
    used, found = OmegaConf.load(run / "config.yaml"), OmegaConf.load(folder / "sweep_set.yaml")
    assert used.training.batch_size == found.training.batch_size
    assert finished(run)[0].config.given == found.config.given

    small = ["evaluation.samples=20", "evaluation.test_climbs=10", "evaluation.orders=2"]
    models = f"models=[sweep_set,{folder}/sweep_set.yaml,{run}]"
    assert _main(monkeypatch, compare.main, models, "training.weight_decay=0.3", *TINY, *small, *quiet) == 0
    (report,) = (tmp_path / "runs" / "compare").iterdir()
    assert len(json.loads((report / "metrics.json").read_text())["models"]) == 3
    plain, tuned = (OmegaConf.load(report / "models" / f"{n}.yaml") for n in ("sweep_set", "sweep_set_tuned"))
    assert tuned.training.learning_rate == found.training.learning_rate
    assert plain.training.learning_rate == 2e-3
    assert plain.training.weight_decay == tuned.training.weight_decay == 0.3  # the command line stands above


@pytest.mark.parametrize("name", ["completion", "converged_kilter", "converged_moonboard"])
def test_every_model_of_a_published_comparison_can_be_trained(name, dataset):
    cfg = config(name=name)
    settings = {one: settings_of(cfg, load_model(one)) for one in map(str, cfg.models)}
    compare.check_labels(settings)
    for one in settings.values():
        check_trainable(one, dataset.space)


def tuned_of(dataset: Dataset, *overrides: str, model: str = "sweep_set") -> trials.Tuned:
    cfg = config(*TINY, *overrides)
    settings = settings_of(cfg, load_model(model))
    space, _ = of_one_size(settings, space_of(cfg.search, settings.model.generator), dataset)
    return trials.Tuned(settings, space, trials.open_study("sqlite://", settings.model.label, cfg.pruner))


def test_a_bad_trial_is_stopped_early_and_counts(dataset, tmp_path):
    tuned = tuned_of(dataset, "training.validations=4")
    tuned.study.pruner = optuna.pruners.ThresholdPruner(upper=0.0)
    quiet = Console(quiet=True)
    assert trials.next_trial(tuned, dataset, tmp_path, quiet) == "stopped at 50%"
    (trial,) = tuned.study.trials
    assert trial.state is TrialState.PRUNED
    assert tuned.n_done == 1
    assert tuned.best is None
    assert trials.best_config(tuned, "x") is None
    assert math.isnan(best_so_far(tuned)[0])


def at(share: float, bits: float) -> tuple[Progress, Point]:
    """What a training says of itself after a validation."""
    return Progress(share=share, seconds=1.0), Point(1.0, 1, 0.0, bits)


def test_only_trials_worse_than_most_are_stopped(dataset):
    tuned = tuned_of(dataset, "training.validations=4")
    for value in (4.0, 5.0, 6.0, 7.0, 8.0):
        trial = tuned.study.ask()
        watch = trials._watch(trial, tuned.settings, earlier=0)
        for share in (0.25, 0.5, 0.75, 1.0):
            watch(*at(share, value))
        tuned.study.tell(trial, value)
    good, bad, early = (trials._watch(tuned.study.ask(), tuned.settings, 0) for _ in range(3))
    good(*at(0.5, 5.9))
    early(*at(0.25, 99.0))
    with pytest.raises(optuna.TrialPruned):
        bad(*at(0.5, 6.1))


def test_halving_lets_the_best_third_go_on_at_each_rung(dataset):
    tuned = tuned_of(dataset, "training.validations=8", "pruner=halving")
    came = {}
    for value in (4.0, 5.0, 3.0, 6.0, 7.0, 2.0, 4.5, 8.0, 1.0):
        watch, came[value] = trials._watch(tuned.study.ask(), tuned.settings, 0), 1.0
        for share in (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0):
            try:
                watch(*at(share, value))
            except optuna.TrialPruned:
                came[value] = share
                break
    # Each was among the best third of those before it, or not; no one is stopped at the end.
    assert came == {value: 1.0 if value in (4.0, 3.0, 2.0, 1.0) else 0.375 for value in came}
    assert len(came) == 9


def test_no_test_climb_is_looked_at(dataset, tmp_path, monkeypatch):
    part = Dataset.part
    monkeypatch.setattr(
        Dataset, "part", lambda self, name: part(self, name) if name != "test" else pytest.fail("test climbs")
    )
    trials.next_trial(tuned_of(dataset), dataset, tmp_path, Console(quiet=True))


def test_a_trial_s_value_is_the_mean_over_seeds(dataset, tmp_path):
    tuned = tuned_of(dataset, "seeds=[0,1]")
    trials.next_trial(tuned, dataset, tmp_path, Console(quiet=True))
    bits = [RunFacts.load(tmp_path / f"trials/sweep_set-0/seed{s}").best_valid_bits_per_hold for s in (0, 1)]
    assert bits[0] != bits[1]
    assert tuned.best is not None
    assert tuned.best.value == pytest.approx(np.mean(bits))
    assert tuned.best.user_attrs["steps"] == 8


@pytest.mark.slow
def test_importances_find_the_option_that_matters():
    study = optuna.create_study()
    for i in range(20):
        trial = study.ask()
        x, _ = trial.suggest_float("a.matters", 0, 1), trial.suggest_float("a.does_not", 0, 1)
        study.tell(trial, x)
        assert (importances(study) == {}) == (i < 7)
    assert importances(study)["matters"] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("placements", [150, 198, 476])
def test_every_choice_of_every_search_has_as_many_parameters(placements, dataset):
    rng = np.random.default_rng(0)
    board = replace(
        dataset.board,
        ids=np.arange(placements),
        xy=rng.random((placements, 2)) * 144,
        hold_set=np.zeros(placements, dtype=np.int64),
        hole_names=tuple(map(str, range(placements))),
        mirror=None,
    )
    wall = replace(dataset, space=board)
    cfg, counts = config("network=base"), []
    for name in ("gpt", "sorted_gpt", "masked_set", "hold_canvas", "sweep_set"):
        settings = settings_of(cfg, load_model(name))
        if "waves" in settings.model.config:  # fields have parameters of their own, on top of equal networks
            settings.model.config.waves = 0
        space, left_out = of_one_size(settings, space_of(cfg.search, settings.model.generator), wall)
        assert not left_out
        for option in space:
            for sets in option.choices.values():
                counts.append(untrained(with_values(settings, sets).model, board).n_parameters)
    assert max(counts) / min(counts) < 1.1


def test_a_choice_of_another_size_is_left_out(dataset):
    cfg = config("+search.gpt.model.config.shape.choices.huge={width: 256, depth: 4, heads: 4}")
    settings = settings_of(cfg, load_model("gpt"))
    space, left_out = of_one_size(settings, space_of(cfg.search, "gpt"), dataset)
    assert left_out == ["shape huge"]
    (shape,) = [option for option in space if option.key.endswith("shape")]
    assert set(shape.choices) == {"base", "wide", "shallow", "deep", "many_heads"}
    assert shape.now(settings) == "base"


def test_options_set_what_they_say():
    trial = optuna.trial.FixedTrial({"a.x": 0.5, "a.n": 3, "a.shape": "deep"})
    options = space_of(
        OmegaConf.create(
            {
                "shared": {"a": {"x": {"low": 0.1, "high": 1.0, "log": True}, "n": {"choices": [1, 3]}}},
                "gpt": {"a": {"shape": {"choices": {"deep": {"width": 8, "depth": 9}}}}},
            }
        ),
        "gpt",
    )
    found = {k: v for option in options for k, v in option.suggest(trial).items()}  # type: ignore[arg-type]
    assert found == {"a.x": 0.5, "a.n": 3, "a.width": 8, "a.depth": 9}
    assert Option("a.x", 0.1, 1.0).now(OmegaConf.create({"a": {"x": 5.0}})) is None


@pytest.mark.parametrize(
    "wrong", [{"low": 1, "high": 0}, {"low": 0, "high": 1, "log": True}, {"choices": []}, {"low": 1}, 3]
)
def test_a_wrong_space_is_one_clear_line(wrong):
    with pytest.raises(InputError, match=r"search\.shared\.training\.x"):
        space_of(OmegaConf.create({"shared": {"training": {"x": wrong}}}), "gpt")


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (sweep.main, ["trials=0"], "trials is 0"),
        (sweep.main, ["seeds=[]"], "seeds"),
        (sweep.main, ["model=gtp"], "gtp"),
        (sweep.main, ["models=[gtp]"], "'gtp'"),
        (sweep.main, ["model=gpt", "models=[gpt]"], "not both"),
        (sweep.main, ["models=[gpt,gpt]"], "one label"),
        (sweep.main, ["model=hold_frequency"], "nothing to tune"),
        (sweep.main, ["pruner=axe"], "median or halving or none"),
        (sweep.main, ["budget.minutes=0"], "budget.minutes"),
        (sweep.main, ["resume=nowhere"], "not a run folder"),
        (sweep.main, ["resume=nowhere", "seeds=[3]"], "only trials"),
        (sweep.main, ["+search.shared.training.lr={low: 1, high: 2}"], "training.lr"),
        (train.main, ["tuned=nowhere"], "nowhere"),
        (train.main, ["tuned=d/gpt.yaml"], "does not fit"),
        (train.main, ["model=gpt", "tuned=d/gpt.yaml", "network=small"], "leave network="),
        (train.main, ["model=gpt", "tuned=d/data.yaml"], "no model config"),
        (compare.main, ["models=[d/broken.yaml]"], "broken.yaml"),
        (compare.main, ["models=[gpt,d/gpt.yaml]"], "two models are called 'gpt'"),
        (compare.main, ["tuned=d"], "no tuned config"),
        (compare.main, ["models=[d/wrong.yaml]"], "no option 'lr'"),
    ],
)
def test_wrong_input_is_said_and_ends_with_2(main, arguments, message, data_folder, refusal):
    own = load_model("gpt")
    OmegaConf.save(own, data_folder / "gpt.yaml")
    OmegaConf.save({**own, "label": "wrong", "training": {"lr": 1}}, data_folder / "wrong.yaml")
    (data_folder / "data.yaml").write_text("path: d")
    (data_folder / "broken.yaml").write_text("label: [")
    if arguments == ["tuned=d"]:
        (data_folder / "gpt.yaml").unlink()
    if not arguments[0].startswith("resume="):
        arguments = [f"data.path={data_folder}", *arguments]
    assert message in refusal(main, *arguments)

"""What options may be: the configs as they stand keep to it, and whatever does not is one clear line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from baselines.gpt import GPTConfig, GPTGenerator
from experiments import compare, damage, samplers, scale, sweep, train
from experiments.option_values import KINDS, SECTIONS, check_values
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError

FOLDER = Path(train.__file__).with_name("conf")
CONFIGS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ELSEWHERE = {"typed", "climbs"}  # not for users; of another kind in each experiment, which check it


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    synthetic_dataset(200, seed=1).save(folder)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wrong values name: runs of another experiment, wrong and broken ones, models of one's own."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("other", "wrong", "broken"):
        (folder / name).mkdir()
    comparison = composed("compare")
    OmegaConf.save(comparison, folder / "other" / "config.yaml")
    OmegaConf.save({**comparison, "seeds": "abc"}, folder / "wrong" / "config.yaml")
    (folder / "broken" / "config.yaml").write_text("seed: [")
    own = {**OmegaConf.to_container(composed("train", "model=gpt").model, resolve=False), "label": "own"}
    own["config"] |= {"width": 8, "depth": 1, "heads": 1, "dropout": 0.0}
    OmegaConf.save(own, folder / "own.yaml")
    OmegaConf.save({**own, "config": None}, folder / "no_config.yaml")
    OmegaConf.save({**own, "training": {"batch_size": 0}}, folder / "small_batch.yaml")
    GPTGenerator(synthetic_board(), GPTConfig(width=8, depth=1, heads=1)).save(folder / "trained")
    return folder


def composed(name: str, *overrides: str):
    with initialize_config_dir(str(FOLDER), version_base="1.3"):
        return compose(name, overrides=list(overrides))


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_has_a_kind_and_is_of_it(name: str) -> None:
    cfg = composed(name)
    check_values(cfg)
    plain = OmegaConf.to_container(cfg, resolve=False)
    free = {"network", "model", "search", "ways"}  # what is in these is checked by what they build
    options = {f"{s}.{k}" for s in SECTIONS if s in plain and s not in free for k in plain[s]}
    options |= {key for key in plain if key not in SECTIONS}
    assert options - ELSEWHERE <= set(KINDS)


def test_every_kind_is_of_an_option() -> None:
    have = [OmegaConf.to_container(composed(name), resolve=False) for name in CONFIGS]
    for key in KINDS:
        section, _, name = key.rpartition(".")
        assert any(name in (plain.get(section, {}) if section else plain) for plain in have), key


@pytest.mark.parametrize("wrong", ["abc", "[1]", "true", "-1", "{a: 1}", "nan", "''"])
def test_numbers_are_numbers(wrong: str) -> None:
    numbers = [key for key, kind in KINDS.items() if kind.holds(1) or kind.holds(2)]
    assert len(numbers) > 15
    for key in numbers:
        cfg = OmegaConf.create({})
        OmegaConf.update(cfg, key, OmegaConf.from_dotlist([f"x={wrong}"]).x)
        with pytest.raises(InputError, match=rf"^{re.escape(key)} is "):
            check_values(cfg)


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (train.main, ["budget.minutes=abc"], "budget.minutes is abc"),
        (train.main, ["budget=3"], "budget is 3"),
        (train.main, ["training.average=x"], "training.average is x"),
        (train.main, ["seed=-1"], "seed is -1"),
        (train.main, ["seed=1.5"], "seed is 1.5"),
        (train.main, ["runs=3"], "runs is 3"),
        (train.main, ["data.path=3"], "data.path is 3"),
        (train.main, ["network.width=abc"], "width"),
        (train.main, ["network.width=0"], "width"),
        (train.main, ["network.width=30"], "heads"),
        (train.main, ["network.dropout=x"], "dropout"),
        (train.main, ["network.dropout=1.5"], "dropout"),
        (train.main, ["model=gpt", "network.depth=-1"], "depth"),
        (train.main, ["model.config.width=null"], "width"),
        (train.main, ["model.generator=no"], "'no'"),
        (train.main, ["+model.config.odd=1"], "odd"),
        (compare.main, ["seeds=3"], "seeds is 3"),
        (compare.main, ["seeds=[0,0]"], "different"),
        (compare.main, ["models=gpt"], "models is gpt"),
        (samplers.main, ["samples=abc"], "samples is abc"),
        (samplers.main, ["+ways.zz=null", "models=[trained]"], "'zz'"),
        (samplers.main, ["+ways.zz={calls: x}", "models=[trained]"], "'zz'"),
        (sweep.main, ["search.shared=3"], "search.shared is 3"),
        (scale.main, ["climbs=abc"], "climbs is abc"),
        (damage.main, ["climbs=abc"], "climbs"),
        (damage.main, ["climbs=[3]"], "climbs"),
        (damage.main, ["damages=[no such]"], "damage"),
        (damage.main, ["metrics=[no such]"], "metric"),
        (scale.main, ["models=[own.yaml]"], "own has a width of its own"),
        (train.main, ["model=nonsense"], "Available options in 'model': "),
        (train.main, ["foo.bar=1"], "foo.bar"),
        (train.main, ["budget.minutes"], "override 'budget.minutes'"),
        (train.main, ["model=[gpt"], "[gpt"),
        (train.main, ["model.config=null"], "config is None"),
        (compare.main, ["models=[small_batch.yaml]"], "training.batch_size is 0"),
        (compare.main, ["models=[no_config.yaml]"], "config is None"),
        (scale.main, ["models=[no_config.yaml]"], "config is None"),
        (sweep.main, ["network.width=abc"], "width is abc"),
        (sweep.main, ["+search.shared.training.patience={low: 3, high: 9}"], "patience is 3.0"),
        (sweep.main, ["+search.shared.model.config.condition_dropout={low: 2, high: 3}"], "it is a share"),
        (train.main, ["resume=other"], "another experiment"),
        (compare.main, ["resume=other", "seeds=[1]"], "nothing can be changed, not seeds"),
        (compare.main, ["resume=wrong"], "seeds is abc"),
        (train.main, ["resume=broken"], "cannot be read"),
    ],
)
def test_wrong_values_are_one_clear_line(
    main, arguments, message, data_folder, files, monkeypatch, refusal
) -> None:
    monkeypatch.chdir(files)
    if not arguments[0].startswith(("data.", "resume=")):
        arguments = [f"data.path={data_folder}", *arguments]
    assert message in refusal(main, *arguments)
    assert not (files / "runs").exists()
    assert not list(files.glob("*/commands.txt"))

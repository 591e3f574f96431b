"""Few climbs: nested subsets of whole hold sets, what the ways are trained on, and a study that is kept."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

from experiments import few
from experiments.few import Cell, Study, Way, draws_of, page_of, steps_to_try, ways_of, with_training
from experiments.model_config import MODELS, load_model
from experiments.training import build_generator
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.rules import legal
from setgen.metrics.likelihood import likelihood
from setgen.sets.identity import fingerprints

TINY = ["network=tiny", "training.valid_climbs=8", "evaluation.test_climbs=12", "training.validations=2"]
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Every climb at one angle, and the first half of them at another one too."""
    made = synthetic_dataset(300, seed=3)
    half = np.arange(150)
    twice = made.climbs[np.concatenate([np.arange(300), half])]
    angle = twice.angle.copy()
    angle[300:] = np.where(angle[300:] == made.board.angles[0], made.board.angles[1], made.board.angles[0])
    return replace(
        made,
        sets=twice.with_conditions(angle, twice.grade),
        split=np.concatenate([made.split, made.split[half]]),
        ids=np.concatenate([made.ids, made.ids[half]]),
        columns={},
    )


def config(*overrides: str):
    with initialize_config_dir(str(MODELS.parent), version_base="1.3"):
        return compose("few", [*TINY, *overrides])


def study(dataset: Dataset, extra: Dataset | None = None) -> Study:
    cfg = config()
    return Study(cfg, dataset, None, dataset.part("test"), {"plain": Way()}, extra, None)  # type: ignore[arg-type]


def prints(dataset: Dataset, part: str) -> set[int]:
    return set(fingerprints(dataset.space, dataset.part(part)).tolist())


def test_subsets_are_nested_and_of_whole_hold_sets(dataset):
    small, large = (study(dataset).part(n, extra=False) for n in (40, 100))
    assert (len(prints(small, "train")), len(prints(large, "train"))) == (40, 100)
    assert prints(small, "train") < prints(large, "train")
    every = fingerprints(dataset.space, dataset.part("train"))
    assert len(small.part("train")) == np.isin(every, list(prints(small, "train"))).sum() > 40
    for part in ("valid", "test"):
        assert len(small.part(part)) == len(dataset.part(part))


def test_extra_climbs_are_new_training_climbs(dataset):
    """Of a larger import; neither one that judges nor one that the subset left out comes in by that door."""
    old = replace(dataset, split=np.where(np.arange(450) % 150 < 100, dataset.split, -1), columns={})
    kept = old.split >= 0
    old = replace(old, sets=old.sets[kept], split=old.split[kept], ids=old.ids[kept])
    part = study(old, extra=dataset).part(40, extra=True)
    added = prints(part, "train") - prints(study(old).part(40, extra=False), "train")
    assert added == prints(dataset, "train") - prints(old, "train")
    assert added
    for name in ("valid", "test"):
        assert prints(part, name) == prints(old, name)
        assert not prints(part, name) & prints(part, "train")


def test_a_student_learns_from_legal_draws_of_every_teacher(dataset):
    teachers = [build_generator(load_model("hold_frequency"), dataset) for _ in range(2)]
    draws = draws_of(teachers, dataset.part("train"), 30, seed=1)
    assert len(draws) == 30
    assert legal(dataset.board, draws).all()
    part = with_training(dataset, draws)
    assert len(part.part("train")) == 30
    assert prints(part, "test") == prints(dataset, "test")


def test_an_ensemble_is_the_mean_of_its_networks_probabilities(dataset, tmp_path, monkeypatch):
    frequency = load_model("hold_frequency")
    counted = {100 * k: build_generator(frequency, study(dataset).part(20 + 30 * k, False)) for k in range(4)}
    monkeypatch.setattr(Study, "trained", lambda *a: (counted[a[4]], 7))
    both = replace(study(dataset), ways={"plain": Way(), "ensemble": Way(networks=4)})
    plain, ensemble = (np.array(both.cell(way, 20, 0, tmp_path, QUIET).bits) for way in both.ways)
    test = dataset.part("test")
    bits = np.array([likelihood(one, test).bits for one in counted.values()])
    assert np.allclose(plain, bits[0])
    assert np.allclose(
        2.0 ** (-ensemble * test.sizes), np.mean(2.0 ** (-bits * test.sizes), 0), rtol=1e-6, atol=0
    )
    assert (ensemble <= bits.mean(0) + 1e-9).all()


def test_steps_are_those_of_the_next_number_of_climbs():
    cfg = config()
    assert steps_to_try(cfg, 300) == steps_to_try(cfg, 20) == list(cfg.steps[300])
    assert steps_to_try(cfg, 301) == list(cfg.steps[1000])
    assert steps_to_try(cfg, 10**6) == list(cfg.steps[10000])


def test_ways_without_their_data_are_left_out_and_told():
    told = Console(record=True, file=io.StringIO())
    ways = ways_of(config(), told)
    assert next(iter(ways)) == "plain"
    assert not {"ungraded_too", "other_first"} & set(ways)
    assert "other_first" in told.export_text()
    assert "other_first" in ways_of(config("other=d"), QUIET)
    assert list(ways_of(config("only=[ensemble]"), QUIET)) == ["plain", "ensemble"]


def test_differences_are_paired_and_over_common_seeds(dataset):
    rng = np.random.default_rng(0)
    asked = study(dataset)
    holds = asked.test.sizes
    hard = rng.normal(7, 2, len(holds))

    def cell(way: str, seed: int, shift: float) -> Cell:
        return Cell(way, 300, seed, 400, 60, (hard + shift + rng.normal(0, 0.01, len(holds))).tolist())

    cells = [cell("plain", 0, 0.0), cell("plain", 1, 0.4), cell("dropout 0.2", 1, 0.2)]
    page = page_of(cells, asked, "python -m experiments.few")
    row = {
        line.split(" | ")[0]: line.split(" | ")[1] for line in reversed(page.splitlines()) if " | " in line
    }
    assert float(row["| plain"].split()[0]) == pytest.approx(np.average(hard, weights=holds) + 0.2, abs=0.003)
    difference, _, error, seeds = row["| dropout 0.2"].replace("−", "-").split()[:4]
    assert float(difference) == pytest.approx(-0.2, abs=0.003)
    assert float(error) < 0.01 < hard.std() / np.sqrt(len(holds))
    assert seeds == "(1)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["climbs=3"], "there is nothing to study"),
        (["seeds=[]"], "there is nothing to study"),
        (["climbs=[0]"], "climbs has 0: there are 1 to"),
        (["climbs=[1000000]"], "training climbs"),
        (["only=[nothing]"], "there is no way 'nothing': there are plain"),
        (["+ways.mine={weight: 1}"], "way 'mine' is"),
        (["+ways.mine={training: {momentum: 1}}"], "no option 'momentum'"),
        (["+ways.mine={config: {hidden: 2}}"], "hidden is 2"),
        (["steps={300: 60}"], "steps is"),
        (["other=5"], "other is 5: give a name"),
        (["resume=nowhere"], "not a run folder"),
    ],
)
def test_what_cannot_be_studied_is_refused(words, message, dataset, tmp_path, monkeypatch, refusal):
    monkeypatch.chdir(tmp_path)
    if "resume=nowhere" not in words:
        dataset.save(tmp_path / "d")
        words = ["data.path=d", *TINY, "climbs=[20]", *words]
    assert message in refusal(few.main, *words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_study_is_told_kept_and_grows(dataset, tmp_path, monkeypatch, capsys):
    """All ways, with a second board; then another number of climbs, and nothing is trained twice."""
    monkeypatch.chdir(tmp_path)
    dataset.save(tmp_path / "d")
    wider = replace(dataset.board, xy=dataset.board.xy * 1.2, edges=None)
    replace(dataset, space=wider).save(tmp_path / "other")
    steps = "steps={300:[2,4],1000:[2],3000:[2],10000:[2]}"
    words = ["data.path=d", "extra=d", "other=other", *TINY, "climbs=[20]", steps]
    monkeypatch.setattr("sys.argv", ["few", *words, "ways.other_first.init=2", "ways.distilled.draws=30"])
    few.main()
    (folder,) = (tmp_path / "runs" / "few").iterdir()
    page = (folder / "few.md").read_text()
    for way in config().ways:
        assert f"| {way} | " in page
    cells = {cell.way: cell for cell in few.finished_cells(folder)}
    assert cells["ensemble"].bits != cells["plain"].bits
    assert cells["distilled"].rows == 30

    trained, train = [], few.train
    monkeypatch.setattr(few, "train", lambda *a: trained.append(a[3].name) or train(*a))
    monkeypatch.setattr("sys.argv", ["few", f"resume={folder}", "climbs=[20,40]", "only=[other_first]"])
    few.main()
    assert sorted(trained) == [
        *("other-2-seed0",) * 2,
        *(f"{way}-40-{steps}-seed0" for way in ("other_first", "plain") for steps in (2, 4)),
    ]
    assert "| 20 | 40 |" in (folder / "few.md").read_text()

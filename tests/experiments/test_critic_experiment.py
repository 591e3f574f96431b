"""experiments.critic: bare draws beside chosen ones, judged alike; wrong input is one line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from baselines.frequency import Frequency, FrequencyConfig
from experiments.critic import main as critic
from experiments.samplers import MEASURED
from setgen.climbing.build import synthetic_dataset
from setgen.generators.critic import load_critic


@pytest.fixture(scope="module")
def dataset():
    return synthetic_dataset(400, seed=3)


@pytest.fixture(scope="module")
def places(dataset, tmp_path_factory):
    home = tmp_path_factory.mktemp("critic")
    dataset.save(home / "data")
    for name, ids in (("model", dataset.board.ids), ("other", dataset.board.ids + 1)):
        made = Frequency(replace(dataset.board, ids=ids), FrequencyConfig())
        made.fit_counts(dataset.part("train"))
        made.save(home / name)
    return home


@pytest.mark.slow
def test_the_command_judges_every_way(places, tmp_path, monkeypatch):
    options = ["seeds=[0]", "samples=60", "choices=3", "draws=100", "training_steps=20", f"runs={tmp_path}"]
    words = ["critic", f"models=[{places / 'model'}]", f"data.path={places / 'data'}", *options]
    monkeypatch.setattr("sys.argv", words)
    critic()
    (folder,) = (tmp_path / "critic").iterdir()
    rows = json.loads((folder / "critic.json").read_text())
    assert [row["way"] for row in rows] == ["bare", "best", "resampled"]
    assert all(set(MEASURED) <= set(row["metrics"]) for row in rows)
    assert rows[1]["milliseconds"] > 2 * rows[0]["milliseconds"]
    page = (folder / "critic.md").read_text()
    assert "| best of 3 |" in page
    assert "| resampled among 3 |" in page
    assert load_critic(folder / "model-seed0").space.n_elements > 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "there is nothing to choose from"),
        (["models=[no/such]"], "no/such is not a folder"),
        (["models=[HOME/model]", "choices=1"], "choices is 1"),
        (["models=[HOME/model]", "draws=many"], "draws is many"),
        (["models=[HOME/model]", "training_steps=0"], "training_steps is 0"),
        (["models=[HOME/other]"], "of another board"),
    ],
)
def test_wrong_input_is_one_line(words, what, places, tmp_path, refusal) -> None:
    words = [word.replace("HOME", str(places)) for word in words]
    assert what in refusal(critic, f"data.path={places / 'data'}", f"runs={tmp_path}", *words)
    assert not (tmp_path / "critic").exists()

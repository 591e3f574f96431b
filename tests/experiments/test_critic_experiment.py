"""experiments.critic: bare draws beside chosen ones, judged alike; what breaks off goes on; wrong input is a line."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace

import pytest

from baselines.frequency import Frequency, FrequencyConfig
from experiments import critic as experiment
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


def test_what_is_broken_off_goes_on_and_says_the_same(places, tmp_path, monkeypatch, start, refusal):
    """While the second critic is taught, or judged: no critic that is taught is taught again."""
    options = ["seeds=[0,1]", "samples=20", "choices=2", "draws=100", "training_steps=4"]
    words = [f"models=[{places / 'model'}]", f"data.path={places / 'data'}", *options]
    calls: list[str] = []

    def breaking(patch: pytest.MonkeyPatch, name: str, at: int) -> None:
        call = getattr(experiment, name)

        def counted(*arguments, **named):
            calls.append(name)
            if calls.count(name) == at:
                raise KeyboardInterrupt
            return call(*arguments, **named)

        patch.setattr(experiment, name, counted)

    def result(name: str) -> tuple[list, str]:
        (folder,) = (tmp_path / name / "critic").iterdir()
        rows = json.loads((folder / "critic.json").read_text())
        times = {"milliseconds", "seconds"}
        page = (folder / "critic.md").read_text()
        plain = re.sub(r"runs=\S+| [\d.]+ \|$", "", page, flags=re.MULTILINE)
        return [{k: v for k, v in row.items() if k not in times} for row in rows], plain

    for module in ("critic", "samplers"):
        monkeypatch.setattr(f"experiments.{module}.MEASURED", ("precision (Jaccard)",))
    assert start(critic, *words, f"runs={tmp_path / 'whole'}") == (0, "")
    for name in ("fit_critic", "judged"):
        with monkeypatch.context() as patch:
            calls.clear()
            breaking(patch, "fit_critic", 2 if name == "fit_critic" else 9)
            breaking(patch, "judged", 2 if name == "judged" else 9)
            code, told = start(critic, *words, f"runs={tmp_path / name}")
            assert code == 130
            again = shlex.split(told.partition("stopped; go on with: python -m experiments.critic ")[2])
            assert len(again) == 1
            assert again[0].startswith("resume=")
            assert start(critic, *again) == (0, "")
        assert calls.count(name) == 3
        assert len(calls) == 5
        assert result(name) == result("whole")
    assert "with resume only nothing can be changed, not seeds" in refusal(critic, *again, "seeds=[0]")


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

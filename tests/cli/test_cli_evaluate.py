"""`setgen evaluate` on files, pipes and wrong input."""

import io
import json
import math

import numpy as np
import pytest

from baselines.frequency import Frequency
from setgen.cli.main import main, run
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.metrics.evaluate import evaluate, evaluate_generator


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset") / "data"
    synthetic_dataset(600, seed=1).save(folder)
    return folder


@pytest.fixture(scope="module")
def frames():
    return "\n".join(write_frames(synthetic_board(), synthetic_climbs(80, 2))) + "\n"


@pytest.mark.slow
def test_a_file_gives_the_table_and_the_values_of_python(data, frames, tmp_path, capsys):
    (tmp_path / "climbs.txt").write_text(frames)
    out = tmp_path / "out.json"
    assert (
        run(["evaluate", "--data", str(data), "--climbs", str(tmp_path / "climbs.txt"), "--json", str(out)])
        == 0
    )
    shown = " ".join(capsys.readouterr().out.split())  # long lines wrap
    report = json.loads(out.read_text())
    dataset = Dataset.load(data)
    # A frames line has no angle or grade.
    samples = synthetic_climbs(80, 2).with_conditions(np.full(80, -1), np.full(80, -1))
    expected = evaluate(samples, dataset)
    for name, value in expected.values.items():
        assert name in shown
        written = report["metrics"][name]
        for key, number in (("value", value.value), ("floor", value.floor)):
            # JSON knows no NaN: what the climbs do not allow is written as null.
            known = number is not None and math.isfinite(number)
            assert written[key] == (pytest.approx(number) if known else None)


@pytest.mark.slow
def test_a_model_gives_the_values_of_python(tmp_path, capsys):
    folder, out = tmp_path / "data", tmp_path / "out.json"
    synthetic_dataset(600, seed=1).save(folder)
    dataset = Dataset.load(folder)
    generator = Frequency(dataset.board, Frequency.Config())
    generator.fit_counts(dataset.part("train"))
    generator.save(tmp_path / "model")
    few = ["--samples", "60", "--test-climbs", "20", "--seed", "3"]
    asked = ["evaluate", "--data", str(folder), "--model", str(tmp_path / "model"), *few, "--json", str(out)]
    assert run(asked) == 0
    shown = capsys.readouterr().out
    expected = evaluate_generator(generator, dataset, n=60, test_sets=20, seed=3)
    assert json.loads(out.read_text()) == json.loads(json.dumps(expected.to_json()))
    assert "60 climbs of hold_frequency beside synthetic board's" in shown
    for word in ("bits per hold", "recall@10 (50 % hidden)", "order sensitivity", "legal without masks"):
        assert word in shown, word
    assert shown.count("  validity") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "either --climbs, a file, or --model"),
        (["--climbs", "a.txt", "--model", "b"], "either --climbs, a file, or --model"),
        (["--climbs", "a.txt", "--samples", "5"], "are of a --model"),
        (["--climbs", "a.txt", "--test-climbs", "5"], "are of a --model"),
        (["--model", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_what_is_judged_must_be_said_once(data, arguments, line, capsys):
    assert run(["evaluate", "--data", str(data), *arguments]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_pipe_in_and_a_pipe_out(data, frames, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(frames))
    assert run(["evaluate", "--data", str(data), "--climbs", "-", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    report = json.loads(out)
    assert report["n"] == 80
    assert report["metrics"]["legal"]["value"] == 1


@pytest.mark.slow
def test_illegal_climbs_are_judged_not_refused(data, frames, monkeypatch, capsys):
    # The synthetic board's start is r1 and its finish r3: every climb loses its starts.
    monkeypatch.setattr("sys.stdin", io.StringIO(frames.replace("r1p", "r2p").replace("r1\n", "r2\n")))
    assert run(["evaluate", "--data", str(data), "--climbs", "-", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["metrics"]["legal"]["value"] == 0
    assert report["metrics"]["illegal: too few starts"]["value"] == 1
    assert report["metrics"]["W₁ lowest start"]["value"] is None


@pytest.mark.slow
def test_a_terminal_without_these_letters_shows_others(data, frames, monkeypatch):
    monkeypatch.setattr("sys.argv", ["setgen", "evaluate", "--data", str(data), "--climbs", "-"])
    monkeypatch.setattr("sys.stdin", io.StringIO(frames))
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", shown)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    shown.flush()
    text = shown.buffer.getvalue().decode("ascii")
    assert "legal" in text
    assert "W? size" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere", "--climbs", "-"], "not a dataset folder"),
        (["--data", "DATA", "--climbs", "nowhere.txt"], "nowhere.txt"),
        (["--data", "DATA", "--climbs", "-"], "no climbs"),
        (["--data", "DATA", "--climbs", "-", "--json", "no/such/folder/x.json"], "cannot write"),
        (["--data", "DATA", "--climbs", "-", "--json", "DATA"], "it is a folder"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(data, monkeypatch, capsys, arguments, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(["evaluate", *(str(data) if a == "DATA" else a for a in arguments)]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1

"""setgen grade and setgen grader: a grade for each climb and angle, wrong input in one line."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from setgen.cli.main import run
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.grading.fit import Schedule, fit_grader
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graded") / "data"
    synthetic_dataset(1000, seed=1).save(folder)
    return folder


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("graders") / "g"
    assert run(["grader", "--data", str(data), "--out", str(out)]) == 0
    return out


def test_every_climb_at_every_angle(folder, tmp_path, capsys):
    frames = write_frames(synthetic_board(), synthetic_climbs(3, 2))
    (tmp_path / "c.txt").write_text("\n".join(frames))
    arguments = ["grade", "--grader", str(folder), "--climbs", str(tmp_path / "c.txt"), "--angles", "20,60"]
    assert run([*arguments, "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["frames"], row["angle"]) for row in rows] == [(f, a) for f in frames for a in (20, 60)]
    assert all(0 < row["probability"] <= 1 for row in rows)
    assert all(
        hard["difficulty"] > easy["difficulty"] for easy, hard in zip(rows[::2], rows[1::2], strict=True)
    )
    assert run([*arguments, "--format", "csv", "--out", str(tmp_path / "o.csv")]) == 0
    table = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text())))
    assert [row["grade"] for row in table] == [row["grade"] for row in rows]


def test_one_climb_by_its_holds_with_the_grader_of_the_data(folder, data, capsys):
    frames = write_frames(synthetic_board(), synthetic_climbs(1, 2))[0]
    assert run(["grade", "--data", str(data), "--holds", frames]) == 0
    ours = capsys.readouterr().out
    assert run(["grade", "--grader", str(folder), "--holds", frames]) == 0
    assert capsys.readouterr().out == ours
    assert "any" in ours
    assert "80 %" in ours


def test_angles_that_no_training_climb_had_are_said(folder, data, tmp_path, capsys):
    frames = write_frames(synthetic_board(), synthetic_climbs(1, 2))[0]
    assert run(["grade", "--grader", str(folder), "--holds", frames, "--angles", "40,85"]) == 0
    error = capsys.readouterr().err
    assert "85° is a guess beyond them" in error
    assert error.count("\n") == 1
    assert run(["grade", "--grader", str(folder), "--holds", frames, "--angles", "40"]) == 0
    assert capsys.readouterr().err == ""

    whole = Dataset.load(data)
    flat = whole.climbs.with_conditions(np.full(len(whole.climbs), 40), whole.climbs.grade)
    fit_grader(replace(whole, sets=flat), 0, Schedule(most_steps=2)).save(tmp_path / "one")
    assert run(["grade", "--grader", str(tmp_path / "one"), "--holds", frames, "--angles", "20"]) == 0
    assert "20° is graded as 40°" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--holds", "p1r1"], "either --data"),
        (["--grader", "G"], "either --climbs"),
        (["--grader", "G", "--holds", "p1r1", "--angles", "steep"], "whole degrees"),
        (["--grader", "G", "--holds", "p1r1", "--angles", "400"], "between 0 and 90"),
        (["--grader", "G", "--holds", "p1r1", "--format", "xml"], "unknown format"),
        (["--grader", "G", "--holds", " "], "no holds"),
        (["--grader", "/nowhere", "--holds", "p1r1"], "holds no grader"),
        (["--data", "/nowhere", "--holds", "p1r1"], "not a dataset folder"),
        (["--grader", "G", "--holds", "p1r1", "--out", "/no/such/x"], "cannot write"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(folder, capsys, arguments, said):
    assert run(["grade", *(str(folder) if a == "G" else a for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_no_grader_without_grades_and_no_folder_is_overwritten(data, tmp_path, folder, capsys):
    few = tmp_path / "few"
    synthetic_dataset(150, seed=1).save(few)
    assert run(["grader", "--data", str(few), "--out", str(tmp_path / "g")]) == 2
    assert "at least 200" in capsys.readouterr().err
    assert run(["grader", "--data", str(data), "--out", str(folder)]) == 2
    assert "there already" in capsys.readouterr().err

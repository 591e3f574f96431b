"""The commands on sets that are no climbs, from a file to completed sets."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import torch

from setgen.cli.main import run
from setgen.cli.other_sets import import_sets
from setgen.generators.masked_set import MaskedSet
from setgen.sets.dataset import load_dataset

TABLE = ["set,item,label,room"]
for i in range(60):
    TABLE += [f"{i},sofa,left,{'small' if i % 2 else 'large'}", f"{i},lamp{i % 5},right,"]
ITEMS = "item,x,y,group\nsofa,0,0,big\n" + "".join(f"lamp{i},{i},1,little\n" for i in range(5))


@pytest.fixture
def folder(tmp_path, capsys):
    """A dataset and an untrained model of it."""
    (tmp_path / "t.csv").write_text("\n".join([*TABLE, "61,,left,small"]))
    (tmp_path / "items.csv").write_text(ITEMS)
    arguments = ["data", "import", tmp_path / "t.csv", "--items", tmp_path / "items.csv", "--split", "random"]
    assert run([*map(str, arguments), "--out", str(tmp_path / "rooms")]) == 0
    assert "an item without a name" in capsys.readouterr().out
    dataset = load_dataset(tmp_path / "rooms")
    torch.manual_seed(0)
    model = MaskedSet(dataset.space, MaskedSet.Config(width=16, depth=1, heads=2))
    model.fit_counts(dataset.part("train"))
    model.eval().save(tmp_path / "model")
    return tmp_path


def call(capsys, *arguments):
    assert run(list(map(str, arguments))) == 0
    return capsys.readouterr()


def test_shown(folder, capsys):
    said = call(capsys, "data", "show", folder / "rooms").out
    for word in ("sofa", "left, right", "room 2", "big, little", "an item without a name"):
        assert word in said


def test_generated_completed_and_scored(folder, capsys):
    out = folder / "new.jsonl"
    call(capsys, "generate", "--model", folder / "model", "--condition", "room=small", "-n", 9, "--out", out)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(records) == 9
    assert {record["room"] for record in records} == {"small"}
    lines = call(
        capsys, "complete", "--model", folder / "model", "--items", "sofa:left", "-n", 5, "--size", 2
    ).out
    rows = list(csv.reader(io.StringIO(lines)))
    assert len(rows) == 5
    assert all(row[0] == "sofa:left" and len(row) == 2 for row in rows)
    said = call(capsys, "score", "--model", folder / "model", "--climbs", out, "--out", folder / "s.jsonl")
    assert "nats a set" in said.err
    scores = [json.loads(line) for line in (folder / "s.jsonl").read_text().splitlines()]
    nats, bits = (np.array([row[name] for row in scores]) for name in ("log_likelihood", "bits_per_item"))
    assert np.isfinite(nats).all()
    assert np.isfinite(bits).all()
    assert f"{nats.mean():.3f} ± {nats.std(ddof=1) / 3:.3f} nats a set" in said.err
    assert (
        f"{-nats.sum() / np.log(2) / np.rint(-nats / np.log(2) / bits).sum():.3f} bits per item" in said.err
    )


def test_judged_beside_real_ones(folder, capsys):
    out = folder / "new.txt"
    call(capsys, "generate", "--model", folder / "model", "-n", 40, "--out", out)
    said = call(capsys, "evaluate", "--data", folder / "rooms", "--climbs", out).out
    assert "item usage" in said
    whole = ("--model", folder / "model", "--samples", 40, "--json", folder / "e.json")
    call(capsys, "evaluate", "--data", folder / "rooms", *whole)
    assert "nats" in (folder / "e.json").read_text()


def test_limits_have_names(folder, capsys):
    said = call(
        capsys, "generate", "--model", folder / "model", "-n", 20, "--forbid", "sofa,lamp1:right",
        "--hold-sets", "little", "--max-holds", 1,
    ).out  # fmt: skip
    rows = said.split()
    assert len(rows) == 20
    assert not {"sofa:left", "sofa:right", "lamp1:right"} & set(rows)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--angle", "40"], "--angle is of climbs"),
        (["--feet", "none"], "--feet is of climbs"),
        (["--condition", "room=huge"], "one of large, small"),
        (["--condition", "season"], "name=value"),
        (["--forbid", "chair"], "no item 'chair'"),
        (["--hold-sets", "huge"], "no group 'huge'"),
        (["--calls", "0"], "at least one network call"),
        (["--format", "frames"], "lines, jsonl, csv"),
    ],
)
def test_what_cannot_be_is_one_line(folder, capsys, arguments, what):
    assert run(["generate", "--model", str(folder / "model"), *arguments]) == 2
    said = capsys.readouterr().err
    assert what in said
    assert said.count("\n") == 1


def test_conditions_of_climbs_have_options_of_their_own(capsys):
    assert run(["generate", "--condition", "angle=40"]) == 2
    assert "use --angle" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["grade", "--holds", "p1r1"], ["similar", "--holds", "p1r1"], ["grader", "--out", "new"]]
)
def test_what_is_of_climbs_refuses_other_sets_in_a_line(folder, capsys, arguments):
    assert run([*arguments, "--data", str(folder / "rooms")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is a dataset of another kind: climbs are needed here" in line


def test_training_speaks_of_the_items_it_is_given(tmp_path, monkeypatch, capsys):
    from experiments.train import main

    baskets = "\n".join(",".join(f"item{(i * k) % 11}" for k in (1, 2, 3)) for i in range(1, 200))
    data = import_sets(baskets, "shop", {"file": "shop.csv"}, kind="baskets", shares="60,20,20", by_set=False)
    data.save(tmp_path / "shop")
    command = ["train", f"data.path={tmp_path / 'shop'}", f"runs={tmp_path}", "training.validations=2"]
    command += ["network.width=16", "network.depth=1", "network.heads=1"]
    monkeypatch.setattr("sys.argv", [*command, "budget.steps=6", "wandb.mode=disabled"])
    main()
    out = capsys.readouterr().out
    assert "bits per item on valid" in out
    assert "per hold" not in out

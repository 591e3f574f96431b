"""Spaces and sets of any kind: arrays, batches, files; and that the core knows no climbs."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

import setgen
from setgen.errors import InputError
from setgen.sets.batch import to_batch, to_sets
from setgen.sets.bounds import broken_bounds, check_given, legal, size_range
from setgen.sets.sets import One, Sets
from setgen.sets.space import UNKNOWN, Items, Label, load_space

ROOT = Path(setgen.__file__).parent
CORE = ["sets", "models", "generators", "metrics", "training.py", "../baselines"]
CLIMBING = {
    "boards",
    "climbing",
    "sources",
    "grading",
    "delivery",
    "dataset",
    "draw",
    "editing",
    "heatmaps",
    "growth",
    "builtin_model",
}

SPACE = Items(
    "layout",
    ("sofa", "lamp", "desk", "bed"),
    (1, 3),
    (Label("left", 0, 1), Label("right", 1, None)),
    {"room": ("small", "large")},
    np.arange(12.0).reshape(4, 3),
    np.array([0, 1, 0, 0]),
    ("big", "little"),
)
SETS = Sets.of(SPACE, [One(((3, 1), (0, 0)), (("room", 1),)), One(()), One(((2, 1),))])


def test_the_core_knows_no_climbs():
    """No import of anything about boards, however deep in a function; names of places in strings are data."""
    files = [
        f for part in CORE for f in ([ROOT / part] if part.endswith(".py") else (ROOT / part).rglob("*.py"))
    ]
    assert len(files) > 25
    for file in files:
        if not file.is_file():
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                assert not (parts[0] == "setgen" and CLIMBING & set(parts[1:2])), f"{file}: {name}"


def test_sets_are_cut_and_joined_as_they_are():
    assert [len(s.elements) for s in SETS.ones()] == [2, 0, 1]
    assert SETS.one(0) == One(((3, 1), (0, 0)), (("room", 1),))
    assert SETS.one(1).conditions == ()
    assert SETS.ordered().one(0).elements == ((0, 0), (3, 1))
    both = Sets.concatenate([SETS[[2]], SETS])
    assert [s.elements for s in both[np.array([0, 2])].ones()] == [((2, 1),), ()]
    assert SETS.emptied().sizes.tolist() == [0, 0, 0]
    assert SETS.emptied().conditions["room"].tolist() == [1, UNKNOWN, UNKNOWN]


def test_a_batch_is_the_sets_again():
    batch = to_batch(SPACE, SETS)
    assert batch.conditions["room"].tolist() == [2, 0, 0]
    back = to_sets(SPACE, batch, SETS)
    assert list(back.ones()) == list(SETS.ones())
    wide = batch.columns(5)
    assert wide.width == 5
    assert torch.equal(wide.size, batch.size)
    assert list(to_sets(SPACE, wide.columns(2), SETS).ones()) == list(SETS.ones())


def test_a_space_is_written_and_read(tmp_path):
    SPACE.save(tmp_path / SPACE.file)
    again = load_space(tmp_path)
    assert again.to_json() == SPACE.to_json()
    (tmp_path / SPACE.file).write_text("{}")
    with pytest.raises(InputError, match=r"space\.json") as error:
        load_space(tmp_path)
    assert "\n" not in str(error.value)
    (tmp_path / SPACE.file).unlink()
    with pytest.raises(InputError, match="missing"):
        load_space(tmp_path)


def test_bounds_are_counted_one_by_one():
    sets = Sets.of(
        SPACE, [One(((0, 1),)), One(((0, 0), (1, 0), (2, 1))), One(((0, 1), (0, 1))), One(((9, 5),))]
    )
    broken = {rule: rows.tolist() for rule, rows in broken_bounds(SPACE, sets).items()}
    assert broken["too many lefts"] == [False, True, False, False]
    assert broken["an item twice"] == [False, False, True, False]
    assert broken["unknown item"] == broken["unknown label"] == [False, False, False, True]
    assert broken["too few rights"] == [False, False, False, True]
    assert legal(SPACE, sets).tolist() == [True, False, False, False]
    assert size_range(SPACE) == (1, 3)
    assert size_range(SPACE, ((0, 0),)) == (2, 3)
    with pytest.raises(InputError, match="2 left items are given"):
        check_given(SPACE, ((0, 0), (1, 0)))


def test_a_condition_has_its_values():
    assert SPACE.check_condition("room", 1) == 1
    for name, value in (("room", 2), ("season", 0)):
        with pytest.raises(InputError, match=name):
            SPACE.check_condition(name, value)

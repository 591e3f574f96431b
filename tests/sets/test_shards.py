"""Sets in shards: what is written comes back, a folder is never mixed, and what is damaged or missing is said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from setgen.errors import InputError
from setgen.sets.sets import One, Sets
from setgen.sets.shards import Shards
from setgen.sets.space import Items

SPACE = Items("shop", tuple("abcdefgh"), (1, 5), values={"day": ("mon", "tue")})


def some_sets(n: int) -> Sets:
    rng = np.random.default_rng(n)
    ones = [
        One(tuple((int(i), 0) for i in sorted(rng.choice(8, rng.integers(0, 6), False))), (("day", i % 2),))
        for i in range(n)
    ]
    return Sets.of(SPACE, ones)


@pytest.fixture
def shards(tmp_path) -> Shards:
    """23 sets, 5 in each shard."""
    found, sets = Shards.begin(tmp_path / "s", SPACE, 23, 5, {"seed": 1}), some_sets(23)
    for shard in range(len(found)):
        found.write(shard, sets[found.rows(shard)])
    return found


def same(a: Sets, b: Sets) -> bool:
    return list(a.ones()) == list(b.ones())


def test_what_is_written_comes_back(shards):
    sets, again = some_sets(23), Shards.open(shards.folder)
    assert [len(again.rows(i)) for i in range(len(again))] == [5, 5, 5, 5, 3]
    assert all(same(again.read(i), sets[again.rows(i)]) for i in range(5))
    rows = np.array([22, 0, 7, 7, 5, 4, 21])
    assert same(again.pick(rows), sets[rows])
    assert len(again.pick(rows[:0])) == 0
    assert (again.n, again.size, again.made) == (23, 5, {"seed": 1})
    assert again.space.to_json() == SPACE.to_json()


def test_others_read_them_as_one_table(shards):
    table = pd.read_parquet(shards.folder / "sets")
    sizes = table["item"].map(len).tolist()
    assert sizes == some_sets(23).sizes.tolist()
    assert table["day"].tolist() == [i % 2 for i in range(23)]


def test_a_folder_of_other_sets_is_left_alone(shards, tmp_path):
    assert Shards.begin(shards.folder, SPACE, 23, 5, {"seed": 1}).missing() == []
    for n, size, made in ((24, 5, {"seed": 1}), (23, 6, {"seed": 1}), (23, 5, {"seed": 2})):
        with pytest.raises(InputError, match="made otherwise"):
            Shards.begin(shards.folder, SPACE, n, size, made)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        Shards.begin(tmp_path / "full", SPACE, 23, 5, {})


def test_what_a_killed_process_left_is_no_shard(shards):
    part = shards.path(2).rename(shards.path(2).with_name(f".{shards.path(2).name}-host-7"))
    assert shards.missing() == [2]
    with pytest.raises(InputError, match="lacks 1 of 5 shards"):
        Shards.open(shards.folder)
    shards.tidy()
    assert not part.exists()
    assert shards.missing() == [2]


def test_damage_is_one_clear_line(shards):
    whole = shards.path(1).read_bytes()
    for damaged, said in ((whole[:-20], "cannot be read"), (shards.path(4).read_bytes(), "3 sets, not 5")):
        shards.path(1).write_bytes(damaged)
        with pytest.raises(InputError, match=said):
            shards.read(1)
    card = json.loads((shards.folder / "sets.json").read_text())
    for wrong, said in (({**card, "format": 9}, "newer"), ({"n": 3}, "no card"), ([], "no card")):
        (shards.folder / "sets.json").write_text(json.dumps(wrong))
        with pytest.raises(InputError, match=said):
            Shards.open(shards.folder)
    (shards.folder / "sets.json").unlink()
    with pytest.raises(InputError, match="no folder of sets"):
        Shards.open(shards.folder)

"""Baskets and long tables: what is read, what is left out and why, and what is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from setgen.cli.other_sets import import_sets, limits_of, prompts_of
from setgen.errors import InputError
from setgen.sets.dataset import SetDataset, load_dataset
from setgen.sets.reading import read_prompt
from setgen.sets.space import OPEN, UNKNOWN
from setgen.sets.text import read_sets, written

BASKETS = "3,10,2\n2\n\n10,10,3\n,3\n2,3,\n"
TABLE = """set;item;label;room;note
a;sofa;left;small;x
a;lamp;right;small;y
b;sofa;left;large;
b;sofa;right;large;
c;lamp;right;small;
c;desk;left;large;
d;;left;small;
e;desk;left;;
e;desk;left;;
f;desk;left
;sofa;left;small;
g;bed;;small;
"""
ITEMS = "item,x,y,z,group\nsofa,0,1,2,big\nlamp,3,4,5,small\ndesk,6,7,8,big\nbed,1,1,1,big\n"


def read(text, **options):
    return import_sets(text, "mine", {"file": "mine.csv"}, **options)


def test_baskets_are_read_and_bad_lines_counted():
    dataset = read(BASKETS)
    space, sets = dataset.space, dataset.sets
    assert space.names == ("2", "3", "10")
    assert [sorted(space.names[i] for i, _ in s.elements) for s in sets.ones()] == [
        ["10", "2", "3"], ["2"], ["10", "3"], ["2", "3"]
    ]  # fmt: skip
    assert dataset.card["rows"] == {
        "read": 6, "kept": 4, "dropped": 2, "reasons": {"an item without a name": 1, "an empty line": 1}
    }  # fmt: skip
    assert dataset.card["warnings"] == ["an item named twice counts once: 1 times"]
    assert space.sizes == (1, 3)
    assert dataset.ids.tolist() == ["1", "2", "4", "6"]


def test_a_table_has_labels_conditions_and_reasons():
    dataset = read(TABLE, without="note")
    space = dataset.space
    assert [label.name for label in space.labels] == ["left", "right"]
    assert space.values == {"room": ("small",)}
    assert dataset.ids.tolist() == ["a", "e"]
    assert dataset.sets.conditions["room"].tolist() == [0, UNKNOWN]
    reasons = dataset.card["rows"]["reasons"]
    assert reasons == {
        "an item with two labels": 1,
        "two values of room": 1,
        "an item without a name": 1,
        "a row that cannot be read": 1,
        "an item without a label": 1,
        "3 cells where the header has 5": 1,
        "no name of a set": 1,
    }


def test_items_have_places_and_groups():
    dataset = read(TABLE, without="note", items=ITEMS)
    space = dataset.space
    assert space.names == ("sofa", "lamp", "desk", "bed")
    assert space.coordinates.tolist()[1] == [3, 4, 5]
    assert [space.group_names[g] for g in space.groups] == ["big", "small", "big", "big"]
    few = read(TABLE, without="note", items="item,x\nsofa,1\nlamp,2\n")
    assert few.ids.tolist() == ["a"]
    assert few.card["rows"]["reasons"]["an item that the items file lacks"] == 1


@pytest.mark.parametrize("mark", ["", "sep=;\n"])
def test_the_separator_is_found(mark):
    assert len(read(mark + TABLE, without="note").sets) == 2
    assert len(read("1\t2\n3\t1\n").sets) == 2


@pytest.mark.parametrize("by_set", [True, False])
def test_splits(by_set):
    rng = np.random.default_rng(0)
    lines = [",".join(map(str, sorted(rng.permutation(6)[: rng.integers(1, 4)]))) for _ in range(3000)]
    dataset = read("\n".join(lines), by_set=by_set, shares="60,10,30", seed=4)
    share = np.bincount(dataset.split, minlength=3) / 3000
    parts = [{s.elements for s in dataset.part(p).ones()} for p in ("train", "valid", "test")]
    if by_set:
        assert not parts[0] & parts[2]
    else:
        assert np.allclose(share, [0.6, 0.1, 0.3], atol=0.03)
        assert parts[0] & parts[2]
    assert (
        dataset.split.tolist()
        == read("\n".join(lines), by_set=by_set, shares="60,10,30", seed=4).split.tolist()
    )


def test_a_folder_is_written_and_read(tmp_path):
    dataset = read(TABLE, without="note", items=ITEMS)
    dataset.save(tmp_path / "d")
    again = load_dataset(tmp_path / "d")
    assert isinstance(again, SetDataset)
    assert list(again.sets.ones()) == list(dataset.sets.ones())
    assert again.space.to_json() == dataset.space.to_json()
    assert again.split.tolist() == dataset.split.tolist()
    (tmp_path / "d" / "sets.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="damaged"):
        load_dataset(tmp_path / "d")
    (tmp_path / "d" / "card.json").write_text("{}")  # of a version that noted no checksums
    with pytest.raises(InputError, match="cannot be read") as error:
        load_dataset(tmp_path / "d")
    assert "\n" not in str(error.value)


def test_what_is_neither_is_left_to_others():
    assert read("hello world\nthis is text\nno sets here\n") is None
    assert read("frames\np1r12p2r13\n") is None


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("set,item,item\na,1,2\n", {}, "twice"),
        ("set,item\n", {}, "no set is left"),
        ("set,item,id\na,1,2\n", {}, "'id'"),
        ("set,item\na,1\n", {"without": "room"}, "no column 'room'"),
        ("1,2\n", {"without": "room"}, "baskets have none"),
        ("1,2\n", {"shares": "1,2"}, "three numbers"),
        ("1,2\n", {"kind": "table"}, "columns set and item"),
        ("1,2\n", {"items": "name\n1\n"}, "no column `item`"),
        ("1,2\n", {"items": "item,x\n1,a\n"}, "line 2"),
        ("1,2\n", {"items": "item,x\n1,2\n1,3\n"}, "'1' twice"),
        ("set,item,c\n" + "".join(f"{i},1,{i}\n" for i in range(201)), {}, "201 values"),
    ],
)
def test_what_cannot_be_meant_is_one_line(text, options, what):
    with pytest.raises(InputError, match=what) as error:
        read(text, **options)
    assert "\n" not in str(error.value)


def test_sets_come_and_go_as_text():
    dataset = read(TABLE, without="note", items=ITEMS)
    for form in ("lines", "jsonl"):
        again = read_sets(dataset.space, written(dataset.space, dataset.sets, form))
        assert [s.elements for s in again.ones()] == [s.elements for s in dataset.sets.ones()]
    table = read(written(dataset.space, dataset.sets, "csv"), items=ITEMS)
    assert list(table.sets.ones()) == list(dataset.sets.ones())
    with pytest.raises(InputError, match=r"line 2.*no item 'chair'"):
        read_sets(dataset.space, "sofa:left\nchair:left\n")


def test_prompts_and_limits_are_named():
    space = read(TABLE, without="note", items=ITEMS).space
    assert read_prompt(space, "sofa, lamp:left,desk:?") == ((0, OPEN), (1, 0), (2, OPEN))
    prompts = prompts_of(space, ["sofa:left", "", "lamp:right"], ["room=small"], 2)
    assert len(prompts) == 4
    assert prompts.conditions["room"].tolist() == [0] * 4
    limits = limits_of(space, "sofa,bed:left", "big", None, 2)
    assert limits.elements.tolist() == [[False, False], [False, False], [True, True], [False, True]]
    for text, what in (("sofa:up", "no label 'up'"), ("sofa:left,sofa:right", "twice"), ("x", "no item 'x'")):
        with pytest.raises(InputError, match=what):
            read_prompt(space, text)
    with pytest.raises(InputError, match="one of small"):
        prompts_of(space, [""], ["room=huge"], 1)

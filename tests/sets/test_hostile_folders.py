"""Dataset and model folders that were changed by hand, with checksums that fit or none: refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.dataset import Dataset
from setgen.climbing.grading.grader import load_grader
from setgen.errors import InputError
from setgen.generators.registry import load_generator
from setgen.sets.space import Items, Label

GOOD = synthetic_dataset(60, 0)


def refused(read: Callable[..., Any], *arguments: Any, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset folder without checksums, so that what is wrong in it must be seen."""
    GOOD.save(tmp_path / "data")
    card = json.loads((tmp_path / "data" / "card.json").read_text())
    card.pop("sha256")
    (tmp_path / "data" / "card.json").write_text(json.dumps(card))
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ids", [3, 2, 1]),
        ("ids", []),
        ("ids", "all"),
        ("ids", [[1]]),
        ("xy", [[0.0, None]]),
        ("xy", [[0.0, float("nan")]]),
        ("hold_set", [99]),
        ("hole_names", [1]),
        ("hold_set_names", None),
        ("role_ids", {}),
        ("role_ids", {"start": 1, "middle": 1}),
        ("role_ids", {"start": "1"}),
        ("role_ids", {"left": 1}),
        ("angles", [40, 40]),
        ("angles", ["40"]),
        ("angles", [1e9]),
        ("grades", [17.5]),
        ("limits", {"holds": [9, 2]}),
        ("limits", {"holes": [2, 9]}),
        ("mirror", [10**6]),
        ("leds", [-2]),
        ("edges", [0, 1]),
        ("format", "1"),
        ("format", 99),
    ],
)
def test_a_board_that_is_none(key: str, value: Any, tmp_path: Path) -> None:
    data = GOOD.board.to_json()
    size = len(data["ids"])
    if isinstance(value, list) and key in ("xy", "hold_set", "hole_names", "mirror", "leds"):
        value = (data[key] or [0] * size)[:-1] + value  # one wrong value in a list of the right length
    (tmp_path / "board.json").write_text(json.dumps({**data, key: value}))
    refused(Board.load, tmp_path / "board.json", match="board")
    (tmp_path / "board.json").write_text(json.dumps(data))
    assert Board.load(tmp_path / "board.json").to_json() == data


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("items", ["a", 1]),
        ("items", ["a", "a"]),
        ("sizes", [1.5, 2]),
        ("sizes", [0, 2]),
        ("labels", [["x", 3, 2]]),
        ("labels", [["x", "0", None]]),
        ("labels", [[0, 0, None]]),
        ("conditions", {"season": [1]}),
        ("coordinates", [[0.0, 1.0]]),
        ("coordinates", [[0.0], [float("inf")]]),
        ("groups", [0, 7]),
        ("format", 2),
    ],
)
def test_a_space_that_is_none(key: str, value: Any, tmp_path: Path) -> None:
    space = Items(
        "made up",
        ("a", "b"),
        (1, 2),
        (Label("x", 0, 2),),
        {"season": ("s",)},
        np.zeros((2, 1)),
        np.zeros(2, dtype=np.int64),
        ("g",),
    )
    (tmp_path / "space.json").write_text(json.dumps({**space.to_json(), key: value}))
    refused(Items.load, tmp_path / "space.json", match="space|items|sets of")
    space.save(tmp_path / "space.json")
    assert Items.load(tmp_path / "space.json").to_json() == space.to_json()


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("placement", lambda lists: [[10_000], *lists[1:]]),
        ("placement", lambda lists: [[-1] * len(lists[0]), *lists[1:]]),
        ("placement", lambda lists: [[lists[0][0]] * len(lists[0]), *lists[1:]]),
        ("placement", lambda lists: [[float(i) for i in one] for one in lists]),
        ("placement", lambda lists: [None, *lists[1:]]),
        ("placement", lambda lists: [[None, *lists[0][1:]], *lists[1:]]),
        ("role", lambda lists: [[9] * len(lists[0]), *lists[1:]]),
        ("role", lambda lists: [lists[0][1:], [0, *lists[1]], *lists[2:]]),
        ("angle", lambda values: [41, *values[1:]]),
        ("angle", lambda values: [None, *values[1:]]),
        ("angle", lambda values: [float(v) for v in values]),
        ("grade", lambda values: [2**20, *values[1:]]),
        ("split", lambda words: ["all", *words[1:]]),
        ("split", lambda words: [None, *words[1:]]),
        ("id", lambda names: [None, *names[1:]]),
        ("id", lambda names: list(range(len(names)))),
        ("id", None),
    ],
)
def test_a_table_that_is_none_of_the_board_s(column: str, change: Any, folder: Path) -> None:
    table = pq.read_table(folder / Dataset.file)
    assert len(Dataset.load(folder).climbs) == len(table)
    at = table.column_names.index(column)
    values = None if change is None else pa.array(change(table[column].to_pylist()))
    changed = table.remove_column(at) if values is None else table.set_column(at, column, values)
    pq.write_table(changed, folder / Dataset.file)
    refused(Dataset.load, folder, match=f"{folder} cannot be read: ")


def test_a_table_that_claims_more_rows_than_its_bytes_hold(folder: Path) -> None:
    rows = 200_000
    table = pq.read_table(folder / Dataset.file)
    nothing = {name: pa.nulls(rows, table.schema.field(name).type) for name in table.column_names}
    pq.write_table(pa.table(nothing), folder / Dataset.file)
    refused(Dataset.load, folder, match="bytes hold 200,000 rows, which they cannot")


def test_links_out_of_a_folder_are_refused_and_links_within_are_not(folder: Path, tmp_path: Path) -> None:
    load_generator(BUILTIN).save(tmp_path / "model")
    for home, load in ((folder, Dataset.load), (tmp_path / "model", load_generator)):
        board = home / "board.json"
        (tmp_path / "elsewhere.json").write_bytes(board.read_bytes())
        board.rename(home / "inside.json")
        board.symlink_to("inside.json")
        load(home)
        for target in (tmp_path / "elsewhere.json", "../elsewhere.json"):
            board.unlink()
            board.symlink_to(target)
            refused(load, home, match=r"board.json is a link to something outside of its folder")
    (tmp_path / "short").symlink_to(tmp_path / "model")
    (tmp_path / "model" / "board.json").unlink()
    (tmp_path / "model" / "inside.json").rename(tmp_path / "model" / "board.json")
    load_generator(tmp_path / "short")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": 1, "format": 2}', "[]", "1", "\xff", '"x"'])
def test_json_of_folders_that_is_none(text: str, folder: Path, tmp_path: Path) -> None:
    load_generator(BUILTIN).save(tmp_path / "model")
    for home, name, load in (
        (folder, "card.json", Dataset.load),
        (folder, "board.json", Dataset.load),
        (tmp_path / "model", "model.json", load_generator),
    ):
        good = (home / name).read_bytes()
        (home / name).write_bytes(text.encode("latin1"))
        refused(load, home, match="json|damaged")
        (home / name).write_bytes(good)


@pytest.mark.parametrize("size", [{"width": 10**9}, {"depth": 10**9}, {"depth": 5000}, {"width": "8"}])
def test_a_network_larger_than_its_weights_is_not_built(size: dict[str, Any], tmp_path: Path) -> None:
    """Building it would take all memory, or forever."""
    load_generator(BUILTIN).save(tmp_path / "model")
    head = json.loads((tmp_path / "model" / "model.json").read_text())
    head["config"] |= size
    (tmp_path / "model" / "model.json").write_text(json.dumps(head))
    refused(
        load_generator, tmp_path / "model", match=f"its {next(iter(size))} is|{next(iter(size))} is 8: give"
    )
    graders = tmp_path / "grader"
    load_grader(BUILTIN / "grader").save(graders)
    assert "sha256" in json.loads((graders / "grader.json").read_text())
    load_grader(graders)
    head = json.loads((graders / "grader.json").read_text())
    head["config"] |= size
    (graders / "grader.json").write_text(json.dumps(head))
    refused(load_grader, graders, match="is damaged")
    (graders / "board.json").write_text((graders / "board.json").read_text() + " ")
    refused(load_grader, graders, match="board.json is not the file that was saved")


@pytest.mark.parametrize(
    "changes", [{"heads": 0}, {"heads": 3}, {"dropout": 2.0}, {"dropout": float("nan")}, {"depth": -1}]
)
def test_a_config_that_is_none(changes: dict[str, Any], tmp_path: Path) -> None:
    load_generator(BUILTIN).save(tmp_path)
    head = json.loads((tmp_path / "model.json").read_text())
    head["config"] |= changes
    (tmp_path / "model.json").write_text(json.dumps(head))
    refused(load_generator, tmp_path, match=f"{tmp_path} is damaged")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(value: float, tmp_path: Path) -> None:
    for home, load in ((BUILTIN, load_generator), (BUILTIN / "grader", load_grader)):
        network = load(home)
        with torch.no_grad():
            next(iter(network.parameters())).view(-1)[0] = value
        network.save(tmp_path / home.name)
        refused(load, tmp_path / home.name, match="are not all numbers")


@pytest.mark.parametrize("name", ["9" * 300, "é" * 200, "../board.json", "a/b", "", "..", "\ud800", "\0"])
def test_checksums_of_names_that_no_file_has(name: str, folder: Path, tmp_path: Path) -> None:
    """A name that is too long is one that the system does not even look for."""
    load_generator(BUILTIN).save(tmp_path / "model")
    for path, load in (
        (folder / "card.json", Dataset.load),
        (tmp_path / "model" / "model.json", load_generator),
    ):
        head = json.loads(path.read_text())
        head["sha256"] = {name: "0" * 64}
        path.write_text(json.dumps(head))
        refused(load, path.parent, match="is damaged")

"""A dataset folder: the space, a Parquet file of sets (with each row's split) and card.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setgen.errors import InputError
from setgen.files import ASIDE, LOCK, check_sums, checksums, new_files, parse_json
from setgen.sets.sets import Sets
from setgen.sets.space import KINDS, UNKNOWN, Space, load_space, space_file
from setgen.sets.splits import SPLITS

_ROWS_A_BYTE = 8  # more than any table has: each row has an id, which takes some bytes


@dataclass(frozen=True, eq=False)
class SetDataset:
    """Sets of one space, split in three.

    sets: C rows. split: (C,) int8 index into SPLITS. ids: (C,) the source's own name of each set. card: where
    the rows came from and what became of every one of them. columns: what else the source records, each (C,).
    """

    space: Space
    sets: Sets
    split: np.ndarray
    ids: np.ndarray
    card: dict[str, Any]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    file: ClassVar[str] = "sets.parquet"
    item_column: ClassVar[str] = "item"
    label_column: ClassVar[str] = "label"
    kind: ClassVar[type[Sets]] = Sets

    def part(self, name: str) -> Any:
        """The sets of `train`, `valid` or `test`."""
        return self.sets[self.split == SPLITS.index(name)]

    def save(self, folder: Path) -> None:
        """Write the folder, all or nothing. Raises InputError when it cannot or the folder is someone else's.

        A folder without a card is no dataset, so an older one is never left mixed with this one.
        """
        folder = Path(folder)
        check_target(folder)
        with new_files(folder, last="card.json", gone=set(_FILES) - {self.space.file, self.file}) as new:
            self.space.save(new / self.space.file)
            pq.write_table(self._table(), new / self.file)
            sums = checksums(new, (self.space.file, self.file))
            card = json.dumps({**self.card, "sha256": sums}, indent=2, ensure_ascii=False)
            (new / "card.json").write_text(card, encoding="utf-8")

    def _table(self) -> pa.Table:
        return pa.table(
            {
                "id": pa.array(self.ids, pa.string()),
                **self.set_columns(self.sets),
                "split": pa.DictionaryArray.from_arrays(pa.array(self.split), list(SPLITS)),
                **self.stored_columns(),
            }
        )

    @classmethod
    def set_columns(cls, sets: Sets) -> dict[str, Any]:
        """Sets as columns of a table: conditions, lists of items, lists of labels."""
        offsets = pa.array(sets.offsets.astype(np.int32))
        lists = {cls.item_column: sets.item, cls.label_column: sets.label}
        of_sets = {name: pa.ListArray.from_arrays(offsets, pa.array(flat)) for name, flat in lists.items()}
        return {**sets.conditions, **of_sets}

    @classmethod
    def sets_in(cls, table: pa.Table, space: Space) -> Sets:
        """The sets of a table with `set_columns`. Raises KeyError, ValueError or what pyarrow does."""
        kinds = dict.fromkeys(space.conditions, pa.types.is_signed_integer)
        _check_columns(table, {**kinds, cls.item_column: _is_whole_lists, cls.label_column: _is_whole_lists})
        item, label = (_list_column(table, name) for name in (cls.item_column, cls.label_column))
        offsets = _list_offsets(table, cls.item_column)
        if not np.array_equal(offsets, _list_offsets(table, cls.label_column)):
            raise ValueError(f"{cls.item_column} and {cls.label_column} are not of the same lengths")
        _check_elements(space, item, label, offsets)
        conditions = {name: table[name].to_numpy() for name in space.conditions}
        for name, known in space.conditions.items():
            if not np.isin(conditions[name], [UNKNOWN, *known]).all():
                raise ValueError(f"column {name} has values that the {space.word} does not know")
        return cls.kind.from_arrays(item, label, offsets, conditions)

    def stored_columns(self) -> dict[str, pa.Array]:
        """`columns`, as they are written."""
        return {name: pa.array(values) for name, values in self.columns.items()}

    @classmethod
    def read_columns(cls, table: pa.Table) -> dict[str, np.ndarray]:
        """`columns`, as `stored_columns` wrote them."""
        return {}

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a dataset folder of this kind. Raises InputError when it is none, or is incomplete."""
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(
                f"{folder} is not a dataset folder: make one with `setgen data import` or `setgen data synth`"
            )
        found = space_file(folder)
        if found is not None and DATASETS.get(found, "").rpartition(":")[2] != cls.__name__:
            wanted = cls.kind.__name__.lower()
            raise InputError(f"{folder} is a dataset of another kind: {wanted} are needed here")
        missing = [name for name in (cls.file, "card.json") if not (folder / name).is_file()]
        if found is None:
            missing.insert(0, next(name for name, home in KINDS.items() if DATASETS[name] is not None))
        if missing:
            raise InputError(f"{folder} is not a complete dataset folder: {', '.join(missing)} missing")
        card = _card(folder)
        check_sums(
            folder, card.pop("sha256", None)
        )  # noted anew with every folder; earlier versions noted none
        space = load_space(folder)
        try:
            table = _read_table(folder / cls.file)
            _check_columns(table, {"id": pa.types.is_string, "split": _is_words})
            sets = cls.sets_in(table, space)
            split = pa.compute.index_in(table["split"].cast(pa.string()), pa.array(SPLITS))
            if split.null_count:
                raise ValueError(f"column split has other words than {', '.join(SPLITS)}")
            ids = np.array(table["id"].to_pylist(), dtype=object)
            columns = cls.read_columns(table)
            return cls(space, sets, split.to_numpy().astype(np.int8), ids, card, columns)
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            raise InputError(f"{folder} cannot be read: {str(error).splitlines()[0]}") from None


def _read_table(path: Path) -> pa.Table:
    """The table of a Parquet file. Raises ValueError where it says that it holds more than its bytes can."""
    size = path.stat().st_size
    with pq.ParquetFile(path) as file:
        rows = file.metadata.num_rows  # its columns must not be asked: damaged, they end the process
        if rows > _ROWS_A_BYTE * size:
            raise ValueError(
                f"{path.name} says that its {size:,} bytes hold {rows:,} rows, which they cannot"
            )
        return file.read().combine_chunks()


def _check_columns(table: pa.Table, kinds: Mapping[str, Callable[[pa.DataType], bool]]) -> None:
    """Raise KeyError or ValueError for a column that is missing, has gaps or is of another type."""
    for name, fits in kinds.items():
        if table[name].null_count or not fits(table.schema.field(name).type):
            raise ValueError(f"column {name} is not as setgen writes it")


def _is_whole_lists(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) and pa.types.is_signed_integer(type_.value_type)


def _is_words(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_dictionary(type_)


def _check_elements(space: Space, item: np.ndarray, label: np.ndarray, offsets: np.ndarray) -> None:
    """Raise ValueError for elements that are none of the space's."""
    for name, values, number in (
        (space.item_word, item, len(space)),
        (space.label_word, label, space.n_labels),
    ):
        if len(values) and not (values.min() >= 0 and values.max() < number):
            raise ValueError(f"a {name} that the {space.word} does not have")
    if not space.label_occurs[label].all():
        raise ValueError(f"a {space.label_word} that the {space.word} does not have")
    keys = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)) * len(space) + item
    if (np.diff(np.sort(keys)) == 0).any():
        raise ValueError(f"a {space.item_word} twice in one {space.set_word}")


# Kinds of datasets, by the file of their space, found by name.
DATASETS = {"board.json": "setgen.climbing.dataset:Dataset", "space.json": "setgen.sets.dataset:SetDataset"}
_FILES = (*DATASETS, SetDataset.file, "climbs.parquet", "card.json")


def load_dataset(folder: Path | str) -> Any:
    """The dataset in a folder, of whichever kind. Raises InputError when it is none, or is incomplete."""
    return dataset_class(space_file(Path(folder)) or "board.json").load(folder)


def dataset_class(file: str) -> type[SetDataset]:
    """The kind of dataset whose space lies in a file of that name."""
    module, _, attribute = DATASETS[file].partition(":")
    return getattr(import_module(module), attribute)


def data_files(folder: Path) -> list[str]:
    """The files of a dataset folder that hold its space and its sets, as far as they are there."""
    return [name for name in _FILES if name != "card.json" and (folder / name).is_file()]


def _card(folder: Path) -> dict[str, Any]:
    """Raises InputError for what is no card."""
    try:
        card = parse_json((folder / "card.json").read_text(encoding="utf-8"))
    except ValueError:
        card = None
    if not isinstance(card, dict):
        raise InputError(f"{folder} cannot be read: card.json is no card that setgen wrote")
    return card


def check_replaced(folder: Path, card: Mapping[str, Any]) -> None:
    """Raise InputError when `folder` holds a dataset of another source than the one of `card`, or of one unknown."""
    if not (folder / "card.json").is_file():
        return
    try:
        old = _card(folder)
        before, now = (one.get("source", {}).get("file") for one in (old, card))
    except (InputError, AttributeError):
        raise InputError(
            f"{folder} holds a dataset whose card.json cannot be read: choose another folder, or replace it with "
            "--force"
        ) from None
    if before != now:
        raise InputError(
            f"{folder} holds another dataset, {old.get('title')} from {before or 'the synthetic board'}: choose "
            "another folder, or replace it with --force"
        )


def check_target(folder: Path) -> None:
    """Raise InputError when `folder` holds anything but an older dataset of ours, which may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write {folder}: a file of that name is in the way")
    if not folder.is_dir() or (folder / "card.json").is_file():
        return
    if {entry.name for entry in folder.iterdir()} - {*_FILES, ASIDE, LOCK}:
        raise InputError(f"{folder} is not empty and holds no dataset: choose another folder")


def _chunk(table: pa.Table, name: str) -> pa.ListArray:
    column = table[name].combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _list_column(table: pa.Table, name: str) -> np.ndarray:
    return _chunk(table, name).flatten().to_numpy()  # which has no empty cells, or Arrow says so


def _list_offsets(table: pa.Table, name: str) -> np.ndarray:
    offsets = _chunk(table, name).offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0]

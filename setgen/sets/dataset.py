"""A dataset folder: the space, a Parquet file of sets (with each row's split) and card.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setgen.errors import InputError
from setgen.files import check_sums, checksums
from setgen.sets.sets import Sets
from setgen.sets.space import KINDS, Space, load_space, space_file
from setgen.sets.splits import SPLITS


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

        The files are made aside and moved in, the card last: a folder without a card is no dataset, so an
        older one is never left mixed with this one.
        """
        folder = Path(folder)
        check_target(folder)
        is_new = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".new-", dir=folder) as aside:
                new = Path(aside)
                self.space.save(new / self.space.file)
                pq.write_table(self._table(), new / self.file)
                sums = checksums(new, (self.space.file, self.file))
                card = json.dumps({**self.card, "sha256": sums}, indent=2, ensure_ascii=False)
                (new / "card.json").write_text(card, encoding="utf-8")
                (folder / "card.json").unlink(missing_ok=True)
                for old in set(_FILES) - {self.space.file, self.file}:
                    (folder / old).unlink(missing_ok=True)
                for name in (self.space.file, self.file, "card.json"):
                    (new / name).replace(folder / name)
        except OSError as error:
            raise InputError(f"cannot write {folder}: {error.strerror or error}") from None
        finally:
            if is_new:
                with suppress(OSError):
                    folder.rmdir()  # works only where nothing came into it

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
        item, label = (_list_column(table, name) for name in (cls.item_column, cls.label_column))
        conditions = {name: table[name].to_numpy() for name in space.conditions}
        return cls.kind.from_arrays(item, label, _list_offsets(table, cls.item_column), conditions)

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
            table = pq.read_table(folder / cls.file).combine_chunks()
            sets = cls.sets_in(table, space)
            split = pa.compute.index_in(table["split"].cast(pa.string()), pa.array(SPLITS))
            ids = np.array(table["id"].to_pylist(), dtype=object)
            columns = cls.read_columns(table)
            return cls(space, sets, split.to_numpy().astype(np.int8), ids, card, columns)
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            raise InputError(f"{folder} cannot be read: {str(error).splitlines()[0]}") from None


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
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except ValueError:
        card = None
    if not isinstance(card, dict):
        raise InputError(f"{folder} cannot be read: card.json is no card that setgen wrote")
    return card


def check_replaced(folder: Path, card: Mapping[str, Any]) -> None:
    """Raise InputError when `folder` holds a dataset of another source than the one of `card`."""
    try:
        old = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        before, now = (one.get("source", {}).get("file") for one in (old, card))
        title = old.get("title")
    except (OSError, ValueError, AttributeError):
        return
    if before != now:
        raise InputError(
            f"{folder} holds another dataset, {title} from {before or 'the synthetic board'}: choose another folder, "
            "or replace it with --force"
        )


def check_target(folder: Path) -> None:
    """Raise InputError when `folder` holds anything but an older dataset of ours, which may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write {folder}: a file of that name is in the way")
    if not folder.is_dir() or (folder / "card.json").is_file():
        return
    if {entry.name for entry in folder.iterdir()} - set(_FILES):
        raise InputError(f"{folder} is not empty and holds no dataset: choose another folder")


def _chunk(table: pa.Table, name: str) -> pa.ListArray:
    column = table[name].combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _list_column(table: pa.Table, name: str) -> np.ndarray:
    return _chunk(table, name).flatten().to_numpy()


def _list_offsets(table: pa.Table, name: str) -> np.ndarray:
    offsets = _chunk(table, name).offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0]

"""A dataset folder: board.json, climbs.parquet (with each row's split) and card.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.grades import UNKNOWN
from setgen.dataset.splits import SPLITS
from setgen.errors import InputError

_FILES = ("board.json", "climbs.parquet", "card.json")
# What sources may record besides, and how it is stored; what is not known is null.
_COLUMNS = {"ascents": pa.int32(), "quality": pa.float32(), "benchmark": pa.bool_(), "published": pa.date32()}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Real (or synthetic) climbs on one board, split by hold set.

    climbs: C rows, one per (climb, angle). split: (C,) int8 index into SPLITS. ids: (C,) the source's
    own name of each climb. card: where the rows came from and what became of every one of them. columns: what
    else the source records, each (C,): `ascents` and `quality` (float, nan where unknown), `benchmark` (1, 0,
    or UNKNOWN), `published` (datetime64[D], NaT where unknown); those that it does not record are missing.
    """

    board: Board
    climbs: Climbs
    split: np.ndarray
    ids: np.ndarray
    card: dict[str, Any]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def space(self) -> Board:
        return self.board

    def part(self, name: str) -> Climbs:
        """The climbs of `train`, `valid` or `test`."""
        return self.climbs[self.split == SPLITS.index(name)]

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
                self.board.save(new / "board.json")
                pq.write_table(self._table(), new / "climbs.parquet")
                card = json.dumps(self.card, indent=2, ensure_ascii=False)
                (new / "card.json").write_text(card, encoding="utf-8")
                (folder / "card.json").unlink(missing_ok=True)
                for name in _FILES:
                    (new / name).replace(folder / name)
        except OSError as error:
            raise InputError(f"cannot write {folder}: {error.strerror or error}") from None
        finally:
            if is_new:
                with suppress(OSError):
                    folder.rmdir()  # works only where nothing came into it

    def _table(self) -> pa.Table:
        climbs = self.climbs
        offsets = pa.array(climbs.offsets.astype(np.int32))
        return pa.table(
            {
                "id": pa.array(self.ids, pa.string()),
                "angle": climbs.angle,
                "grade": climbs.grade,
                "placement": pa.ListArray.from_arrays(offsets, pa.array(climbs.placement)),
                "role": pa.ListArray.from_arrays(offsets, pa.array(climbs.role)),
                "split": pa.DictionaryArray.from_arrays(pa.array(self.split), list(SPLITS)),
                **{name: _column(name, values) for name, values in self.columns.items()},
            }
        )

    @classmethod
    def load(cls, folder: Path | str) -> Dataset:
        """Read a dataset folder. Raises InputError when it is none, or is incomplete."""
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(
                f"{folder} is not a dataset folder: make one with `setgen data import` or `setgen data synth`"
            )
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} is not a complete dataset folder: {', '.join(missing)} missing")
        board = Board.load(folder / "board.json")
        try:
            table = pq.read_table(folder / "climbs.parquet").combine_chunks()
            card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
            placement, role = (_list_column(table, name) for name in ("placement", "role"))
            offsets = _list_offsets(table, "placement")
            split = np.array([SPLITS.index(s) for s in SPLITS])[
                pa.compute.index_in(table["split"].cast(pa.string()), pa.array(SPLITS)).to_numpy()
            ].astype(np.int8)
            climbs = Climbs(placement, role, offsets, table["angle"].to_numpy(), table["grade"].to_numpy())
            ids = np.array(table["id"].to_pylist(), dtype=object)
            columns = {name: _values(table, name) for name in _COLUMNS if name in table.column_names}
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            raise InputError(f"{folder} cannot be read: {str(error).splitlines()[0]}") from None
        return cls(board, climbs, split, ids, card, columns)


def check_target(folder: Path) -> None:
    """Raise InputError when `folder` holds anything but an older dataset of ours, which may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write {folder}: a file of that name is in the way")
    if not folder.is_dir() or (folder / "card.json").is_file():
        return
    if {entry.name for entry in folder.iterdir()} - set(_FILES):
        raise InputError(f"{folder} is not empty and holds no dataset: choose another folder")


def _column(name: str, values: np.ndarray) -> pa.Array:
    missing = (
        values == UNKNOWN
        if name == "benchmark"
        else np.isnat(values)
        if name == "published"
        else np.isnan(values)
    )
    if name == "ascents":
        missing |= np.abs(values) > np.iinfo(np.int32).max
    values = np.where(missing, np.zeros(1, values.dtype), values)
    if name == "benchmark":
        values = values.astype(bool)
    return pa.array(values, mask=missing).cast(_COLUMNS[name], safe=False)


def _values(table: pa.Table, name: str) -> np.ndarray:
    column = table[name].combine_chunks()
    if name == "published":
        return column.to_numpy(zero_copy_only=False).astype("datetime64[D]")
    if name == "benchmark":
        return column.cast(pa.int8()).fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _chunk(table: pa.Table, name: str) -> pa.ListArray:
    column = table[name].combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _list_column(table: pa.Table, name: str) -> np.ndarray:
    return _chunk(table, name).flatten().to_numpy()


def _list_offsets(table: pa.Table, name: str) -> np.ndarray:
    offsets = _chunk(table, name).offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0]

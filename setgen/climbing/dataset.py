"""A dataset of climbs: board.json, climbs.parquet (with each row's split) and card.json."""

from __future__ import annotations

from typing import ClassVar, cast

import numpy as np
import pyarrow as pa

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.sets.dataset import SetDataset, check_target

__all__ = ["Dataset", "check_target"]

# What sources may record besides, and how it is stored; what is not known is null.
_COLUMNS = {"ascents": pa.int32(), "quality": pa.float32(), "benchmark": pa.bool_(), "published": pa.date32()}


class Dataset(SetDataset):
    """Real (or synthetic) climbs on one board, split by hold set.

    climbs: C rows, one per (climb, angle). columns: what else the source records, each (C,): `ascents` and
    `quality` (float, nan where unknown), `benchmark` (1, 0, or UNKNOWN), `published` (datetime64[D], NaT where
    unknown); those that it does not record are missing.
    """

    file: ClassVar[str] = "climbs.parquet"
    item_column: ClassVar[str] = "placement"
    label_column: ClassVar[str] = "role"
    kind: ClassVar[type[Climbs]] = Climbs

    @property
    def board(self) -> Board:
        return cast(Board, self.space)

    @property
    def climbs(self) -> Climbs:
        return cast(Climbs, self.sets)

    def stored_columns(self) -> dict[str, pa.Array]:
        return {name: _column(name, values) for name, values in self.columns.items()}

    @classmethod
    def read_columns(cls, table: pa.Table) -> dict[str, np.ndarray]:
        return {name: _values(table, name) for name in _COLUMNS if name in table.column_names}


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
    column = table[name].combine_chunks().cast(_COLUMNS[name])
    if name == "published":
        return column.to_numpy(zero_copy_only=False).astype("datetime64[D]")
    if name == "benchmark":
        return column.cast(pa.int8()).fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)

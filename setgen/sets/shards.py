"""Sets in a folder of Parquet shards: millions of them, written and read a shard at a time.

    folder/board.json (or space.json), folder/sets.json: how many sets, and how they are made
    folder/sets/00000.parquet, 00001.parquet, …: as the sets of a dataset are stored, a fixed number in each

A shard is there whole or not at all, so that whoever goes on makes those that are missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setgen.errors import InputError
from setgen.files import PARTS, read_json, write_whole, writing
from setgen.sets.dataset import SetDataset, dataset_class
from setgen.sets.sets import Sets
from setgen.sets.space import Space, load_space, space_file

FORMAT = 1
CARD = "sets.json"


@dataclass(frozen=True)
class Shards:
    """A folder of `n` sets of one space, `size` in each shard but the last. made: how, as the card says it."""

    folder: Path
    space: Space
    n: int
    size: int
    made: Mapping[str, Any]

    @classmethod
    def begin(cls, folder: Path, space: Space, n: int, size: int, made: Mapping[str, Any]) -> Shards:
        """The folder, new or gone on with. Raises InputError where it holds anything else."""
        folder = Path(folder).absolute()
        card = json.loads(json.dumps({"format": FORMAT, "n": n, "shard": size, "made": made}))
        with writing(folder):
            if (folder / CARD).is_file():
                if read_json(folder / CARD) != card:
                    raise InputError(f"{folder} holds sets that were made otherwise: choose another folder")
            elif folder.exists() and not all(path.match(PARTS) for path in folder.iterdir()):
                raise InputError(
                    f"{folder} is not empty and holds no sets of this kind: choose another folder"
                )
            folder.mkdir(parents=True, exist_ok=True)
            # First of all: whatever breaks the rest off, the folder says what it is, and is gone on with.
            write_whole(folder / CARD, json.dumps(card, indent=2, ensure_ascii=False).encode())
            (folder / "sets").mkdir(exist_ok=True)
            write_whole(folder / space.file, json.dumps(space.to_json()).encode())
        return cls(folder, space, n, size, card["made"])

    @classmethod
    def open(cls, folder: Path) -> Shards:
        """A folder that is complete. Raises InputError."""
        folder = Path(folder).absolute()
        card, found = read_json(folder / CARD), space_file(folder)
        if card is None or found is None:
            raise InputError(
                f"{folder} is no folder of sets: make one with `setgen generate --format parquet`"
            )
        try:
            version, n, size, made = card["format"], int(card["n"]), int(card["shard"]), card["made"]
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{folder / CARD} is no card that setgen wrote") from None
        if version != FORMAT:
            raise InputError(f"{folder} has format {version}, of a newer setgen: upgrade setgen")
        shards = cls(folder, load_space(folder), n, size, made)
        if missing := len(shards.missing()):
            raise InputError(
                f"{folder} lacks {missing} of {len(shards)} shards: run the command that made it again"
            )
        return shards

    def __len__(self) -> int:
        return -(-self.n // self.size)

    def rows(self, shard: int) -> np.ndarray:
        """Numbers of a shard's sets, among all."""
        return np.arange(shard * self.size, min((shard + 1) * self.size, self.n))

    def path(self, shard: int) -> Path:
        return self.folder / "sets" / f"{shard:05}.parquet"

    def missing(self) -> list[int]:
        """Shards that are not there."""
        return [shard for shard in range(len(self)) if not self.path(shard).is_file()]

    @property
    def _kind(self) -> type[SetDataset]:
        return dataset_class(self.space.file)

    def write(self, shard: int, sets: Sets) -> None:
        """Put a shard in its place when it is complete. Raises InputError."""
        path = self.path(shard)
        # Processes of several machines, and with one number there, may write into the folder at once.
        part = path.with_name(f".{path.name}-{os.uname().nodename}-{os.getpid()}")
        try:
            with writing(path):
                pq.write_table(pa.table(self._kind.set_columns(sets)), part)
                part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Take away what processes that were killed have left unfinished."""
        for part in (self.folder / "sets").glob(".*.parquet-*"):
            with suppress(OSError):
                part.unlink()

    def read(self, shard: int) -> Sets:
        """The sets of a shard. Raises InputError where it is damaged."""
        path = self.path(shard)
        try:
            sets = self._kind.sets_in(pq.read_table(path).combine_chunks(), self.space)
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
        if len(sets) != len(self.rows(shard)):
            raise InputError(
                f"{path} has {len(sets)} sets, not {len(self.rows(shard))}: delete it, and make it anew"
            )
        return sets

    def pick(self, rows: np.ndarray) -> Sets:
        """The sets of these numbers, in this order; one shard is read at a time."""
        of = np.asarray(rows) // self.size
        order = np.argsort(of, kind="stable")
        parts = []
        for shard in np.unique(of).tolist():
            parts.append(self.read(shard)[np.asarray(rows)[of == shard] - shard * self.size])
        if not parts:
            return self.read(0)[:0]
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return parts[0].concatenate(parts)[back]

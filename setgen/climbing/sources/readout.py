"""What every reader hands on: a board, rows of climbs, and for each row that is left out the one reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs


@dataclass(frozen=True)
class Options:
    """What to take from a source.

    layout, size: ids in the source's own tables (size "all": the whole layout); a layout by its name too.
    min_quality: in the source's own stars. angles: degrees, empty for all. angle: of climbs that state none.
    ungraded: keep rows without a grade. roles: "ignore" makes every hold a middle one on a board without
    starts and finishes. board: a database or a dataset folder, for sources that name holds without saying
    where they are.
    """

    layout: int | str | None = None
    size: int | Literal["all"] | None = None
    min_ascents: int = 0
    min_quality: float = 0.0
    angles: tuple[int, ...] = ()
    angle: int | None = None
    routes: bool = False
    ungraded: bool = False
    drafts: bool = False
    unlisted: bool = False
    roles: Literal["auto", "ignore"] = "auto"
    board: Path | None = None


class Sieve:
    """Which of R rows are still in, and for each of the others the one reason why it is out."""

    def __init__(self, rows: int) -> None:
        self._reason = np.zeros(rows, dtype=np.int16)
        self._names = [""]

    def __len__(self) -> int:
        return len(self._reason)

    @property
    def kept(self) -> np.ndarray:
        """(R,) bool."""
        return self._reason == 0

    def drop(self, where: np.ndarray, reason: str) -> None:
        """Leave out the rows in `where` (R,) bool that are still in."""
        if reason not in self._names:
            self._names.append(reason)
        self._reason[where & self.kept] = self._names.index(reason)

    def reasons(self) -> dict[str, int]:
        """Reason → number of rows, the most frequent first."""
        counts = np.bincount(self._reason, minlength=len(self._names))
        pairs = [(name, int(n)) for name, n in zip(self._names, counts, strict=True) if name and n]
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


@dataclass(eq=False)
class Readout:
    """R rows of one source, before the rules for legal climbs.

    climbs: R climbs on `board`; rows that the sieve left out may be empty. ids: (R,) the source's name of
    each row's climb (rows of one climb at several angles share it). kind: the name of the format.
    facts: what else the card should say. warnings: what the user should know.
    columns: what else the source records, each (R,): `ascents` and `quality` (stars, in the source's own;
    float, nan where unknown), `benchmark` (1, 0, or UNKNOWN), `published` (datetime64[D]).
    """

    kind: str
    board: Board
    climbs: Climbs
    ids: np.ndarray
    sieve: Sieve
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    columns: dict[str, np.ndarray] = field(default_factory=dict)

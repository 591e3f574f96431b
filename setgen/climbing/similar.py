"""Similar climbs: the known ones that share most holds and roles with a climb, or with its mirror image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.metrics.features import element_matrix
from setgen.metrics.jaccard import distance_blocks


@dataclass(frozen=True)
class Similar:
    """similarity: Jaccard of (hold, role) pairs, 1 for the same climb. rows: of the known climbs that are this set
    of holds and roles, one for each angle it is known at. mirrored: it is the mirror image that is so near."""

    similarity: float
    rows: tuple[int, ...]
    mirrored: bool


@dataclass(frozen=True, eq=False)
class KnownClimbs:
    """Climbs of one board to compare others with; made ready when first asked. ids: (C,) as their source has them;
    None: they have none."""

    board: Board
    climbs: Climbs
    ids: np.ndarray | None = None

    @cached_property
    def by_id(self) -> dict[str, list[Climb]]:
        """The climbs of each id, in capitals: one for each angle."""
        found: dict[str, list[Climb]] = {}
        for name, climb in zip([] if self.ids is None else self.ids.tolist(), self.climbs, strict=False):
            found.setdefault(str(name).upper(), []).append(climb)
        return found

    @cached_property
    def _different(self) -> tuple[Any, list[np.ndarray]]:
        """(K, V·R) sparse, the different sets of holds and roles; and which of the climbs each of them is."""
        which = _same(self.board, self.climbs)
        firsts = np.unique(which, return_index=True)[1]
        rows = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
        return element_matrix(self.board, self.climbs[firsts]), rows

    def similar(self, climbs: Climbs, n: int = 5) -> list[list[Similar]]:
        """As `similar`, of these known climbs."""
        theirs, rows = self._different
        both = [_nearest(element_matrix(self.board, climbs), theirs, n)]
        image = mirrored(self.board, climbs)
        if image is not None:
            both.append(_nearest(element_matrix(self.board, image), theirs, n))
        found = []
        for i in range(len(climbs)):
            best: dict[int, tuple[float, bool]] = {}
            for image_too, (index, distance) in enumerate(both):
                for column, far in zip(index[i].tolist(), distance[i].tolist(), strict=True):
                    if far < 1 and (column not in best or far < best[column][0]):
                        best[column] = far, bool(image_too)
            ranked = sorted(best.items(), key=lambda one: one[1])[:n]
            found.append([Similar(1 - far, tuple(rows[c].tolist()), turned) for c, (far, turned) in ranked])
        return found


def similar(board: Board, climbs: Climbs, known: Climbs, n: int = 5) -> list[list[Similar]]:
    """For each climb the n most similar among the `known` ones, the nearest first; known ones that are the same
    set of holds and roles count once. On boards with mirror symmetry mirror images count too.

    >>> similar(board, climbs, dataset.climbs)[0][0].similarity  # doctest: +SKIP
    1.0
    """
    return KnownClimbs(board, known).similar(climbs, n)


def mirrored(board: Board, climbs: Climbs) -> Climbs | None:
    """The mirror image of each climb; None where the board, or a hold of the climbs, has none."""
    if board.mirror is None or (board.mirror[climbs.placement] < 0).any():
        return None
    return Climbs.from_arrays(
        board.mirror[climbs.placement], climbs.role, climbs.offsets, dict(climbs.conditions)
    )


def _nearest(ours: object, theirs: object, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(C, k) which known sets are nearest, k at most n, and (C, k) at what distance."""
    indices, distances = [], []
    for _, block in distance_blocks(ours, theirs):  # type: ignore[arg-type]
        k = min(n, block.shape[1])
        index = np.argpartition(block, k - 1, axis=1)[:, :k]
        indices.append(index)
        distances.append(np.take_along_axis(block, index, 1))
    return np.concatenate(indices), np.concatenate(distances)


def _same(board: Board, climbs: Climbs) -> np.ndarray:
    """(C,) number of each climb's set of holds and roles, equal ones alike."""
    keys = np.random.default_rng(0).integers(0, 2**63, len(board) * board.n_labels, dtype=np.uint64)
    element = climbs.placement.astype(np.int64) * board.n_labels + climbs.role
    sums = np.concatenate([[np.uint64(0)], np.cumsum(keys[element], dtype=np.uint64)])
    return np.unique(sums[climbs.offsets[1:]] - sums[climbs.offsets[:-1]], return_inverse=True)[1]

"""Limits: what a user lays down beyond a space's own bounds, and both together in arrays. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setgen.errors import InputError
from setgen.sets.space import Space

_MOST_LABELS = 8  # 2^R choices of labels are looked at


@dataclass(frozen=True, eq=False)
class Limits:
    """What a user lays down beyond a space's own bounds, in arrays; None lays nothing down.

    elements: (V, R) bool, labels that each item may have when it is new. labels: (R, 2) int64, at least and at
    most so many items with each label. sizes: (fewest, most) items. near: (V, V) bool, items within reach of
    each other; anchors: (R, R) bool, [r, s] whether a new item with label r is to lie near one with label s.
    Nearness is kept wherever the rest leaves such an item; all else is certain.
    """

    elements: np.ndarray | None = None
    labels: np.ndarray | None = None
    sizes: tuple[int | None, int | None] = (None, None)
    near: np.ndarray | None = None
    anchors: np.ndarray | None = None

    def limits(self, space: Space) -> Limits:
        """Itself: where limits are asked for, whatever has this method will do (see `boards.constraints`)."""
        return self


@dataclass(frozen=True, eq=False)
class Bounds:
    """A space's bounds and a user's limits together.

    labels: (2, R) int64, lo and hi. sizes: (fewest, most). elements: (V, R) bool. near: (V, V) bool or None.
    anchors: (R, R + 1) bool; the last column is of anchors whose own label is still open. limited: whether
    there are limits.
    """

    labels: np.ndarray
    sizes: tuple[int, int]
    elements: np.ndarray
    near: np.ndarray | None
    anchors: np.ndarray
    limited: bool

    @classmethod
    def of(cls, space: Space, bounded: bool = True, limits: Limits | None = None) -> Bounds:
        """bounded: keep to the space's own bounds; without, only repeats are ruled out.

        Raises InputError when there are limits and the space has too many labels for them.
        """
        labels = space.label_bounds.copy()
        if not bounded:
            labels[:, 0] = 0
            labels[:, 1] = np.where(space.label_occurs, len(space), 0)
        fewest, most = (space.sizes[0], space.largest) if bounded else (1, space.widest)
        said = limits or Limits()
        if limits is not None and space.n_labels > _MOST_LABELS:
            raise InputError(f"limits are kept for at most {_MOST_LABELS} labels, not {space.n_labels}")
        if said.labels is not None:
            labels[:, 0] = np.maximum(labels[:, 0], said.labels[:, 0])
            labels[:, 1] = np.minimum(labels[:, 1], said.labels[:, 1])
        elements = np.ones((len(space), space.n_labels), bool) if said.elements is None else said.elements
        anchors = np.ones((space.n_labels,) * 2, bool) if said.anchors is None else said.anchors
        return cls(
            labels.T.copy(),
            (max(fewest, said.sizes[0] or 0), most if said.sizes[1] is None else min(most, said.sizes[1])),
            elements & (labels[:, 1] > 0),
            said.near,
            # An anchor whose own label is still open serves everybody.
            np.pad(anchors, ((0, 0), (0, 1)), constant_values=True),
            limits is not None,
        )

    def arrays(self, repeats: bool = False) -> dict[str, np.ndarray]:
        """As an exported model takes them. repeats: an item may come twice (see `Rules`)."""
        items = len(self.elements)
        near = np.zeros((items, items), np.float32) if self.near is None else self.near.astype(np.float32)
        return {
            "labels": self.labels,
            "sizes": np.array(self.sizes, np.int64),
            "elements": self.elements,
            "near": near,
            "anchors": self.anchors,
            "reach": np.array(self.near is not None),
            "repeats": np.array(repeats),
        }

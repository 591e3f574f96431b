"""An exported generator: one loop for every model. NumPy and onnxruntime do it; torch is not needed.

    sizes, order ← a draw each
    arrays ← start(prompts, limits)            which draws the first element too
    until every set is complete:
        arrays ← step(arrays, limits)          appends the element drawn last, and draws the next

Network, rules and draws are in the graphs (`setgen.export.step`); what is here is bookkeeping of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from setgen.errors import InputError
from setgen.runtime.networks import Arrays, Network
from setgen.sets.limits import Bounds
from setgen.sets.noise import FIRST, OPEN_LABELS, ORDER, SIZE, noise_of
from setgen.sets.padding import Padded, pad
from setgen.sets.prompts import check_prompts
from setgen.sets.sets import Sets
from setgen.sets.space import OPEN, Space

AnySets = TypeVar("AnySets", bound=Sets)

_ROWS = 4096  # prompts that are checked at once
_ROOM = 16  # columns by which caches grow


class ExportedGenerator:
    """`Generator.sample` without torch, of one space."""

    blocks = False

    def __init__(self, space: Space, settings: Mapping[str, Any], networks: Mapping[str, Network]) -> None:
        self.space, self.name = space, str(settings["model"])
        self.draws_size, self.orders = bool(settings["draws_size"]), int(settings["orders"])
        self.repeats, self.by_column = bool(settings["repeats"]), settings["noise"] == "column"
        self.caches = {str(name): int(axis) for name, axis in settings["caches"].items()}
        self.sizes, self.start, self.step = (networks[name] for name in ("sizes", "start", "step"))
        self.label = networks.get("label")

    def sample(
        self,
        prompts: AnySets,
        *,
        sizes: np.ndarray | None = None,
        legal: bool = True,
        temperature: float = 1.0,
        constraints: Any = None,
        seed: int | np.ndarray = 0,
        batch_size: int = 256,
    ) -> AnySets:
        """As `Generator.sample` has it: the same prompts and seed give the same sets.

        But for rounding: logits of two runtimes differ in the last digits, so that about one draw in a
        million falls on the other side of a boundary.
        """
        if constraints is not None and not legal:
            raise InputError("constraints are kept by the rules' own masks: leave the rules on, or drop them")
        if not temperature >= 0:
            raise InputError(f"temperature is {temperature}: give 0 or more")
        bounds = Bounds.of(self.space, legal, None if constraints is None else constraints.limits(self.space))
        given = bounds.arrays() | {"temperature": np.array(temperature, np.float64)}
        wanted = check_prompts(
            self.space, prompts, sizes, lambda some: self._possible(some, given), constraints
        )
        given["repeats"] = np.array(self.repeats and not legal)
        parts = [prompts[:0]]
        for begin in range(0, len(prompts), batch_size):
            rows = np.arange(begin, min(begin + batch_size, len(prompts)))
            noise = noise_of(self.space, seed, rows)
            known = pad(self.space, prompts[rows])
            if (known.label == OPEN).any():
                labels = noise_of(self.space, seed, rows, OPEN_LABELS)
                self._decide_labels(known, wanted[rows], given, labels)
            size, order = self._begun(known, wanted[rows], given, noise)
            grown, _ = self.grow(known, size, order, given, noise)
            offsets = np.concatenate([[0], np.cumsum(grown.present.sum(1))])
            item, label = grown.item[grown.present], grown.label[grown.present]
            parts.append(prompts.from_arrays(item, label, offsets, prompts[rows].conditions))
        return prompts.concatenate(parts)

    @staticmethod
    def arrays(sets: Padded) -> Arrays:
        """Prompts as the graphs take them."""
        codes = {f"of.{name}": code for name, code in sets.conditions.items()}
        return {"item": sets.item, "label": sets.label, "present": sets.present} | codes

    def _possible(self, prompts: Sets, given: Arrays) -> np.ndarray:
        """(C, widest + 1) bool: how many items a set that contains each prompt's may have in all."""
        found = []
        for begin in range(0, len(prompts), _ROWS):
            some = self.arrays(pad(self.space, prompts[begin : begin + _ROWS]))
            nothing = np.zeros(len(some["item"]))
            asked = {"wanted": nothing.astype(np.int64), "uniform": nothing}
            found.append(self.sizes(some, given, asked)["possible"])
        return np.concatenate([np.zeros((0, self.space.widest + 1), bool), *found])

    def _begun(
        self, known: Padded, wanted: np.ndarray, given: Arrays, noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(B,) items in all, 0 where the model ends sets by itself, and (B,) which of the orders they come in."""
        size, order = wanted, np.zeros_like(wanted)
        if self.draws_size:
            drawn = {"wanted": wanted, "uniform": noise[:, SIZE].copy()}
            size = self.sizes(self.arrays(known), given, drawn)["size"]
        if given["temperature"] > 0:  # at temperature 0, the first order
            order = (noise[:, ORDER] * self.orders).astype(np.int64)
        return size, order

    def grow(
        self,
        known: Padded,
        size: np.ndarray,
        order: np.ndarray,
        given: Arrays,
        noise: np.ndarray,
        forced: np.ndarray | None = None,
    ) -> tuple[Padded, np.ndarray]:
        """The sets, completed; given: limits and temperature, as the graphs take them.

        forced: (B, T) elements that take the place of the draws, V·R for the end, in an export that was made for
        that; then (B,) their log-probability.
        """
        log_p = np.zeros(len(size))
        grown, count = known.widened(self.space.widest), known.present.sum(1)
        rows = np.flatnonzero(count < size) if self.draws_size else np.arange(len(count))
        run, column = self.start, 0  # of the caches
        arrays = {name: array[rows] for name, array in self.arrays(known).items()}
        arrays |= {"size": size[rows], "order": order[rows]}
        for draws in range(self.space.widest + 1):
            if not len(rows):
                break
            place = FIRST + count[rows] if self.by_column else np.full(len(rows), FIRST + 2 * draws)
            uniform = np.stack([noise[rows, place], noise[rows, place + 1]], 1)
            asked = {"uniform": uniform} if forced is None else {"forced": forced[rows, draws]}
            found = run(arrays, given, asked)
            if forced is not None:
                log_p[rows] += found["log_p"]
            arrays = {name: array for name, array in arrays.items() if name in self.step.inputs}
            column = self._keep(arrays, found, column)
            run = self.step

            element, new = found["element"], found["new"]
            at, element = rows[new], element[new]
            grown.item[at, count[at]] = element // self.space.n_labels
            grown.label[at, count[at]] = element % self.space.n_labels
            grown.present[at, count[at]] = True
            count[at] += 1
            going = count[rows] < size[rows] if self.draws_size else found["element"] < self.space.n_elements
            rows = _close_ranks(rows, going, arrays)
        return grown, log_p

    def _keep(self, arrays: Arrays, found: Arrays, end: int) -> int:
        """Take over what a call gave; new columns of caches go where the last ones end. Where they end now."""
        arrays |= {name: found[name] for name in self.step.inputs if name in found}
        begin = end
        for name, axis in self.caches.items():
            begin = begin or found[name].shape[axis]  # the first call gives what it has read so far whole
            new = found.get(f"new.{name}")
            if new is None:
                end = begin
                continue
            end = begin + new.shape[axis]
            before = (slice(None),) * axis
            if arrays[name].shape[axis] < end:
                wide = list(arrays[name].shape)
                wide[axis] += max(_ROOM, new.shape[axis])
                arrays[name], old = np.zeros(wide, new.dtype), arrays[name]
                arrays[name][(*before, slice(old.shape[axis]))] = old
            arrays[name][(*before, slice(begin, end))] = new
        return end

    def _decide_labels(self, known: Padded, wanted: np.ndarray, given: Arrays, noise: np.ndarray) -> None:
        """Draw every OPEN label, in place, column by column, as `revealing.decide_labels` does."""
        if self.label is None:
            raise InputError(f"this export leaves no {self.space.label_word} open: give one, or use torch")
        for column in range(known.item.shape[1]):
            rows = np.flatnonzero((known.label[:, column] == OPEN) & known.present[:, column])
            if len(rows):
                asked = {"column": np.array(column), "size": wanted[rows], "uniform": noise[rows, column]}
                part = {name: array[rows] for name, array in self.arrays(known).items()}
                known.label[rows, column] = self.label(part, given, asked)["drawn"]


def _close_ranks(rows: np.ndarray, going: np.ndarray, arrays: Arrays) -> np.ndarray:
    """The rows that go on, in the leading places of each array: few of them move, and nothing is copied whole."""
    n = int(going.sum())
    if n == len(rows):
        return rows
    free, late = np.flatnonzero(~going[:n]), n + np.flatnonzero(going[n:])
    rows[free] = rows[late]
    for name, array in arrays.items():
        array[free] = array[late]
        arrays[name] = array[:n]
    return rows[:n]

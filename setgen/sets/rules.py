"""Rules: which elements may come next so that a set that keeps to all bounds stays certain.

While a set grows, counts (B, R) say how many of its items have each label. With bounds lo, hi of every label,

    owed = max(lo − counts, 0),   cap = hi − counts,

m more items can complete it if and only if, for every choice T of labels, N(T) being the items left that can
have one of them,

    Σ_{r ∈ T} owed_r ≤ N(T)                  what is owed can be found, each item used once (Hall 1935),
    m ≥ Σ owed   and   m ≤ N(T) + Σ_{r ∉ T} cap_r    and m items in all (max-flow = min-cut: an augmenting
                                             path to one more item never takes a label away that was found).

Where every item can have every label, as without a user's limits, this is counting: label r may come when
counts_r < hi_r and either more items are to come than are owed, or r itself is owed. No names here.

All functions are plain tensor arithmetic over fixed shapes, so that an exported model can hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import torch
from torch import Tensor

from setgen.errors import InputError
from setgen.sets.batch import SetBatch
from setgen.sets.space import Space

_COUNT = torch.int16  # of items, where there are many such numbers
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


@dataclass
class Partial:
    """What B growing sets hold so far, as the rules see it.

    label_of: (B, V) int8: the label of each item that is in, R where that is open, −1 where it is not in.
    counts: (B, R) int64. count: (B,) items in all.
    """

    label_of: Tensor
    counts: Tensor
    count: Tensor

    @classmethod
    def of(cls, space: Space, batch: SetBatch) -> Partial:
        """The state after every item of `batch` has been placed."""
        labels, rows = space.n_labels, len(batch)
        shown = torch.where(batch.label < 0, labels, batch.label).to(torch.int8)
        table = torch.full((rows, len(space) + 1), -1, dtype=torch.int8, device=batch.device)
        # Padding writes into a column of its own, which is cut off.
        table.scatter_(1, batch.item.masked_fill(~batch.present, len(space)), shown)
        counts = torch.stack([((batch.label == r) & batch.present).sum(1) for r in range(labels)], 1)
        return cls(table[:, :-1].contiguous(), counts, batch.size)

    @property
    def used(self) -> Tensor:
        """(B, V) bool."""
        return self.label_of >= 0

    def rows(self, index: Tensor | slice) -> Partial:
        """The state of some of the sets; with a slice, what is put there is put here too."""
        return Partial(self.label_of[index], self.counts[index], self.count[index])

    def put(self, rows: Tensor, item: Tensor, label: Tensor) -> None:
        """One more item into each of `rows`, in place."""
        self.label_of[rows, item] = label.to(torch.int8)
        self.counts[rows, label] += 1
        self.count[rows] += 1


@dataclass
class Ahead:
    """Where the next item may lie when items come in a fixed order, the rank; a line moves along it.

    rank: (B, V), each row a permutation. beyond: (B, V) free items at and beyond each free one, 0 at those in
    use when the line began. serving: (B, V, C) items strictly beyond that serve each choice of labels, or None
    without a user's limits. line: (B,) rank of the item that came last, −1 before the first.
    """

    rank: Tensor
    beyond: Tensor
    serving: Tensor | None
    line: Tensor

    def rows(self, index: Tensor | slice) -> Ahead:
        serving = None if self.serving is None else self.serving[index]
        return Ahead(self.rank[index], self.beyond[index], serving, self.line[index])

    def at(self, line: Tensor) -> Ahead:
        """The same with the line elsewhere."""
        return replace(self, line=line)

    def open(self, need: Tensor) -> Tensor:
        """(B, V) bool: free items beyond the line, with room for the `need` (B,) that must come."""
        return (self.rank > self.line[:, None]) & (self.beyond >= need[:, None].clamp(min=1))


@dataclass(frozen=True, eq=False)
class Rules:
    """A space's bounds and a user's limits, as tensors.

    bounds: (2, R) int64, lo and hi. sizes: (fewest, most). elements: (V, R) bool; None where every item may
    have every label that occurs. near: (V, V) 1.0 where two items are within reach; anchors: (R, R + 1) bool.
    repeats: an item may come twice (what a sequence model does when nothing holds it back).
    """

    space: Space
    bounds: Tensor
    sizes: tuple[int, int]
    elements: Tensor | None = None
    near: Tensor | None = None
    anchors: Tensor | None = None
    repeats: bool = False

    @classmethod
    def of(
        cls,
        space: Space,
        bounded: bool = True,
        limits: Limits | None = None,
        device: torch.device | str = "cpu",
    ) -> Rules:
        """bounded: keep to the space's own bounds; without, only repeats are ruled out.

        Raises InputError when there are limits and the space has too many labels for them.
        """
        bounds = space.label_bounds.copy()
        if not bounded:
            bounds[:, 0] = 0
            bounds[:, 1] = np.where(space.label_occurs, len(space), 0)
        sizes = (space.sizes[0], space.largest) if bounded else (1, space.widest)
        if limits is None:
            return cls(space, torch.from_numpy(bounds.T.copy()).to(device), sizes)
        if space.n_labels > _MOST_LABELS:
            raise InputError(f"limits are kept for at most {_MOST_LABELS} labels, not {space.n_labels}")
        if limits.labels is not None:
            bounds = np.stack(
                [
                    np.maximum(bounds[:, 0], limits.labels[:, 0]),
                    np.minimum(bounds[:, 1], limits.labels[:, 1]),
                ],
                1,
            )
        fewest, most = limits.sizes
        elements = np.ones((len(space), space.n_labels), bool) if limits.elements is None else limits.elements
        near = None if limits.near is None else torch.from_numpy(limits.near).to(device, torch.float32)
        anchors = np.ones((space.n_labels,) * 2, bool) if limits.anchors is None else limits.anchors
        return cls(
            space,
            torch.from_numpy(bounds.T.copy()).to(device),
            (max(sizes[0], fewest or 0), sizes[1] if most is None else min(sizes[1], most)),
            torch.from_numpy(elements & (bounds[:, 1] > 0)).to(device),
            near,
            # An anchor whose own label is still open serves everybody.
            torch.from_numpy(np.pad(anchors, ((0, 0), (0, 1)), constant_values=True)).to(device),
        )

    # --- counting -----------------------------------------------------------------------------------------

    def owed(self, counts: Tensor) -> Tensor:
        """(…, R) items with each label that must still come."""
        return (self.bounds[0] - counts).clamp(min=0)

    def to_come(self, state: Partial, size: Tensor) -> tuple[Tensor, Tensor]:
        """(B,), (B,): how many items must come at least and may come at most; size: (B,), 0 where open."""
        fewest, most = (torch.where(size > 0, size, of) for of in self.sizes)
        need = torch.maximum((fewest - state.count).clamp(min=0), self.owed(state.counts).sum(1))
        return need, most - state.count

    def labels_open(self, counts: Tensor, remaining: Tensor) -> Tensor:
        """(…, R) bool: labels the next item may have when at most `remaining` (…) items follow, it included."""
        owed = self.owed(counts)
        loose = remaining > owed.sum(-1)
        return (counts < self.bounds[1]) & (loose[..., None] | (owed > 0))

    # --- Hall's condition ---------------------------------------------------------------------------------

    @cached_property
    def _choices(self) -> Tensor:
        """(C, R) bool: every choice of labels but none, C = 2^R − 1."""
        choices = list(product((False, True), repeat=self.space.n_labels))[1:]
        return torch.tensor(choices, device=self.bounds.device)

    @cached_property
    def _elements(self) -> Tensor:
        """(V, R) bool, whether there are limits or not."""
        if self.elements is not None:
            return self.elements
        return (self.bounds[1] > 0).expand(len(self.space), -1)

    @cached_property
    def _serves(self) -> Tensor:
        """(V, C): 1 where an item can have one of the labels of a choice."""
        return (self._elements[:, None, :] & self._choices).any(2).to(_COUNT)

    @cached_property
    def _open_serves(self) -> Tensor:
        """(C,): 1 where a given item whose label is open does."""
        return ((self.bounds[1] > 0) & self._choices).any(1).to(_COUNT)

    @cached_property
    def _kinds(self) -> Tensor:
        """(2^R, R) bool: every set of labels, numbered by its bits."""
        bits = torch.arange(2**self.space.n_labels, device=self.bounds.device)[:, None]
        return (bits >> torch.arange(self.space.n_labels, device=bits.device)) % 2 == 1

    @cached_property
    def _kind(self) -> Tensor:
        """(V,) the set of labels that each item can have."""
        place = torch.arange(self.space.n_labels, device=self.bounds.device)
        return (self._elements.long() << place).sum(1)

    def _left(self, free: Tensor) -> Tensor:
        """(B, V) bool → (B, C): how many free items serve each choice of labels."""
        return (free[:, :, None] * self._serves).sum(1, dtype=_COUNT)

    def completable(self, left: Tensor, counts: Tensor, fewest: Tensor, most: Tensor) -> Tensor:
        """(…) bool: whether between `fewest` and `most` (…) more items can complete a set.

        left: (…, C) items that serve each choice. counts: (…, R) items with each label so far.
        """
        chosen = self._choices.T.to(counts.dtype)  # (R, C)
        owed, cap = self.owed(counts), self.bounds[1] - counts
        found = ((owed[..., None] * chosen).sum(-2) <= left).all(-1) & (cap >= 0).all(-1)
        cap = cap.clamp(min=0)
        others = (cap[..., None] * (1 - chosen)).sum(-2)  # (…, C) caps of the labels not chosen
        at_most = torch.minimum((left + others).amin(-1), cap.sum(-1))
        return found & (torch.maximum(fewest, owed.sum(-1)) <= torch.minimum(most, at_most))

    # --- what may come ------------------------------------------------------------------------------------

    def ahead(self, state: Partial, rank: Tensor) -> Ahead:
        """A line before the first item of `rank` (B, V), over the items that are free now."""
        free = ~state.used
        in_order = torch.zeros_like(free).scatter(1, rank, free)
        beyond = in_order.flip(1).cumsum(1).flip(1).gather(1, rank) * free
        serving = None
        if self.elements is not None:
            order = rank.argsort(1)[:, :, None].expand(-1, -1, self._choices.shape[0])
            serves = (free[:, :, None] * self._serves).gather(1, order)
            strictly = serves.flip(1).cumsum(1, dtype=_COUNT).flip(1) - serves
            serving = strictly.gather(1, rank[:, :, None].expand_as(strictly))
        return Ahead(rank, beyond, serving, torch.full_like(state.count, -1))

    def allowed(self, state: Partial, need: Tensor, room: Tensor, ahead: Ahead | None = None) -> Tensor:
        """(B, V, R) bool: elements behind which the set can still be completed.

        need, room: (B,) how many items must and may come, this one included (see `to_come`). ahead: items that
        lie before the line cannot come any more.
        """
        free = torch.ones_like(state.used) if self.repeats else ~state.used
        items = free & (room > 0)[:, None]
        if ahead is not None:
            items = items & ahead.open(need)
        if self.elements is None:
            if ahead is None or need is room:
                return items[:, :, None] & self.labels_open(state.counts, room)[:, None, :]
            # No more items can follow than lie ahead.
            remaining = torch.minimum(room[:, None], ahead.beyond)
            return items[:, :, None] & self.labels_open(state.counts[:, None], remaining)
        return self._permitted(state, need, room, items, ahead)

    def _permitted(
        self, state: Partial, need: Tensor, room: Tensor, items: Tensor, ahead: Ahead | None
    ) -> Tensor:
        if ahead is None:  # what is left depends on which labels the item can have: 2^R kinds of items
            serves = (self._kinds[:, None, :] & self._choices).any(2).to(_COUNT)
            left = self._left(~state.used)[:, None] - serves
        else:
            assert ahead.serving is not None
            left = ahead.serving
        after = []
        for r in range(self.space.n_labels):
            counts = state.counts.clone()
            counts[:, r] += 1
            after.append(
                self.completable(left, counts[:, None], (need - 1).clamp(min=0)[:, None], (room - 1)[:, None])
            )
        follow = torch.stack(after, 2)
        follow = follow[:, self._kind] if ahead is None else follow
        follow = follow & items[:, :, None] & self._elements
        return follow if self.near is None else self._in_reach(state, follow)

    def _in_reach(self, state: Partial, follow: Tensor) -> Tensor:
        """What of `follow` (B, V, R) is near the items placed; all of it where nothing is."""
        assert self.near is not None
        assert self.anchors is not None
        used = state.used
        of_any = (used.to(self.near) @ self.near > 0) | ~used.any(1, keepdim=True)
        by_label = []
        for anchors in self.anchors:
            here = used & anchors[state.label_of.clamp(min=0).long()]
            of_label = here.to(self.near) @ self.near > 0
            by_label.append(torch.where(here.any(1, keepdim=True), of_label, of_any))
        within = follow & torch.stack(by_label, 2)
        return torch.where(within.flatten(1).any(1)[:, None, None], within, follow)

    def onwards(self, state: Partial, need: Tensor, room: Tensor, ahead: Ahead) -> Tensor:
        """(B, V) bool: whether the set can be completed from what lies strictly beyond each item."""
        if ahead.serving is None:
            # `beyond` is 0 at items in use: what lies beyond them is counted anew.
            in_order = torch.zeros_like(ahead.beyond).scatter(1, ahead.rank, (ahead.beyond > 0).long())
            beyond = in_order.flip(1).cumsum(1).flip(1).gather(1, ahead.rank)
            return beyond >= need[:, None]
        return self.completable(ahead.serving, state.counts[:, None], need[:, None], room[:, None])

    def possible_sizes(self, state: Partial, undecided: Tensor | None = None) -> Tensor:
        """(B, widest + 1) bool: how many items the set may have in all.

        undecided: (B,) given items whose label is open; they are in use, and in no label's count.
        """
        n = torch.arange(self.space.widest + 1, device=state.count.device)
        left, more = self._left(~state.used), n - state.count[:, None]
        possible = (n >= self.sizes[0]) & (n <= self.sizes[1]) & (more >= 0)
        if undecided is not None:
            left = left + undecided[:, None].to(_COUNT) * self._open_serves
            more = more + undecided[:, None]
        return possible & self.completable(left[:, None], state.counts[:, None], more, more)

    def labels_for_open(self, state: Partial, undecided: Tensor, size: Tensor) -> Tensor:
        """(B, R) bool: labels that one of `undecided` (B,) ≥ 1 given items with an open label may take.

        These items are in use already. size: (B,) items wanted, 0 where any number will do.
        """
        others = undecided - 1
        left = self._left(~state.used) + others[:, None].to(_COUNT) * self._open_serves
        fewest, most = (torch.where(size > 0, size, of) - state.count for of in self.sizes)
        after = []
        for r in range(self.space.n_labels):
            counts = state.counts.clone()
            counts[:, r] += 1
            after.append(self.completable(left, counts, fewest.clamp(min=0) + others, most + others))
        return torch.stack(after, 1) & (self.bounds[1] > 0)

    def why_not(self, state: Partial, undecided: int = 0) -> str:
        """The reason why no set can come of a single state of which `possible_sizes` found none."""
        space, counts = self.space, state.counts[0]
        things, names = f"{space.item_word}s", [label.name for label in space.labels]
        over = (counts - self.bounds[1]).argmax()
        if counts[over] > self.bounds[1, over]:
            return f"{int(counts[over])} {names[over]} {things} are given, at most {int(self.bounds[1, over])} may"
        owed = self.owed(counts)
        decided = int(state.count[0]) - undecided
        if max(decided + int(owed.sum()), decided + undecided) > self.sizes[1]:
            lo = [name for name, least in zip(names, self.bounds[0].tolist(), strict=True) if least]
            still = f"with the {', '.join(lo)} still owed " if lo else ""
            return f"{still}they are more than {self.sizes[1]} {things}"
        if not self._elements.any():
            return f"no {space.item_word} of this {space.word} is left for new ones"
        more = max(0, self.sizes[0] - decided - int(owed.sum()))
        left = (self._left(~state.used)[0] + undecided * self._open_serves).tolist()
        by_number = sorted(zip(self._choices.tolist(), left, strict=True), key=lambda x: sum(x[0]))
        for choice, there in by_number:
            asked = [(int(owed[r]), names[r]) for r, here in enumerate(choice) if here and owed[r]]
            if all(choice) and more:
                asked.append((more, "more"))
            if sum(n for n, _ in asked) > there:
                what = " and ".join(f"{n} {name}" for n, name in asked)
                return f"{what} must still be found, and {there} {things} are left for them"
        return "what is still owed leaves no room"

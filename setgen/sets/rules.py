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

import torch
from torch import Tensor

from setgen.sets.batch import SetBatch
from setgen.sets.limits import Bounds, Limits
from setgen.sets.space import Space


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
        labels, rows = space.n_labels, batch.rows_in
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
    use when the line began. latest: (B, V + 2, C) the highest rank strictly beyond which k items serve a choice
    of labels, −1 where there is none, or None without a user's limits. line: (B,) rank of the item that came
    last, −1 before the first.
    """

    rank: Tensor
    beyond: Tensor
    latest: Tensor | None
    line: Tensor

    def rows(self, index: Tensor | slice) -> Ahead:
        latest = None if self.latest is None else self.latest[index]
        return Ahead(self.rank[index], self.beyond[index], latest, self.line[index])

    def at(self, line: Tensor) -> Ahead:
        """The same with the line elsewhere."""
        return replace(self, line=line)

    def open(self, need: Tensor) -> Tensor:
        """(B, V) bool: free items beyond the line, with room for the `need` (B,) that must come."""
        return (self.rank > self.line[:, None]) & (self.beyond >= need[:, None].clamp(min=1))

    def last(self, needed: Tensor) -> Tensor:
        """(B, N) the highest rank beyond which `needed` (B, N, C) items serve each choice of labels; −1: none."""
        assert self.latest is not None
        most = self.latest.shape[1] - 1
        return self.latest.gather(1, needed.clamp(0, most)).amin(2)


@dataclass(frozen=True, eq=False)
class Rules:
    """A space's bounds and a user's limits, as tensors.

    bounds: (2, R) int64, lo and hi. sizes: (fewest, most). elements: (V, R) bool; None where every item may
    have every label that occurs. near: (V, V) 1.0 where two items are within reach; anchors: (R, R + 1) bool.
    repeats: an item may come twice (what a sequence model does when nothing holds it back). In an exported
    model all are inputs, and so is whether nearness counts: reach, a bool.
    """

    space: Space
    bounds: Tensor
    sizes: tuple[int, int] | tuple[Tensor, Tensor]
    elements: Tensor | None = None
    near: Tensor | None = None
    anchors: Tensor | None = None
    repeats: bool | Tensor = False
    reach: Tensor | None = None

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
        found = Bounds.of(space, bounded, limits)
        labels = torch.from_numpy(found.labels).to(device)
        if not found.limited:
            return cls(space, labels, found.sizes)
        near = None if found.near is None else torch.from_numpy(found.near).to(device, torch.float32)
        elements, anchors = (torch.from_numpy(x).to(device) for x in (found.elements, found.anchors))
        return cls(space, labels, found.sizes, elements, near, anchors)

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
        return (self._elements[:, None, :] & self._choices).any(2).long()

    @cached_property
    def _open_serves(self) -> Tensor:
        """(C,): 1 where a given item whose label is open does."""
        return ((self.bounds[1] > 0) & self._choices).any(1).long()

    @cached_property
    def _kinds(self) -> Tensor:
        """(2^R, R) bool: every set of labels, numbered by its bits."""
        kinds = [labels[::-1] for labels in product((False, True), repeat=self.space.n_labels)]
        return torch.tensor(kinds, device=self.bounds.device)

    @cached_property
    def _kind(self) -> Tensor:
        """(V,) the set of labels that each item can have."""
        bits = torch.tensor([2**r for r in range(self.space.n_labels)], device=self.bounds.device)
        return (self._elements.long() * bits).sum(1)

    def _left(self, free: Tensor) -> Tensor:
        """(B, V) bool → (B, C): how many free items serve each choice of labels."""
        return (free.double() @ self._serves.double()).long()  # a product of float64 counts exactly

    def _with_one_more(self, counts: Tensor) -> Tensor:
        """(B, R) → (B, R, R): the counts behind one more item with each label."""
        labels = self.space.n_labels
        return counts[:, None] + torch.eye(labels, dtype=counts.dtype, device=counts.device)

    def needed(self, counts: Tensor, fewest: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
        """(…, C): how many items that serve each choice of labels must be left, for between `fewest` and `most`
        (…) more to complete a set of which `counts` (…, R) have each label; (…) bool, whether any could."""
        chosen = self._choices.T.to(counts.dtype)  # (R, C)
        owed, cap = self.owed(counts), self.bounds[1] - counts
        possible = (cap >= 0).all(-1)
        cap = cap.clamp(min=0)
        least = torch.maximum(fewest, owed.sum(-1))
        possible = possible & (least <= torch.minimum(most, cap.sum(-1)))
        others = (cap[..., None] * (1 - chosen)).sum(-2)  # caps of the labels not chosen
        return torch.maximum((owed[..., None] * chosen).sum(-2), least[..., None] - others), possible

    def completable(self, left: Tensor, counts: Tensor, fewest: Tensor, most: Tensor) -> Tensor:
        """(…) bool: whether between `fewest` and `most` (…) more items can complete a set.

        left: (…, C) items that serve each choice. counts: (…, R) items with each label so far.
        """
        needed, possible = self.needed(counts, fewest, most)
        return possible & (left >= needed).all(-1)

    # --- what may come ------------------------------------------------------------------------------------

    def ahead(self, state: Partial, rank: Tensor) -> Ahead:
        """A line before the first item of `rank` (B, V), over the items that are free now."""
        free = ~state.used
        in_order = torch.zeros_like(free).scatter(1, rank, free)
        beyond = in_order.flip(1).cumsum(1).flip(1).gather(1, rank) * free
        latest = None if self.elements is None else self._latest(free, rank)
        return Ahead(rank, beyond, latest, torch.full_like(state.count, -1))

    def _latest(self, free: Tensor, rank: Tensor) -> Tensor:
        """(B, V + 2, C) int32, see `Ahead`: [b, k, c] is the place before the k-th last item that serves c."""
        (rows, items), choices = free.shape, self._choices.shape[0]
        order = rank.argsort(1)[:, :, None].expand(-1, -1, choices)
        serves = (free[:, :, None] * self._serves).gather(1, order)
        onwards = serves.flip(1).cumsum(1).flip(1)  # from each place to the last
        nowhere = items + 1
        k = torch.where(serves > 0, onwards, nowhere)
        before = torch.arange(-1, items - 1, device=rank.device, dtype=torch.int32)
        table = torch.full((rows, items + 2, choices), -1, dtype=torch.int32, device=rank.device)
        table = table.scatter(1, k, before[None, :, None].expand(rows, -1, choices))
        k = torch.arange(items + 2, device=rank.device)[:, None]
        return torch.where(k == 0, items - 1, torch.where(k == nowhere, -1, table)).to(torch.int32)

    def allowed(self, state: Partial, need: Tensor, room: Tensor, ahead: Ahead | None = None) -> Tensor:
        """(B, V, R) bool: elements behind which the set can still be completed.

        need, room: (B,) how many items must and may come, this one included (see `to_come`). ahead: items that
        lie before the line cannot come any more.
        """
        free = ~state.used | self.repeats
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
        needed, possible = self.needed(
            self._with_one_more(state.counts), (need - 1).clamp(min=0)[:, None], (room - 1)[:, None]
        )
        if ahead is None:  # what is left depends on which labels the item can have: 2^R kinds of items
            serves = (self._kinds[:, None, :] & self._choices).any(2).long()
            left = self._left(~state.used)[:, None] - serves
            follow = (left[:, :, None] >= needed[:, None]).all(3) & possible[:, None]
            follow = follow[:, self._kind]
        else:
            last = ahead.last(needed).masked_fill(~possible, -1)
            follow = ahead.rank[:, :, None] <= last[:, None]
        follow = follow & items[:, :, None] & self._elements
        if self.near is None or self.anchors is None:
            return follow
        known = (follow, state.label_of, self.near, self.anchors)
        if self.reach is None:
            return _in_reach(*known)
        return torch.cond(self.reach, _in_reach, _anywhere, known)

    def onwards(self, state: Partial, need: Tensor, room: Tensor, ahead: Ahead, item: Tensor) -> Tensor:
        """(B, 1) bool: whether the set can be completed from what lies strictly beyond `item` (B, 1)."""
        rank = ahead.rank.gather(1, item)
        if ahead.latest is None:
            free = ahead.beyond > 0
            return (free & (ahead.rank > rank)).sum(1, keepdim=True) >= need[:, None]
        needed, possible = self.needed(state.counts[:, None], need[:, None], room[:, None])
        return rank <= ahead.last(needed).masked_fill(~possible, -1)

    def possible_sizes(self, state: Partial, undecided: Tensor | None = None) -> Tensor:
        """(B, widest + 1) bool: how many items the set may have in all.

        undecided: (B,) given items whose label is open; they are in use, and in no label's count.
        """
        n = torch.arange(self.space.widest + 1, device=state.count.device)
        left, more = self._left(~state.used), n - state.count[:, None]
        possible = (n >= self.sizes[0]) & (n <= self.sizes[1]) & (more >= 0)
        if undecided is not None:
            left = left + undecided[:, None] * self._open_serves
            more = more + undecided[:, None]
        return possible & self.completable(left[:, None], state.counts[:, None], more, more)

    def labels_for_open(self, state: Partial, undecided: Tensor, size: Tensor) -> Tensor:
        """(B, R) bool: labels that one of `undecided` (B,) ≥ 1 given items with an open label may take.

        These items are in use already. size: (B,) items wanted, 0 where any number will do.
        """
        others = undecided - 1
        left = self._left(~state.used) + others[:, None] * self._open_serves
        fewest, most = (torch.where(size > 0, size, of) - state.count for of in self.sizes)
        fewest, most = fewest.clamp(min=0) + others, most + others
        after = self._with_one_more(state.counts)
        return self.completable(left[:, None], after, fewest[:, None], most[:, None]) & (self.bounds[1] > 0)

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
            asked: list[tuple[int, str]] = [
                (int(owed[r]), names[r]) for r, here in enumerate(choice) if here and owed[r]
            ]
            if all(choice) and more:
                asked.append((int(more), "more"))
            if sum(n for n, _ in asked) > there:
                what = " and ".join(f"{n} {name}" for n, name in asked)
                return f"{what} must still be found, and {there} {things} are left for them"
        return "what is still owed leaves no room"


def _in_reach(follow: Tensor, label_of: Tensor, near: Tensor, anchors: Tensor) -> Tensor:
    """What of `follow` (B, V, R) is near the items placed; all of it where nothing is."""
    used = label_of >= 0
    of_any = (used.to(near) @ near > 0) | ~used.any(1, keepdim=True)
    by_label = []
    for serving in anchors.unbind(0):
        here = used & serving[label_of.clamp(min=0).long()]
        of_label = here.to(near) @ near > 0
        by_label.append(of_label | ~here.any(1, keepdim=True) & of_any)
    within = follow & torch.stack(by_label, 2)
    return within | follow & ~within.flatten(1).any(1)[:, None, None]


def _anywhere(follow: Tensor, label_of: Tensor, near: Tensor, anchors: Tensor) -> Tensor:
    return follow.clone()

"""Known faults, put into real climbs by degrees: what a metric must see if it is to be believed.

Each damage takes real climbs and a degree and returns climbs that are worse in one way and as real as before
in all others. A metric is proved on those it claims to see (`Metric.sees`): its value must get worse with
every degree and end outside the 95 % interval of its floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import UNKNOWN
from setgen.boards.roles import Role


@dataclass(frozen=True)
class Damage:
    """apply(board, climbs, training climbs, degree, rng) → damaged climbs. degrees: rising."""

    name: str
    degrees: tuple[float, ...]
    unit: str
    said: str
    apply: Callable[[Board, Climbs, Climbs, float, np.random.Generator], Climbs]

    def label(self, degree: float) -> str:
        return f"{degree:.0%}" if self.unit == "share" else f"{degree:g}"


def _with(climbs: Climbs, **changed: np.ndarray) -> Climbs:
    parts = {k: getattr(climbs, k) for k in ("placement", "role", "offsets", "angle", "grade")}
    return Climbs(**(parts | changed))


def _ranks(climbs: Climbs, rng: np.random.Generator) -> np.ndarray:
    """(N,) the place of each hold in a random order of its climb's holds."""
    order = np.lexsort((rng.random(len(climbs.owner)), climbs.owner))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - climbs.offsets[climbs.owner]
    return rank


def _chosen(climbs: Climbs, share: float, rng: np.random.Generator) -> np.ndarray:
    """(C,) bool: a random share of the climbs."""
    return rng.permutation(len(climbs)) < round(share * len(climbs))


def _replaced(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """`degree` holds of each climb (all but one, and as places are free) move at random, roles kept."""
    moves = (
        _ranks(climbs, rng)
        < np.minimum(degree, np.minimum(climbs.sizes - 1, len(board) - climbs.sizes))[climbs.owner]
    )
    placement = climbs.placement.copy()
    for start, stop in zip(climbs.offsets[:-1], climbs.offsets[1:], strict=True):
        hit = start + np.flatnonzero(moves[start:stop])
        free = np.setdiff1d(np.arange(len(board)), climbs.placement[start:stop])
        placement[hit] = rng.choice(free, len(hit), replace=False)
    return _with(climbs, placement=placement)


def _nudged(board: Board, climbs: Climbs, rng: np.random.Generator) -> Climbs:
    """One hold of each climb, at random, moves to one of the eight nearest free places: the same idea."""
    apart = np.square(board.xy[:, None] - board.xy).sum(-1)
    placement = climbs.placement.copy()
    for start, stop in zip(climbs.offsets[:-1], climbs.offsets[1:], strict=True):
        hit = rng.integers(start, stop)
        distance = apart[climbs.placement[hit]].copy()
        distance[climbs.placement[start:stop]] = np.inf
        nearest = np.argsort(distance)[: min(8, int(np.isfinite(distance).sum()))]
        placement[hit] = rng.choice(nearest) if len(nearest) else placement[hit]
    return _with(climbs, placement=placement)


def _scattered(
    board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Climbs:
    """A share of the climbs has every hold at a random place, roles kept."""
    placement = climbs.placement.copy()
    for i in np.flatnonzero(_chosen(climbs, degree, rng)):
        own = slice(*climbs.offsets[i : i + 2])
        placement[own] = rng.choice(len(board), len(placement[own]), replace=False)
    return _with(climbs, placement=placement)


def _swapped(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """In a share of the climbs every start and every finish trades roles with a random other hold."""
    role = climbs.role.copy()
    for i in np.flatnonzero(_chosen(climbs, degree, rng)):
        own = role[slice(*climbs.offsets[i : i + 2])]
        ends = np.flatnonzero((own == Role.START) | (own == Role.FINISH))
        others = rng.permutation(np.setdiff1d(np.arange(len(own)), ends))[: len(ends)]
        ends = rng.permutation(ends)[: len(others)]
        own[ends], own[others] = own[others], own[ends]
    return _with(climbs, role=role)


def _lost(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """In a share of the climbs feet and all starts and finishes but one become middle holds."""
    role = climbs.role.copy()
    for i in np.flatnonzero(_chosen(climbs, degree, rng)):
        own = role[slice(*climbs.offsets[i : i + 2])]
        own[own == Role.FOOT] = Role.MIDDLE
        for end in (Role.START, Role.FINISH):
            own[np.flatnonzero(own == end)[1:]] = Role.MIDDLE
    return _with(climbs, role=role)


def _mixed(
    condition: str, board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Climbs:
    """A share of the climbs is given out under the grades (or angles) of others among them."""
    values = getattr(climbs, condition).copy()
    rows = np.flatnonzero(_chosen(climbs, degree, rng) & (values != UNKNOWN))
    values[rows] = values[rng.permutation(rows)]
    return _with(climbs, **{condition: values})


def _duplicated(
    board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Climbs:
    """A share of the climbs gives way to copies of the others."""
    gone = _chosen(climbs, degree, rng)
    rows = np.arange(len(climbs))
    rows[gone] = rng.choice(rows[~gone], int(gone.sum()))
    return climbs[rows]


def _copied(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """A share of the climbs gives way to training climbs."""
    gone = _chosen(climbs, degree, rng)
    taken = rng.permutation(len(train))[: int(gone.sum())]
    return Climbs.concatenate([climbs[~gone], train[taken]])


def _collapsed(
    board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Climbs:
    """All climbs are variants of 1/degree of them, one hold nudged: few ideas."""
    modes = rng.permutation(len(climbs))[: max(1, round(len(climbs) / degree))]
    rows = np.sort(modes[np.arange(len(climbs)) % len(modes)])
    return _nudged(board, climbs[rows], rng)


def _common(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """Climbs of rare sizes, `degree` of all, give way to copies of the rest with one hold nudged."""
    sizes, counts = np.unique(climbs.sizes, return_counts=True)
    rarest = np.argsort(counts, kind="stable")
    rare = sizes[rarest][np.cumsum(counts[rarest]) <= degree * len(climbs)]
    gone = np.isin(climbs.sizes, rare)
    filled = climbs[rng.choice(np.flatnonzero(~gone), int(gone.sum()))]
    return Climbs.concatenate([climbs[~gone], _nudged(board, filled, rng)])


def _one_side(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """Climbs whose centre lies in the right `degree` of them give way to the others, one hold nudged."""
    x = np.bincount(climbs.owner, board.xy[climbs.placement, 0], len(climbs)) / climbs.sizes
    gone = x > np.quantile(x, 1 - degree)
    filled = climbs[rng.choice(np.flatnonzero(~gone), int(gone.sum()))]
    return Climbs.concatenate([climbs[~gone], _nudged(board, filled, rng)])


def _broken(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Climbs:
    """A share of the climbs breaks a hard rule: by turns no start, a third start, no finish, a third finish,
    a hold twice, an unknown hold or role, one hold only, too many holds."""
    hit, free = _chosen(climbs, degree, rng), np.arange(len(board))
    damaged = []
    for i, climb in enumerate(climbs):
        if not hit[i]:
            damaged.append(climb)
            continue
        holds = list(climb.holds)
        unused = rng.permutation(np.setdiff1d(free, [p for p, _ in holds])).tolist()
        match i % 9:
            case 0 | 2:
                end = Role.START if i % 9 == 0 else Role.FINISH
                holds = [(p, int(Role.MIDDLE) if r == end else r) for p, r in holds]
            case 1 | 3:
                holds += [(p, int(Role.START if i % 9 == 1 else Role.FINISH)) for p in unused[:3]]
            case 4:
                holds.append(holds[0])
            case 5:
                holds.append((len(board), int(Role.MIDDLE)))
            case 6:
                holds = holds[:1]
            case 7:
                holds[0] = (holds[0][0], len(Role))
            case 8:
                holds += [(p, int(Role.MIDDLE)) for p in unused[: board.limits.holds[1]]]
        damaged.append(Climb(tuple(holds), climb.angle, climb.grade))
    return Climbs.from_list(damaged)


_SHARES = (0.1, 0.25, 0.5, 1.0)

DAMAGES = (
    Damage(
        "holds replaced",
        (1, 2, 4, 8),
        "holds",
        "this many holds of each climb moved to random places",
        _replaced,
    ),
    Damage(
        "random climbs",
        _SHARES,
        "share",
        "this share of climbs with every hold at a random place",
        _scattered,
    ),
    Damage(
        "roles swapped",
        _SHARES,
        "share",
        "this share of climbs whose starts and finishes trade roles with other holds",
        _swapped,
    ),
    Damage(
        "roles lost",
        _SHARES,
        "share",
        "this share of climbs left with one start, one finish and no foot holds",
        _lost,
    ),
    Damage(
        "grades shuffled",
        _SHARES,
        "share",
        "this share of climbs given out under the grades of others",
        partial(_mixed, "grade"),
    ),
    Damage(
        "angles shuffled",
        _SHARES,
        "share",
        "this share of climbs given out at the angles of others",
        partial(_mixed, "angle"),
    ),
    Damage(
        "duplicated",
        (0.1, 0.25, 0.5, 0.9),
        "share",
        "this share of climbs replaced by copies of others",
        _duplicated,
    ),
    Damage("training copied", _SHARES, "share", "this share of climbs replaced by training climbs", _copied),
    Damage(
        "few ideas",
        (4, 16, 64),
        "variants",
        "all climbs are variants of a few, this many of each, one hold moved to a near place",
        _collapsed,
    ),
    Damage(
        "rare sizes dropped",
        (0.1, 0.25, 0.5),
        "share",
        "this share of climbs, those of the rarest sizes, replaced by variants of others",
        _common,
    ),
    Damage(
        "one side dropped",
        (0.1, 0.25, 0.5),
        "share",
        "this share of climbs, the rightmost ones, replaced by variants of others",
        _one_side,
    ),
    Damage(
        "rules broken", (0.05, 0.2, 0.8), "share", "this share of climbs made to break a hard rule", _broken
    ),
)
"""The series. Degrees rise; degree 0, the real climbs themselves, comes before them."""

"""What climbs look like on the wall, in inches: distances, hops and heights, for all climbs at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.roles import Role
from setgen.sets.identity import as_sets

__all__ = ["Geometry", "as_sets", "geometry"]

_PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class Geometry:
    """Features of C climbs, each (C,) float64 inches, NaN where a climb has none.

    start_distance: largest distance between two starts; NaN with fewer than two.
    lowest_start: y of the lowest start.
    height_progress: y of the highest finish minus y of the highest start.
    largest_hop: the smallest reach that still links a start to a finish over hand holds, which is the
        longest edge of the path between them in the minimum spanning tree (Hu 1961, the bottleneck path).
    foot_support: largest distance from a hand hold to the nearest lower hold of any role, over the hand
        holds that have a lower hold. NaN on boards without foot holds, where feet stand on anything.
    mean_height: mean y of all holds. spread: root mean square distance of the holds from their centre.
    hops: (M,) edges of the minimum spanning tree over the hand holds of each climb, its starts taken as
        one; hop_owner: (M,) the climb each belongs to. A climb of h hand holds, s of them starts, has
        h − max(s, 1) hops.
    """

    start_distance: np.ndarray
    lowest_start: np.ndarray
    height_progress: np.ndarray
    largest_hop: np.ndarray
    foot_support: np.ndarray
    mean_height: np.ndarray
    spread: np.ndarray
    hops: np.ndarray
    hop_owner: np.ndarray

    def per_climb(self) -> dict[str, np.ndarray]:
        """Name → (C,) of every feature that has one value a climb."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("hop")}


def geometry(board: Board, climbs: Climbs) -> Geometry:
    """Geometry features of climbs, illegal ones included: unknown and repeated holds are left out."""
    climbs = as_sets(board, climbs)
    sizes, order = climbs.sizes, np.argsort(climbs.sizes, kind="stable")
    parts, start = [], 0
    while start < len(order):  # climbs of like size together, so that padding stays small
        lengths = sizes[order[start:]].astype(np.int64)
        fits = np.arange(1, len(lengths) + 1) * np.maximum(lengths, 1) ** 2 <= _PAIRS_AT_ONCE
        stop = start + max(1, int(fits.argmin()) if not fits.all() else len(fits))
        parts.append(_of_padded(board, climbs[order[start:stop]], order[start:stop]))
        start = stop
    if not parts:
        none = np.empty(0)
        return Geometry(**dict.fromkeys((f.name for f in fields(Geometry)), none))
    back = np.argsort(order)
    merged = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Geometry)}
    by_climb = np.argsort(merged["hop_owner"], kind="stable")
    return Geometry(**{k: v[by_climb if k.startswith("hop") else back] for k, v in merged.items()})


def _of_padded(board: Board, climbs: Climbs, rows: np.ndarray) -> Geometry:
    """Geometry of climbs of like size, which are the rows `rows` of the whole."""
    length = max(1, int(climbs.sizes.max(initial=0)))
    present = np.arange(length) < climbs.sizes[:, None]
    xy = np.full((*present.shape, 2), np.nan)
    role = np.full(present.shape, -1)
    xy[present], role[present] = board.xy[climbs.placement], climbs.role

    y = xy[..., 1]
    distance = np.sqrt(((xy[:, :, None] - xy[:, None]) ** 2).sum(-1))  # NaN for padding
    start, finish = role == Role.START, role == Role.FINISH
    hand = present & (role != Role.FOOT)
    reach, hop, is_hop = _spanning_tree(distance, start, hand, y)

    has_feet = bool(board.role_allowed[Role.FOOT])
    lower = y[:, None, :] < y[:, :, None]
    to_lower = np.where(lower & hand[:, :, None] & has_feet, distance, np.inf).min(-1)
    to_lower[np.isinf(to_lower)] = np.nan
    centre = _nan(np.nansum(xy, 1) / np.maximum(climbs.sizes, 1)[:, None], climbs.sizes[:, None] > 0)
    off_centre = ((xy - centre[:, None]) ** 2).sum(-1)

    two_starts = start.sum(1) >= 2
    both = start.any(1) & finish.any(1)
    between_starts = np.where(start[:, :, None] & start[:, None], distance, 0).max((1, 2))
    return Geometry(
        start_distance=_nan(between_starts, two_starts),
        lowest_start=_lowest(y, start),
        height_progress=_highest(y, finish) - _highest(y, start),
        largest_hop=_nan(np.where(finish, reach, np.inf).min(1), both),
        foot_support=_highest(to_lower, ~np.isnan(to_lower)),
        mean_height=centre[:, 1],
        spread=np.sqrt(np.nansum(off_centre, 1) / np.where(climbs.sizes > 0, climbs.sizes, np.nan)),
        hops=hop[is_hop],
        hop_owner=np.broadcast_to(rows[:, None], hop.shape)[is_hop],
    )


def _spanning_tree(
    distance: np.ndarray, start: np.ndarray, hand: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prim's algorithm on every row at once, grown from the starts (or the lowest hand hold if none).

    distance: (B, L, L); start, hand: (B, L) bool; y: (B, L). Returns three (B, L): the largest edge on the
    tree path from the starts to each hand hold, the edge by which it was joined, and whether it was (the
    starts and what is no hand hold were not).
    """
    row = np.arange(len(hand))
    root = start & hand
    without = ~root.any(1) & hand.any(1)
    root[without, np.where(hand, y, np.inf).argmin(1)[without]] = True

    # edge: shortest link to the tree so far; via: largest edge on the way to that link's tree end.
    to_root = np.where(root[:, None, :], distance, np.inf)
    edge = to_root.min(-1)
    via = np.zeros(hand.shape)
    reach = np.where(root, 0.0, np.inf)
    hop = np.zeros(hand.shape)
    waiting = hand & ~root
    joined = waiting.copy()
    for _ in range(int(waiting.sum(1).max(initial=0))):
        new = np.where(waiting, edge, np.inf).argmin(1)
        live = waiting[row, new]
        hop[row[live], new[live]] = edge[row[live], new[live]]
        reach[row[live], new[live]] = np.maximum(edge, via)[row[live], new[live]]
        waiting[row[live], new[live]] = False
        closer = waiting & (distance[row, new] < edge) & live[:, None]
        edge = np.where(closer, distance[row, new], edge)
        via = np.where(closer, reach[row, new][:, None], via)
    return reach, hop, joined


def _nan(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where, values, np.nan)


def _lowest(y: np.ndarray, where: np.ndarray) -> np.ndarray:
    return _nan(np.where(where, y, np.inf).min(1), np.any(where, axis=1))


def _highest(y: np.ndarray, where: np.ndarray) -> np.ndarray:
    return _nan(np.where(where, y, -np.inf).max(1), np.any(where, axis=1))

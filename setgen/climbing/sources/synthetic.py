"""The built-in synthetic board: climbs from a known process, so that legality and grade have a truth.

A climb starts on one or two grips of one row and goes up, hand hold by hand hold, to the top rows. Every
move rises and is at most REACH long; its length scatters about the climb's own preferred reach. Feet are
then put under hands, chips rather than grips. The grade follows from the moves, the angle and the feet
(`true_grade`). None of it is real: whatever shows these climbs says "synthetic".
"""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.roles import Role
from setgen.climbing.rules import legal

ANGLES = (20, 30, 40, 50, 60)
GRADES = tuple(range(10, 31))
REACH = 48.0
"""Inches: no move of the process is longer."""
FOOT_BELOW, FOOT_ASIDE = (12.0, 60.0), 18.0
"""Inches: how far below (from, to) and how far to a side of some hand a foot lies."""

PREFERRED = (16.0, 40.0)
"""Inches: the range of a climb's preferred move, uniform."""
SCATTER, ANYHOW = 5.0, 1e-9
"""A move of d inches weighs exp(−½((d − preferred) / SCATTER)²) + ANYHOW."""
START_BELOW, START_BESIDE, MATCH_BESIDE = 48.0, 36.0, 24.0
"""Inches: the highest first hold, and how far aside a second start or finish may be."""
TWO_STARTS, TOPS_OUT_EARLY, TWO_FINISHES = 0.7, 0.5, 0.15
"""Chances: of a second start, of ending one row under the top, of trying a second finish."""
FEET_WANTED, CHIP_WEIGHT = (1, 8), 4.0
"""(fewest, most) feet wanted, uniform; how much likelier a chip is than a grip."""
MOST_HOLDS, FEWEST_HOLDS = 20, 6
"""The number of feet is cut so that holds are between these."""

_MOST_HANDS = 14
_AT_ONCE = 4096


def synthetic_board() -> Board:
    """150 placements: 110 grips on a 12-inch grid, and 40 chips between them for the feet."""
    grips = [(12.0 * c, 24.0 + 12.0 * r) for r in range(10) for c in range(1, 12)]
    chips = [(6.0 + 12.0 * c, y) for y in (8.0, 30.0, 54.0, 78.0) for c in range(1, 11)]
    names = [f"G{i + 1}" for i in range(len(grips))] + [f"C{i + 1}" for i in range(len(chips))]
    return Board(
        name="synthetic board",
        family="synthetic",
        ids=np.arange(1, len(names) + 1),
        xy=np.array(grips + chips),
        hold_set=np.repeat([0, 1], [len(grips), len(chips)]),
        hold_set_names=("grips", "chips"),
        hole_names=tuple(names),
        role_ids={Role.START: 1, Role.MIDDLE: 2, Role.FINISH: 3, Role.FOOT: 4},
        role_colors={
            Role.START: "#00DD00",
            Role.MIDDLE: "#00CCFF",
            Role.FINISH: "#FF00FF",
            Role.FOOT: "#FFA500",
        },
        angles=ANGLES,
        grades=GRADES,
        edges=(0.0, 144.0, 0.0, 144.0),
    )


def synthetic_climbs(n: int, seed: int) -> Climbs:
    """n climbs of the synthetic board, graded by `true_grade`; a function of n and seed."""
    board = synthetic_board()
    starts = range(0, n, _AT_ONCE)
    parts = [_draw(board, min(_AT_ONCE, n - i), np.random.default_rng([seed, i])) for i in starts]
    climbs = Climbs.concatenate(parts).ordered()
    return climbs.with_conditions(climbs.angle, true_grade(board, climbs))


def true_grade(board: Board, climbs: Climbs) -> np.ndarray:
    """(C,) int16 difficulty ids; a function of the set and the angle, whatever drew the climb.

    grade = round(10 + 0.35 (h̄ − 12) + 0.2 (h_max − 12) + 0.15 (angle − 20) − 0.4 min(feet, 6)), cut to
    the board's grades. The hop h of a hand hold is its distance in inches to the nearest hand hold that
    lies lower; holds without one have none.
    """
    hops, feet = np.full((len(climbs), 1), np.nan), np.zeros(len(climbs))
    mean, most = np.zeros(len(climbs)), np.zeros(len(climbs))
    for part in _parts(len(climbs)):
        xy, hand, foot = _padded(board, climbs[part])
        hops = _hops(xy, hand)
        known = np.isfinite(hops)
        mean[part] = np.where(known, hops, 0).sum(1) / known.sum(1).clip(min=1)
        most[part] = np.where(known, hops, 0).max(1, initial=0)
        feet[part] = foot.sum(1)
    grade = 10 + 0.35 * (mean - 12) + 0.2 * (most - 12) + 0.15 * (climbs.angle - 20) - 0.4 * feet.clip(max=6)
    return np.rint(grade).clip(board.grades[0], board.grades[-1]).astype(np.int16)


def true_legality(board: Board, climbs: Climbs) -> np.ndarray:
    """(C,) bool: legal by the board's rules and possible under the process.

    Every hand hold but those of the lowest row is within REACH of a lower one, finishes are as high as any
    other hand, and every foot lies under a hand.
    """
    fine = legal(board, climbs)
    for part in _parts(len(climbs)):
        piece = climbs[part]
        xy, hand, foot = _padded(board, piece)
        y = np.where(hand, xy[..., 1], np.nan)
        lowest, highest = _extremes(y)
        hops = _hops(xy, hand)
        in_reach = np.where(hand & (xy[..., 1] > lowest), hops <= REACH, True).all(1)
        roles = _pad(piece, piece.role)
        finish = hand & (roles == Role.FINISH)
        start = hand & (roles == Role.START)
        in_order = np.where(finish, xy[..., 1] == highest, True).all(1)
        in_order &= np.where(start, xy[..., 1] == lowest, True).all(1)
        apart = np.abs(xy[:, :, None] - xy[:, None])[..., 0]
        above = xy[:, None, :, 1] - xy[:, :, None, 1]
        under = (apart <= FOOT_ASIDE) & (FOOT_BELOW[0] <= above) & (above <= FOOT_BELOW[1]) & hand[:, None]
        supported = np.where(foot, under.any(2), True).all(1)
        fine[part] &= in_reach & in_order & supported
    return fine


def _draw(board: Board, n: int, rng: np.random.Generator) -> Climbs:
    """n climbs of the process, grown side by side: one step of this loop adds a hand to each."""
    grip = board.hold_set == 0
    x, y = board.xy.T
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    rise = y[None, :] - y[:, None]  # rise[a, b]: from a up to b
    top = y[grip].max()
    everyone = np.arange(n)
    preferred = rng.uniform(*PREFERRED, n)
    used = np.zeros((n, len(board)), dtype=bool)
    role = np.full((n, len(board)), -1, dtype=np.int8)

    def place(rows: np.ndarray, at: np.ndarray, what: Role) -> None:
        used[rows, at] = True
        role[rows, at] = what

    hand = _pick(np.broadcast_to(grip & (y <= START_BELOW), used.shape), rng)
    place(everyone, hand, Role.START)
    second = everyone[rng.random(n) < TWO_STARTS]
    beside = grip & (rise == 0) & (distance > 0) & (distance <= START_BESIDE)
    place(second, _pick(beside[hand[second]], rng), Role.START)

    climbing, before = everyone, hand.copy()
    for _ in range(_MOST_HANDS):
        here = before[climbing] = hand[climbing]
        weight = np.exp(-0.5 * ((distance[here] - preferred[climbing, None]) / SCATTER) ** 2) + ANYHOW
        hand[climbing] = _pick(weight * (grip & (rise > 0) & (distance <= REACH))[here], rng)
        height = y[hand[climbing]]
        done = (height == top) | ((height == top - 12) & (rng.random(len(climbing)) < TOPS_OUT_EARLY))
        place(climbing, hand[climbing], Role.MIDDLE)
        place(climbing[done], hand[climbing[done]], Role.FINISH)
        climbing = climbing[~done]
        if not len(climbing):
            break
    matched = everyone[rng.random(n) < TWO_FINISHES]
    near = grip & (rise == 0) & (distance > 0) & (distance <= MATCH_BESIDE)
    free = near[hand[matched]] & (distance <= REACH)[before[matched]]
    matched, free = matched[free.any(1)], free[free.any(1)]
    place(matched, _pick(free, rng), Role.FINISH)

    _add_feet(board, used, role, rng)
    owner, placement = np.nonzero(used)
    sizes = np.bincount(owner, minlength=n)
    angle = rng.choice(ANGLES, n)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Climbs(placement, role[owner, placement], offsets, angle, np.full(n, -1))


def _add_feet(board: Board, used: np.ndarray, role: np.ndarray, rng: np.random.Generator) -> None:
    """Put up to 8 feet under the hands of each climb, in place; chips are four times as likely as grips."""
    x, y = board.xy.T
    below = y[:, None] - y[None, :]  # below[hand, foot]
    under = (np.abs(x[:, None] - x) <= FOOT_ASIDE) & (below >= FOOT_BELOW[0]) & (below <= FOOT_BELOW[1])
    weight = np.where(board.hold_set == 1, CHIP_WEIGHT, 1.0)
    hands = used.sum(1)
    fewest, most = FEET_WANTED
    wanted = rng.integers(fewest, most + 1, len(used)).clip(FEWEST_HOLDS - hands, MOST_HOLDS - hands)
    fits = (used.astype(np.float32) @ under.astype(np.float32)) > 0
    for step in range(int(wanted.max(initial=0))):
        rows = np.flatnonzero(wanted > step)
        free = fits[rows] & ~used[rows]
        rows, free = rows[free.any(1)], free[free.any(1)]
        foot = _pick(free * weight, rng)
        used[rows, foot] = True
        role[rows, foot] = Role.FOOT


def _pick(weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B,) int64: one column a row, drawn in proportion to weight (B, V)."""
    cdf = np.cumsum(weight, axis=1, dtype=np.float64)
    target = (1 - rng.random(len(cdf))) * cdf[:, -1]  # in (0, total]: never an impossible column
    return (cdf < target[:, None]).sum(1)


def _parts(n: int) -> list[slice]:
    return [slice(i, min(i + _AT_ONCE, n)) for i in range(0, n, _AT_ONCE)]


def _pad(climbs: Climbs, values: np.ndarray) -> np.ndarray:
    sizes = climbs.sizes
    present = np.arange(max(1, sizes.max(initial=0))) < sizes[:, None]
    padded = np.full(present.shape, -1, dtype=np.int64)
    padded[present] = values
    return padded


def _padded(board: Board, climbs: Climbs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((C, L, 2) inches, (C, L) whether a hand hold, (C, L) whether a foot)."""
    placement, role = _pad(climbs, climbs.placement), _pad(climbs, climbs.role)
    return board.xy[placement], (placement >= 0) & (role != Role.FOOT), role == Role.FOOT


def _hops(xy: np.ndarray, hand: np.ndarray) -> np.ndarray:
    """(C, L): distance of each hand to the nearest lower hand; inf where there is none."""
    gap = np.hypot(*np.moveaxis(xy[:, :, None] - xy[:, None], -1, 0))
    lower = (xy[:, None, :, 1] < xy[:, :, None, 1]) & hand[:, None] & hand[:, :, None]
    return np.where(lower, gap, np.inf).min(2)


def _extremes(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((C, 1) lowest, (C, 1) highest) of y, where NaN means absent."""
    low = np.where(np.isnan(y), np.inf, y).min(1, keepdims=True)
    return low, np.where(np.isnan(y), -np.inf, y).max(1, keepdims=True)

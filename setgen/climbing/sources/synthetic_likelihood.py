"""The true probability of a synthetic climb, exact: what no model of the built-in board can beat.

The process of `synthetic` draws a preferred reach r, hands from the bottom up, and feet. A set S of holds
with roles hides r, which of two starts came first, which of two finishes was moved to, and the order of the
feet; all of these can be summed over:

    p(S) = p(feet | hands) · 1/24 ∫ dr Σ_start Σ_finish p(start) p(finish | …) Π_i p(hand_i → hand_(i+1) | r)

The integral is a Gauss–Legendre sum. Feet are drawn without replacement by two weights, so their orders
differ only by kind, and a table over (chips, grips) drawn sums them. The angle is drawn apart from S, and the
grade follows from both, so p(S | angle, grade) = p(S) / p(grade | angle), the latter counted in many climbs.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.roles import Role
from setgen.climbing.sources import synthetic as s

_NODES = 64


class SyntheticProcess:
    """The process of `synthetic_climbs`, by its probabilities."""

    def __init__(self, board: Board) -> None:
        grip, (x, y) = board.hold_set == 0, board.xy.T
        distance, rise = np.hypot(x[:, None] - x, y[:, None] - y), y[None, :] - y[:, None]
        node, weight = np.polynomial.legendre.leggauss(_NODES)
        low, high = s.PREFERRED
        preferred = low + (high - low) * (node + 1) / 2
        gap = (distance[..., None] - preferred) / s.SCATTER
        open_to = grip & (rise > 0) & (distance <= s.REACH)
        move = (np.exp(-0.5 * gap**2) + s.ANYHOW) * open_to[..., None]
        with np.errstate(invalid="ignore"):
            self.move = move / move.sum(1, keepdims=True)
        """(V, V, Q): p(a → b | r) at the nodes r."""
        self.reach = weight / 2
        self.first = grip & (y <= s.START_BELOW)
        level = grip & (rise == 0) & (distance > 0)
        self.beside, self.match = level & (distance <= s.START_BESIDE), level & (distance <= s.MATCH_BESIDE)
        self.near, self.y, self.top = distance <= s.REACH, y, y[grip].max()
        below = y[:, None] - y[None, :]
        self.under = (
            (np.abs(x[:, None] - x) <= s.FOOT_ASIDE) & (below >= s.FOOT_BELOW[0]) & (below <= s.FOOT_BELOW[1])
        )
        self.chip = board.hold_set == 1

    def log_p(self, climbs: Climbs) -> np.ndarray:
        """(C,) log p(S) in nats; −inf for a set that the process never draws."""
        found = np.full(len(climbs), -np.inf)
        for i in range(len(climbs)):
            held = slice(climbs.offsets[i], climbs.offsets[i + 1])
            placement, role = climbs.placement[held].astype(np.int64), climbs.role[held]
            p = self._hands(placement, role)
            if p > 0:
                p *= self._feet(placement[role != Role.FOOT], placement[role == Role.FOOT])
            if p > 0:
                found[i] = math.log(p)
        return found

    def _hands(self, placement: np.ndarray, role: np.ndarray) -> float:
        starts, finishes = placement[role == Role.START], placement[role == Role.FINISH]
        middles = placement[role == Role.MIDDLE]
        middles = middles[np.argsort(self.y[middles], kind="stable")]
        if not (1 <= len(starts) <= 2 and 1 <= len(finishes) <= 2):
            return 0.0
        going_on = np.prod([self._goes_on(m) for m in middles])
        total = 0.0
        for k, start in enumerate(starts):
            for j, finish in enumerate(finishes):
                path = [start, *middles, finish]
                of_moves = np.prod([self.move[a, b] for a, b in pairwise(path)], axis=0) @ self.reach
                chance = self._start(start, starts[1 - k] if len(starts) == 2 else None)
                chance *= self._finish(finish, finishes[1 - j] if len(finishes) == 2 else None, path[-2])
                total += chance * of_moves
        return float(total * going_on)

    def _start(self, first: int, second: int | None) -> float:
        p = self.first[first] / self.first.sum()
        if second is None:
            return p * (1 - s.TWO_STARTS)
        return p * s.TWO_STARTS * self.beside[first, second] / self.beside[first].sum()

    def _goes_on(self, hand: int) -> float:
        """Chance that a hand is not the last."""
        if self.y[hand] == self.top:
            return 0.0
        return 1 - s.TOPS_OUT_EARLY if self.y[hand] == self.top - 12 else 1.0

    def _finish(self, last: int, second: int | None, before: int) -> float:
        free = self.match[last] & self.near[before]
        p = 1 - self._goes_on(last)
        if second is None:
            return p * (1 - s.TWO_FINISHES * free.any())
        return p * s.TWO_FINISHES * free[second] / max(free.sum(), 1)

    def _feet(self, hands: np.ndarray, feet: np.ndarray) -> float:
        fits = self.under[hands].any(0)
        fits[hands] = False
        chips, grips, n = int(self.chip[feet].sum()), int((~self.chip[feet]).sum()), len(feet)
        fewest, most = s.FEET_WANTED
        wanted = np.arange(fewest, most + 1).clip(s.FEWEST_HOLDS - len(hands), s.MOST_HOLDS - len(hands))
        drawn = np.minimum(wanted, fits.sum())  # where nothing is left, no more feet are put
        if not fits[feet].all():
            return 0.0
        orders = math.factorial(chips) * math.factorial(grips)
        total = s.CHIP_WEIGHT * (fits & self.chip).sum() + (fits & ~self.chip).sum()
        return float((drawn == n).mean() * orders * _drawn_so(chips, grips, total))


def _drawn_so(chips: int, grips: int, total: float) -> float:
    """Σ over orders of kinds of Π weight / weight left, for so many named chips and grips of a pool."""
    table = np.zeros((chips + 1, grips + 1))
    table[0, 0] = 1.0
    for i in range(chips + 1):
        for j in range(grips + 1):
            left = total - s.CHIP_WEIGHT * i - j
            if i < chips:
                table[i + 1, j] += table[i, j] * s.CHIP_WEIGHT / left
            if j < grips:
                table[i, j + 1] += table[i, j] / left
    return float(table[chips, grips])


def true_bits(board: Board, climbs: Climbs, counted: Climbs) -> np.ndarray:
    """(C,) −log₂ p(S | angle, grade) of synthetic climbs; `counted`: climbs that tell p(grade | angle).

    With 100 pairs of angle and grade, N counted climbs make it 100 / (2 N ln 2) bits a climb too few or too
    many, in expectation.
    """
    pairs = counted.angle.astype(np.int64) * 1000 + counted.grade
    asked = climbs.angle.astype(np.int64) * 1000 + climbs.grade
    known, n = np.unique(pairs, return_counts=True)
    of_angle = {a: int((counted.angle == a).sum()) for a in np.unique(counted.angle)}
    at = np.searchsorted(known, asked).clip(max=len(known) - 1)
    seen = np.where(known[at] == asked, n[at], 1)
    log_grade = np.log(seen / np.array([max(1, of_angle.get(a, 1)) for a in climbs.angle]))
    return -(SyntheticProcess(board).log_p(climbs) - log_grade) / np.log(2)

"""An exported grader in NumPy: its inputs, and the grades that thresholds cut from the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.geometry import as_sets, geometry
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading.grading import Grading
from setgen.climbing.shape import SHAPE_FEATURES, shape_features
from setgen.runtime.networks import Network
from setgen.sets.padding import pad

_PAIRS_AT_ONCE = 50_000  # of holds of one climb: each has a vector of the network's width


@dataclass(frozen=True)
class TrainedAt:
    """angles: the lowest and the highest angle of the training climbs, UNKNOWN where none was known."""

    angles: tuple[int, int]


class ExportedGrader:
    """`grading.grader.Grader` without torch: `grade` gives the same grades."""

    def __init__(self, board: Board, settings: Mapping[str, Any], networks: Mapping[str, Network]) -> None:
        self.board, self.run = board, networks["grader"]
        low, high = settings["angles"]
        self.config = TrainedAt((low, high))
        self.grades = np.array(settings["grades"], dtype=np.int64)
        self.thresholds = np.array(settings["thresholds"])
        self.temperature = float(settings["temperature"])
        self.angle_mean, self.angle_deviation = map(float, settings["angle"])
        self.shape_mean, self.shape_deviation = (
            np.array(settings[k], dtype=np.float32) for k in ("shape_mean", "shape_deviation")
        )
        if len(self.shape_mean) != len(SHAPE_FEATURES):
            raise ValueError("its shape features are those of another version of setgen")

    def grade(self, climbs: Climbs, angle: int | None = None) -> Grading:
        """Grade each climb at its own angle (UNKNOWN: at any), or all of them at `angle` degrees."""
        if angle is not None:
            climbs = climbs.with_conditions(np.full(len(climbs), angle), climbs.grade)
        sets = as_sets(self.board, climbs)
        angles, shapes = self._angles(climbs), self._shapes(sets)
        order = np.argsort(sets.sizes, kind="stable")  # climbs of like size together: little padding
        length = np.maximum(sets.sizes[order], 1)
        parts, start = [], 0
        while start < len(order):
            fits = np.arange(1, len(order) - start + 1) * length[start:] ** 2 <= _PAIRS_AT_ONCE
            rows = order[start : start + max(1, int(fits.sum()))]
            padded = pad(self.board, sets[rows])
            holds = {"element": padded.element, "present": padded.present}
            parts.append(self.run(holds, {"angle": angles[rows], "shape": shapes[rows]}))
            start += len(rows)
        if not parts:
            return Grading(self.grades, np.empty((0, len(self.grades))), np.empty((0, 0), np.float32))
        back = np.argsort(order)
        difficulty, raw, features = (
            np.concatenate([part[name] for part in parts])[back]
            for name in ("difficulty", "raw_spread", "features")
        )
        spread = (np.logaddexp(0, raw.astype(np.float64)) + 0.05) * self.temperature
        return Grading(self.grades, self._probabilities(difficulty, spread), features)

    def _angles(self, climbs: Climbs) -> np.ndarray:
        """(C, 2) scaled angle and whether it is known; as `Grader.conditions`."""
        if self.angle_deviation <= 0:  # trained at one angle, so that it knows no other
            return np.tile(np.array([0, 1], dtype=np.float32), (len(climbs), 1))
        known = climbs.angle != UNKNOWN
        scaled = np.where(known, (climbs.angle - self.angle_mean) / self.angle_deviation, 0.0)
        return np.stack([scaled, known], 1).astype(np.float32)

    def _shapes(self, sets: Climbs) -> np.ndarray:
        """(C, F) standardised shape features; as `Grader.conditions`."""
        shape = shape_features(self.board, sets, geometry(self.board, sets)).astype(np.float32)
        return np.nan_to_num((shape - self.shape_mean) / self.shape_deviation).clip(-6, 6)

    def _probabilities(self, difficulty: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(C, G): differences of σ((θ_g − μ) / spread), with σ on the side where it is small."""
        z = (self.thresholds - difficulty[:, None]) / spread[:, None]
        end = np.full((len(z), 1), np.inf)
        high, low = np.concatenate([z, end], 1), np.concatenate([-end, z], 1)
        upper = low + high > 0  # σ(b) − σ(a) = σ(−a) − σ(−b): no difference of two numbers near 1
        first, second = np.where(upper, -low, high), np.where(upper, -high, low)
        p = np.exp(-np.logaddexp(0, -first)) - np.exp(-np.logaddexp(0, -second))
        return p / p.sum(1, keepdims=True)

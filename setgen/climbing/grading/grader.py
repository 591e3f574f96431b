"""Grader: how hard is a climb at an angle? A distribution over grades, and the features behind it.

The network gives each climb a difficulty μ and a spread s; grades are cut from the line by thresholds
θ_1 < θ_2 < … that are learned too:

    P(grade ≤ g | climb) = σ((θ_g − μ) / (s · t))

the cumulative-link model (McCullagh 1980) with a spread of its own for each climb. t is a temperature, fitted
on the validation climbs after training (Guo et al. 2017).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.geometry import as_sets, geometry
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading.grading import Grading
from setgen.climbing.grading.hold_graph import HoldGraphNetwork, HoldGraphs
from setgen.climbing.shape import SHAPE_FEATURES, shape_features
from setgen.errors import InputError
from setgen.generators.base import evaluating
from setgen.models.saved import WEIGHTS, load_network, save_network
from setgen.threads import one_thread

FORMAT = 1
_ROWS = 512  # climbs at once; fixed, so that no caller's batch size can change a digit
_FILES = ("grader.json", "board.json", WEIGHTS)


@dataclass(frozen=True)
class GraderConfig:
    """grades: the lowest and the highest difficulty id it can give. reach: inches between holds that are
    linked. angle: (mean, deviation) that angles are scaled by; deviation 0: it was trained at one angle.
    angles: the lowest and the highest angle it was trained at, UNKNOWN where none was known.
    width, depth, dropout: the network's. fingerprint: of what it was trained on."""

    grades: tuple[int, int]
    reach: float
    angle: tuple[float, float]
    angles: tuple[int, int] = (UNKNOWN, UNKNOWN)
    width: int = 48
    depth: int = 2
    dropout: float = 0.2
    fingerprint: str = ""


class Grader(nn.Module):
    """Grades climbs of one board. Rows are independent: neither batch nor order of holds matters."""

    shape_mean: Tensor
    shape_deviation: Tensor
    temperature: Tensor

    def __init__(self, board: Board, config: GraderConfig) -> None:
        super().__init__()
        self.board, self.config = board, config
        self.grades = np.arange(config.grades[0], config.grades[1] + 1)
        xy = torch.from_numpy(board.xy)
        self.near = (torch.cdist(xy, xy) <= config.reach).numpy()
        n_shape = len(SHAPE_FEATURES)
        self.network = HoldGraphNetwork(
            board, config.reach, config.width, config.depth, n_shape, config.dropout
        )
        self.to_difficulty = nn.Linear(config.width, 2)  # μ and the spread before softplus
        self.steps = nn.Parameter(torch.zeros(max(1, len(self.grades) - 2)))  # between thresholds
        self.first = nn.Parameter(torch.zeros(()))
        for name, value in (("shape_mean", 0.0), ("shape_deviation", 1.0)):
            self.register_buffer(name, torch.full((n_shape,), value))
        self.register_buffer("temperature", torch.ones(()))

    @property
    def thresholds(self) -> Tensor:
        """(G − 1,) θ, rising."""
        rises = softplus(self.steps[: len(self.grades) - 2] + 0.5413)  # softplus(0.5413) = 1
        return torch.cat([self.first[None], self.first + rises.cumsum(0)])[: len(self.grades) - 1]

    def forward(self, graphs: HoldGraphs, angle: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        """(B, G) log-probabilities and (B, D) features; arguments as `HoldGraphNetwork.forward`."""
        difficulty, spread, features = self.difficulty(graphs, angle, shape)
        return self.log_probabilities(difficulty, spread * self.temperature), features

    def difficulty(self, graphs: HoldGraphs, angle: Tensor, shape: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B,) μ, (B,) spread before calibration and (B, D) features."""
        features = self.network(graphs, angle, shape)
        difficulty, spread = self.to_difficulty(features).unbind(1)
        return difficulty, softplus(spread) + 0.05, features

    def log_probabilities(self, difficulty: Tensor, spread: Tensor) -> Tensor:
        """(B, G) of μ and spread, each (B,)."""
        z = (self.thresholds - difficulty[:, None]) / spread[:, None]
        # log(σ(b) − σ(a)) = log σ(b) + log σ(−a) + log(1 − e^(a − b)): no difference of near equals.
        end = torch.full_like(z[:, :1], torch.inf)
        high, low = torch.cat([z, end], 1), torch.cat([-end, z], 1)
        gap = torch.nn.functional.logsigmoid(high) + torch.nn.functional.logsigmoid(-low)
        return gap + torch.log1p(-(low - high).exp())

    def conditions(self, climbs: Climbs) -> tuple[Tensor, Tensor]:
        """(C, 2) scaled angles and (C, F) standardised shape features, as `forward` takes them."""
        sets = as_sets(self.board, climbs)
        shape = shape_features(self.board, sets, geometry(self.board, sets))
        dtype = self.shape_mean.dtype
        standard = (torch.from_numpy(shape).to(dtype) - self.shape_mean) / self.shape_deviation
        mean, deviation = self.config.angle
        if deviation > 0:
            known = torch.from_numpy(climbs.angle != UNKNOWN)
            scaled = torch.from_numpy((climbs.angle.astype(np.float64) - mean) / deviation)
        else:  # trained at one angle, so that it knows no other
            known, scaled = torch.ones(len(climbs), dtype=torch.bool), torch.zeros(len(climbs)).double()
        angle = torch.stack([scaled.where(known, 0.0), known.double()], 1).to(dtype)
        return angle, standard.nan_to_num(0.0).clamp(-6, 6)

    def inputs(self, climbs: Climbs) -> tuple[HoldGraphs, Tensor, Tensor]:
        """What `forward` takes, of climbs at their own angles; unknown and repeated holds are left out."""
        return HoldGraphs.of(as_sets(self.board, climbs), self.near), *self.conditions(climbs)

    @torch.no_grad()
    def judge(self, climbs: Climbs) -> tuple[Tensor, Tensor, Tensor]:
        """(C,) μ, (C,) spread before calibration and (C, D) features of C ≥ 1 climbs, so many at a time."""
        starts = range(0, len(climbs), _ROWS)
        with evaluating(self), one_thread():
            parts = [self.difficulty(*self.inputs(climbs[start : start + _ROWS])) for start in starts]
        difficulty, spread, features = (torch.cat(column) for column in zip(*parts, strict=True))
        return difficulty, spread, features

    @torch.no_grad()
    def grade(self, climbs: Climbs, angle: int | None = None) -> Grading:
        """Grade each climb at its own angle (UNKNOWN: at any), or all of them at `angle` degrees."""
        if len(climbs) == 0:
            width = self.config.width
            return Grading(self.grades, np.empty((0, len(self.grades))), np.empty((0, width), np.float32))
        if angle is not None:
            climbs = climbs.with_conditions(np.full(len(climbs), angle), climbs.grade)
        difficulty, spread, features = self.judge(climbs)
        p = self.log_probabilities(difficulty, spread * self.temperature).double().exp()
        return Grading(self.grades, (p / p.sum(1, keepdim=True)).numpy(), features.float().numpy())

    def save(self, folder: Path) -> None:
        """Write grader.json, board.json and weights.safetensors into `folder`, all or nothing. Raises InputError."""
        head = {"format": FORMAT, "config": asdict(self.config)}
        save_network(self, self.board, folder, _FILES[0], head)


def load_grader(folder: Path | str) -> Grader:
    """Load what `Grader.save` wrote. Raises InputError when the folder holds no grader, or a damaged one."""
    folder = Path(folder)
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} holds no grader: {', '.join(missing)} missing; make one with `setgen grader`"
        )

    def built(config: dict[str, Any]) -> Grader:
        lists = {name: tuple(config[name]) for name in ("grades", "angle", "angles")}
        return Grader(Board.load(folder / _FILES[1]), GraderConfig(**{**config, **lists}))

    return load_network(folder, _FILES[0], FORMAT, built)

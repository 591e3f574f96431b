"""Train a grader on a dataset's training climbs: so many steps, the best of its validations kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.geometry import as_sets, geometry
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading.grader import Grader, GraderConfig
from setgen.climbing.grading.hold_graph import HoldGraphs
from setgen.climbing.grading.label_noise import LabelNoise, fit_label_noise
from setgen.climbing.shape import shape_features
from setgen.errors import InputError
from setgen.metrics.features import item_matrix
from setgen.models.fitting import fit
from setgen.sets.identity import canonical_rows, fingerprints
from setgen.sets.splits import SPLITS
from setgen.threads import one_thread

VERSION = 2
"""Part of the fingerprint: raise it when training changes, so that no older grader is taken for a new one."""

FEWEST_CLIMBS, FEWEST_GRADES = 200, 3


@dataclass(frozen=True)
class Schedule:
    """How long and how hard to train. epochs: whatever the steps; most_steps: whatever the size of the data.

    hidden: share of holds left out of each training climb, so that the network leans on no single hold, and
    of angles, so that it can do without. judged: validation climbs at most that stopping and calibration ask.
    """

    batch_size: int = 128
    epochs: int = 30
    most_steps: int = 1200
    validations: int = 15
    learning_rate: float = 2e-3
    weight_decay: float = 0.5
    hidden: float = 0.2
    judged: int = 4096


def why_not(dataset: Dataset) -> str | None:
    """Why no grader can be trained on the dataset, in words; None where one can."""
    grades = dataset.part("train").grade
    known = grades[grades != UNKNOWN]
    if len(known) < FEWEST_CLIMBS:
        return f"{len(known)} training climbs have a grade; a grader takes at least {FEWEST_CLIMBS}"
    if len(np.unique(known)) < FEWEST_GRADES:
        found = len(np.unique(known))
        return f"the training climbs have {found} grades; a grader takes at least {FEWEST_GRADES}"
    return None


def fingerprint(dataset: Dataset, seed: int) -> str:
    """Hash of all that decides what `fit_grader` gives: board, climbs of train and valid, seed, version."""
    digest = hashlib.sha256(f"{VERSION} {seed} {Schedule()}".encode())
    board = dataset.board
    for array in (board.ids, board.xy, board.hold_set, board.role_allowed):
        digest.update(np.ascontiguousarray(array).tobytes())
    for part in ("train", "valid"):
        climbs, ascents = graded(dataset, part)
        for array in (climbs.placement, climbs.role, climbs.offsets, climbs.angle, climbs.grade):
            digest.update(array.tobytes())
        if "ascents" in dataset.columns:
            digest.update(ascents.tobytes())
    return digest.hexdigest()[:20]


def fit_grader(
    dataset: Dataset,
    seed: int = 0,
    schedule: Schedule | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Grader:
    """A grader trained on the graded training climbs, calibrated on the graded validation climbs.

    Where the dataset has ascents, a grade counts by what it is worth (`label_noise`), in both. The same dataset and
    seed give the same grader, to the last digit, on any number of threads. progress is called with (steps done,
    steps in all). Time and memory are bounded: of more climbs than the steps can show, a random part is used.
    Raises InputError when the climbs carry too few grades.
    """
    reason = why_not(dataset)
    if reason:
        raise InputError(f"no grader can be trained: {reason}")
    schedule = schedule or Schedule()
    train, ascents = _at_most(*graded(dataset, "train"), schedule.most_steps * schedule.batch_size, seed)
    valid, valid_ascents = _at_most(*graded(dataset, "valid"), schedule.judged, seed)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        grader = Grader(dataset.board, _config(dataset, train, seed))
        _standardise(grader, train)
        noise = grade_noise(grader, train, ascents)
        worth, valid_worth = (torch.from_numpy(noise.weight(n)).float() for n in (ascents, valid_ascents))
        judged = (valid, valid_worth) if len(valid) else (train, worth)
        _train(grader, (train, worth), judged, seed, schedule, progress)
        if len(valid):
            _calibrate(grader, valid, valid_worth)
    return grader.eval()


def graded(dataset: Dataset, part: str) -> tuple[Climbs, np.ndarray]:
    """The climbs that have a grade and holds, and the ascents of each (NaN where not known), in an order that
    does not depend on how the rows came."""
    rows = dataset.split == SPLITS.index(part)
    climbs = as_sets(dataset.board, dataset.climbs[rows])
    known = dataset.columns.get("ascents")
    ascents = np.full(len(climbs), np.nan) if known is None else known[rows].astype(np.float64)
    rows = np.flatnonzero((climbs.grade != UNKNOWN) & (climbs.sizes > 0))
    rows = rows[canonical_rows(climbs[rows], ascents[rows])]
    return climbs[rows], ascents[rows]


def _at_most(climbs: Climbs, ascents: np.ndarray, most: int, seed: int) -> tuple[Climbs, np.ndarray]:
    if len(climbs) <= most:
        return climbs, ascents
    rows = np.sort(np.random.default_rng(seed).permutation(len(climbs))[:most])
    return climbs[rows], ascents[rows]


def grade_noise(grader: Grader, climbs: Climbs, ascents: np.ndarray) -> LabelNoise:
    """What the grades of training climbs are worth, read by what the network is given: angle, shape, holds."""
    if np.isnan(ascents).all():
        return LabelNoise()
    angle, shape = (part.numpy() for part in grader.conditions(climbs))
    steep = angle[:, :1]
    holds = item_matrix(grader.board, climbs).toarray()
    features = np.column_stack([angle, steep**2, shape, shape * steep, holds / 2])
    return fit_label_noise(features, climbs.grade, ascents, fingerprints(grader.board, climbs))


def _config(dataset: Dataset, train: Climbs, seed: int) -> GraderConfig:
    hops = geometry(dataset.board, train).hops
    angles = train.angle[train.angle != UNKNOWN]
    return GraderConfig(
        grades=(int(train.grade.min()), int(train.grade.max())),
        reach=float(np.percentile(hops, 99)) if len(hops) else 1.0,
        angle=(float(angles.mean()), float(angles.std())) if len(angles) else (0.0, 0.0),
        angles=(int(angles.min()), int(angles.max())) if len(angles) else (UNKNOWN, UNKNOWN),
        fingerprint=fingerprint(dataset, seed),
    )


def _standardise(grader: Grader, train: Climbs) -> None:
    features = shape_features(grader.board, train, geometry(grader.board, train))
    known = ~np.isnan(features)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, features, 0).sum(0) / count
    deviation = np.sqrt(np.where(known, (features - mean) ** 2, 0).sum(0) / count)
    grader.shape_mean.copy_(torch.from_numpy(mean))
    grader.shape_deviation.copy_(torch.from_numpy(np.where(deviation > 1e-6, deviation, 1.0)))


def _train(
    grader: Grader,
    learnt: tuple[Climbs, Tensor],
    judged: tuple[Climbs, Tensor],
    seed: int,
    schedule: Schedule,
    progress: Callable[[int, int], None] | None,
) -> None:
    """learnt, judged: climbs, and (C,) what the grade of each is worth."""
    train, worth = learnt
    rng = np.random.default_rng(seed)
    batch = min(schedule.batch_size, len(train))
    steps = min(schedule.most_steps, max(1, schedule.epochs * (len(train) // batch)))
    _start_at_the_marginal(grader, train)
    (angles, shapes), targets = grader.conditions(train), _targets(grader, train)
    order: np.ndarray = np.empty(0, dtype=np.int64)

    def loss() -> Tensor:
        nonlocal order
        if len(order) < batch:
            order = rng.permutation(len(train))
        rows, order = order[:batch], order[batch:]
        graphs = HoldGraphs.of(_hide(train[rows], schedule.hidden, rng), grader.near)
        angle = angles[rows] * torch.from_numpy(rng.random((batch, 1)) >= schedule.hidden)
        log_p, _ = grader(graphs, angle, shapes[rows])
        return score(log_p, targets[rows], worth[rows])

    fit(
        grader,
        loss,
        lambda: _valid_score(grader, *judged),
        steps=steps,
        validations=schedule.validations,
        learning_rate=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
        progress=progress,
    )


def _start_at_the_marginal(grader: Grader, train: Climbs) -> None:
    """Thresholds that give every climb the training grades' own distribution at μ = 0, spread = 1."""
    counts = np.bincount(train.grade - grader.grades[0], minlength=len(grader.grades)) + 0.5
    below = np.cumsum(counts)[:-1] / counts.sum()
    theta = torch.from_numpy(np.log(below / (1 - below)))
    with torch.no_grad():
        grader.first.copy_(theta[0])
        if len(theta) > 1:
            grader.steps.copy_(torch.log(torch.expm1(theta.diff().clamp(min=1e-3))) - 0.5413)
        grader.to_difficulty.weight.mul_(0.1)
        grader.to_difficulty.bias.copy_(torch.tensor([0.0, 0.4738]))  # softplus(0.4738) + 0.05 = 1


def _hide(climbs: Climbs, share: float, rng: np.random.Generator) -> Climbs:
    """The climbs without a random share of their holds; every climb keeps one at least."""
    luck = rng.random(len(climbs.placement))
    keep = luck >= share
    keep[climbs.offsets[:-1]] |= np.bincount(climbs.owner[keep], minlength=len(climbs)) == 0
    sizes = np.bincount(climbs.owner[keep], minlength=len(climbs))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Climbs(climbs.placement[keep], climbs.role[keep], offsets, climbs.angle, climbs.grade)


def score(log_p: Tensor, target: Tensor, worth: Tensor | None = None) -> Tensor:
    """Mean log score plus ranked probability score, both proper; the second knows that grades are ordered.

    log_p: (B, G); target: (B,) index; worth: (B,) weights, about 1 on average; None: 1.
    RPS = Σ_g (P(grade ≤ g) − [target ≤ g])² (Epstein 1969).
    """
    log_score = -log_p.gather(1, target[:, None]).squeeze(1)
    passed = torch.arange(log_p.shape[1]) >= target[:, None]
    ranked = (log_p.exp().cumsum(1) - passed.to(log_p)).square().sum(1)
    each = log_score + ranked
    return (each if worth is None else each * worth).mean()


def _targets(grader: Grader, climbs: Climbs) -> Tensor:
    """(C,) index of each climb's grade; of grades beyond those trained on, the nearest."""
    return torch.from_numpy(climbs.grade - grader.grades[0]).long().clamp(0, len(grader.grades) - 1)


@torch.no_grad()
def _valid_score(grader: Grader, valid: Climbs, worth: Tensor) -> float:
    difficulty, spread, _ = grader.judge(valid)
    return float(score(grader.log_probabilities(difficulty, spread), _targets(grader, valid), worth))


@torch.no_grad()
def _calibrate(grader: Grader, valid: Climbs, worth: Tensor) -> None:
    """The temperature with the best log score on the validation climbs, of a fine grid.

    log t has a normal prior, deviation 0.3, so that a handful of validation climbs cannot run away with it.
    """
    difficulty, spread, _ = grader.judge(valid)
    target = _targets(grader, valid)[:, None]
    grid = np.exp(np.linspace(np.log(0.5), np.log(3.0), 61))
    costs = [
        float(
            -(grader.log_probabilities(difficulty, spread * t).gather(1, target)[:, 0] * worth).double().sum()
        )
        + (math.log(t) / 0.3) ** 2 / 2
        for t in grid
    ]
    grader.temperature.fill_(float(grid[int(np.argmin(costs))]))

"""How well climbs are graded: the graph network beside boosted trees and the median guess, on test climbs.

python -m experiments.grading data.path=DIR 'seeds=[0,1,2]'
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from omegaconf import DictConfig
from rich.console import Console
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.data import open_dataset
from experiments.hydra_main import experiment
from experiments.run_folder import new_run_folder, write_json
from experiments.runs import command_line
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.geometry import geometry
from setgen.climbing.grades import FIRST, LAST, UNKNOWN, V
from setgen.climbing.grading.fit import fit_grader, why_not
from setgen.climbing.grading.grader import Grading
from setgen.climbing.shape import shape_features
from setgen.errors import InputError
from setgen.figures import save_figure
from setgen.files import write_whole
from setgen.metrics.features import item_matrix
from setgen.sets.identity import as_sets, one_of_each
from setgen.sets.per_set import informative

_LEVELS = np.arange(1, 10) / 10
_V_NUMBER = np.array([int(V[g][1:]) for g in range(FIRST, LAST + 1)])


_SCALE = np.arange(FIRST, LAST + 1)


@dataclass(frozen=True)
class Judged:
    """(C,) absolute errors in difficulty ids, whether each guess is within one V grade, and the ranked
    probability score Σ_g (P(grade ≤ g) − [true ≤ g])² of its distribution (Epstein 1969)."""

    error: np.ndarray
    near: np.ndarray
    ranked: np.ndarray

    @classmethod
    def of(cls, guess: np.ndarray, probabilities: np.ndarray, grade: np.ndarray) -> Judged:
        """guess: (C,). probabilities: (C, G) over all grades."""
        guess = np.clip(np.rint(guess), FIRST, LAST).astype(int)
        apart = np.abs(_V_NUMBER[guess - FIRST] - _V_NUMBER[grade - FIRST])
        ranked = (probabilities.cumsum(1) - (grade[:, None] <= _SCALE)) ** 2
        return cls(np.abs(guess - grade).astype(float), apart <= 1, ranked.sum(1))


@experiment("grading")
def main(cfg: DictConfig) -> None:
    console = Console()
    dataset, where = open_dataset(cfg)
    reason = why_not(dataset)
    if reason or not cfg.seeds:
        raise InputError(reason or "give seeds=[…], at least one")
    test = one_each(dataset, "test")
    folder = new_run_folder(Path(cfg.runs) / "grading", where.name, where)
    rows: dict[str, list[Judged]] = {
        "median guess, by angle": [Judged.of(*median_guess(dataset, test), test.grade)]
    }
    rows["boosted trees"] = [Judged.of(*boosted(dataset, test, s), test.grade) for s in cfg.seeds]
    gradings, told_apart, seconds = [], [], []
    for seed in cfg.seeds:
        begun = time.perf_counter()
        with console.status(f"training the grader, seed {seed}"):
            grader = fit_grader(dataset, seed)
        seconds.append(time.perf_counter() - begun)
        calibrated = grader.grade(test)
        temperature = float(grader.temperature)
        told_apart.append(auc(grader.grade(one_each(dataset, "train")).features, calibrated.features))
        grader.temperature.fill_(1.0)
        gradings.append((calibrated, grader.grade(test), temperature))
    rows["graph network"] = [Judged.of(g.median, on_scale(g), test.grade) for g, _, _ in gradings]
    reliability(gradings[0][0], test.grade, folder / "reliability.svg")
    numbers = {name: summary(runs) for name, runs in rows.items()}
    off = {
        "calibrated": [calibration_error(after, test.grade) for after, _, _ in gradings],
        "before": [calibration_error(before, test.grade) for _, before, _ in gradings],
    }
    write_json(
        folder / "metrics.json",
        {"test climbs": len(test), "graders": numbers, "calibration error": off}
        | {"temperature": [t for _, _, t in gradings]}
        | {"AUC, training against test": told_apart, "training seconds": seconds},
    )
    text = markdown(dataset, len(test), numbers, off)
    text += f"\nTraining took {np.mean(seconds):.0f} s. In the learned features a logistic regression tells "
    text += "training climbs from test climbs with an AUC (0.5: not at all; ± standard error of an AUC of "
    text += f"0.5) of {', '.join(f'{a:.3f} ± {e:.3f}' for a, e in told_apart)} for seeds {list(cfg.seeds)}.\n"
    write_whole(folder / "report.md", text.encode())
    console.print(text, markup=False, soft_wrap=True)
    console.print(f"Report: {folder / 'report.md'}", soft_wrap=True)


def graded(dataset: Dataset, part: str) -> Climbs:
    climbs = dataset.part(part)
    return climbs[climbs.grade != UNKNOWN]


def one_each(dataset: Dataset, part: str) -> Climbs:
    """Graded climbs, one row of each hold set: errors over them may be taken for independent."""
    return one_of_each(dataset.board, graded(dataset, part), 0)


def on_scale(grading: Grading) -> np.ndarray:
    """(C, G) probabilities over all grades."""
    whole = np.zeros((len(grading), len(_SCALE)))
    whole[:, grading.grades - FIRST] = grading.probabilities
    return whole


def median_guess(dataset: Dataset, test: Climbs) -> tuple[np.ndarray, np.ndarray]:
    """The median, and all, of the training grades at the climb's angle; at every angle where that one has
    under 20 climbs."""
    train = graded(dataset, "train")

    def shares(grade: np.ndarray) -> np.ndarray:
        return np.bincount(grade - FIRST, minlength=len(_SCALE)) / len(grade)

    guess = np.full(len(test), np.median(train.grade))
    spread = np.tile(shares(train.grade), (len(test), 1))
    for angle in np.unique(test.angle):
        here = train.grade[train.angle == angle]
        if len(here) >= 20:
            guess[test.angle == angle], spread[test.angle == angle] = np.median(here), shares(here)
    return guess, spread


def boosted(dataset: Dataset, test: Climbs, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradient-boosted trees on shape features, angle and which holds are used; absolute error.

    As many rounds as are best on the validation climbs, on which the network stops too. Their distribution is
    the guess dressed with the errors on these climbs (Roulston & Smith 2003).
    """
    train, valid = graded(dataset, "train"), graded(dataset, "valid")
    known = informative(shape_of(dataset.board, train))

    def columns(climbs: Climbs) -> np.ndarray:
        board, sets = dataset.board, as_sets(dataset.board, climbs)
        return np.column_stack(
            [shape_of(board, sets)[:, known], climbs.angle, item_matrix(board, sets).toarray()]
        )

    trees = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=400, learning_rate=0.05, early_stopping=False, random_state=seed
    ).fit(columns(train), train.grade)
    judged = valid if len(valid) else train
    errors = [judged.grade - read for read in trees.staged_predict(columns(judged))]
    best = int(np.argmin([np.abs(error).mean() for error in errors]))
    guess = next(islice(trees.staged_predict(columns(test)), best, None))
    dressed = np.clip(np.rint(guess[:, None] + errors[best]), FIRST, LAST).astype(int)
    return guess, np.stack([(dressed == grade).mean(1) for grade in _SCALE], axis=1)


def shape_of(board: Board, climbs: Climbs) -> np.ndarray:
    """(C, F) shape features."""
    return shape_features(board, as_sets(board, climbs), geometry(board, climbs))


def auc(train: np.ndarray, test: np.ndarray) -> tuple[float, float]:
    """How well a logistic regression, cross-validated, tells features of training climbs from test climbs',
    as many of each; and the standard error of the AUC where they are alike (Hanley & McNeil 1982, with twice
    the variance, for folds lend each other their judges: see `metrics.two_sample`)."""
    rng, n = np.random.default_rng(0), min(len(train), len(test))
    both = np.concatenate([rng.permutation(part)[:n] for part in (train, test)])
    label = np.repeat([0, 1], n)
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = cross_val_predict(judge, both, label, cv=folds, method="decision_function")
    return float(roc_auc_score(label, found)), float(np.sqrt(2 * (2 * n + 1) / (12 * n * n)))


def summary(runs: list[Judged]) -> dict[str, tuple[float, float, float]]:
    """Metric → mean over seeds, its standard error over test climbs, and its standard error over seeds."""

    def over(values: np.ndarray) -> tuple[float, float, float]:
        climbs, seeds = values.mean(0), values.mean(1)
        among = seeds.std(ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else 0.0
        return float(values.mean()), float(climbs.std(ddof=1) / np.sqrt(len(climbs))), float(among)

    return {
        "mean absolute error": over(np.array([r.error for r in runs])),
        "within one V grade": over(np.array([r.near for r in runs], dtype=float)),
        "ranked probability score": over(np.array([r.ranked for r in runs])),
    }


def observed(grading: Grading, grade: np.ndarray) -> np.ndarray:
    """Share of climbs whose grade lies below each predicted quantile level, ties spread evenly."""
    index = np.clip(grade - grading.grades[0], 0, len(grading.grades) - 1)
    rows = np.arange(len(grade))
    high = np.cumsum(grading.probabilities, 1)[rows, index]
    low = high - grading.probabilities[rows, index]
    return np.array([np.clip((q - low) / np.maximum(high - low, 1e-12), 0, 1).mean() for q in _LEVELS])


def calibration_error(grading: Grading, grade: np.ndarray) -> float:
    """Mean over the deciles q of |share of climbs at or below the predicted q-quantile − q|."""
    return float(np.abs(observed(grading, grade) - _LEVELS).mean())


def reliability(grading: Grading, grade: np.ndarray, path: Path) -> None:
    """Left: predicted quantiles against what is observed. Right: how sure it was against how often right."""
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], color="#888888", linestyle="--", linewidth=1)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
    left.plot(_LEVELS, observed(grading, grade), marker="o", color="#1f4e79")
    left.set_xlabel("predicted quantile")
    left.set_ylabel("share of test climbs at or below it")
    near = np.abs(grading.grades - grading.median[:, None]) <= 1
    sure = (near * grading.probabilities).sum(1)
    right_ones = np.abs(grading.median - grade) <= 1
    for part in np.array_split(np.argsort(sure, kind="stable"), 8):
        right.plot(sure[part].mean(), right_ones[part].mean(), marker="o", color="#1f4e79")
    right.set_xlabel("predicted: within one grade id")
    right.set_ylabel("observed: within one grade id")
    save_figure(figure, path)


def markdown(
    dataset: Dataset,
    n: int,
    numbers: dict[str, dict[str, tuple[float, float, float]]],
    off: dict[str, list[float]],
) -> str:
    lines = [
        f"# Grading climbs: {dataset.card['title']}",
        "",
        f"{n} test climbs, one of each hold set, none of which was trained on. ± are the standard errors "
        "over test climbs and over seeds.",
        "",
        "```bash",
        command_line("grading", sys.argv[1:]),
        "```",
        "",
        "| grader | mean absolute error, difficulty ids | within one V grade | ranked probability score |",
        "| --- | --: | --: | --: |",
    ]
    for name, found in numbers.items():
        error, near, ranked = found.values()
        lines.append(
            f"| {name} | {error[0]:.3f} ± {error[1]:.3f} ± {error[2]:.3f} "
            f"| {near[0]:.1%} ± {near[1]:.1%} ± {near[2]:.1%} "
            f"| {ranked[0]:.3f} ± {ranked[1]:.3f} ± {ranked[2]:.3f} |"
        )
    lines += [
        "",
        "Calibration error of the graph network (mean over deciles): "
        f"{np.mean(off['calibrated']):.3f}, before calibration {np.mean(off['before']):.3f}.",
        "",
        "![Reliability](reliability.svg)",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

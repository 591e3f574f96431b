"""How well climbs are graded: the graph network beside boosted trees and the median guess, on test climbs.

python -m experiments.grading data.path=DIR 'seeds=[0,1,2]'
python -m experiments.grading resume=FOLDER                  # go on where it was interrupted
"""

from __future__ import annotations

import io
import time
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

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

from experiments.hydra_main import experiment
from experiments.run_folder import begun, note_numbers, noted_commands, noted_numbers, write_json
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.geometry import geometry
from setgen.climbing.grades import FIRST, LAST, V
from setgen.climbing.grading.fit import fit_grader, grade_noise, graded, why_not
from setgen.climbing.grading.grader import Grader, Grading, load_grader
from setgen.climbing.grading.label_noise import LabelNoise
from setgen.climbing.shape import shape_features
from setgen.errors import InputError, one_line
from setgen.figures import save_figure
from setgen.files import write_whole
from setgen.metrics.features import item_matrix
from setgen.sets.identity import as_sets, fingerprints, one_of_each
from setgen.sets.per_set import informative

_LEVELS = np.arange(1, 10) / 10
_V_NUMBER = np.array([int(V[g][1:]) for g in range(FIRST, LAST + 1)])
_SCALE = np.arange(FIRST, LAST + 1)

_ASCENTS = ((1, 1), (2, 2), (3, 9), (10, 99), (100, None), (3, None), (10, None))
"""Fewest and most ascents of the rows that are judged apart; None: no end."""


@dataclass(frozen=True)
class Judged:
    """What C rows are judged by: (C,) each.

    error: absolute, in difficulty ids. near: whether the guess is within one V grade. ranked: probability score
    Σ_g (P(grade ≤ g) − [true ≤ g])² of the distribution (Epstein 1969). squared: error of the expected grade, in
    squared ids. v_error: absolute, in V grades.
    """

    error: np.ndarray
    near: np.ndarray
    ranked: np.ndarray
    squared: np.ndarray
    v_error: np.ndarray

    @classmethod
    def of(cls, guess: np.ndarray, probabilities: np.ndarray, grade: np.ndarray) -> Judged:
        """guess: (C,), rounded here. probabilities: (C, G) over all grades."""
        guess = np.clip(np.rint(guess), FIRST, LAST).astype(int)
        apart = np.abs(_V_NUMBER[guess - FIRST] - _V_NUMBER[grade - FIRST])
        ranked = (probabilities.cumsum(1) - (grade[:, None] <= _SCALE)) ** 2
        squared = (probabilities @ _SCALE - grade) ** 2
        return cls(
            np.abs(guess - grade).astype(float), apart <= 1, ranked.sum(1), squared, apart.astype(float)
        )

    def rows(self, which: np.ndarray) -> Judged:
        return Judged(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class Rows:
    """Test rows: climbs, the ascents of each (NaN: not known) and which rows are one hold set, (C,) each."""

    climbs: Climbs
    ascents: np.ndarray
    hold_set: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, part: str) -> Rows:
        climbs, ascents = graded(dataset, part)
        return cls(climbs, ascents, fingerprints(dataset.board, climbs))

    def with_ascents(self, low: int, high: int | None) -> np.ndarray:
        """(C,) bool."""
        return (self.ascents >= low) & (self.ascents <= (np.inf if high is None else high))


@experiment("grading")
def main(cfg: DictConfig) -> None:
    with begun(cfg, "grading", check) as (cfg, dataset, _, folder):
        compare(cfg, dataset, folder, Console())


def check(cfg: DictConfig, dataset: Dataset) -> None:
    """Raise InputError before anything is trained when there is nothing to train or to train on."""
    reason = why_not(dataset)
    if reason or not cfg.seeds:
        raise InputError(reason or "give seeds=[…], at least one")


def compare(cfg: DictConfig, dataset: Dataset, folder: Path, console: Console) -> None:
    """Train the graders that are missing, judge all, and leave the report in the folder."""
    console.print(f"[bold]Grading[/] climbs of {dataset.card['title']}: {folder}", soft_wrap=True)
    rows = Rows.of(dataset, "test")
    test, has_ascents = rows.climbs, bool((~np.isnan(rows.ascents)).any())
    alone = one_of_each(dataset.board, test, 0)
    learnt = one_of_each(dataset.board, graded(dataset, "train")[0], 0)
    gradings, plain, told_apart, seconds, noise = [], [], [], [], LabelNoise()
    for seed in cfg.seeds:
        with console.status(f"training the grader, seed {seed}"):
            grader, took = trained(dataset, seed, folder / "graders" / f"seed{seed}")
        seconds.append(took)
        noise = grade_noise(grader, *graded(dataset, "train"))
        calibrated, temperature = grader.grade(test), float(grader.temperature)
        told_apart.append(auc(grader.grade(learnt).features, grader.grade(alone).features))
        grader.temperature.fill_(1.0)
        gradings.append((calibrated, grader.grade(test), temperature))
        if has_ascents:
            alike = replace(dataset, columns={})
            plain.append(trained(alike, seed, folder / "graders" / f"alike-seed{seed}")[0].grade(test))
    judged = {
        "median guess, by angle": [Judged.of(*median_guess(dataset, test), test.grade)],
        "boosted trees": [Judged.of(*grown(dataset, test, noise, folder / "trees.npz"), test.grade)],
        "graph network, every grade alike": [Judged.of(g.median, on_scale(g), test.grade) for g in plain],
        "graph network": [Judged.of(g.median, on_scale(g), test.grade) for g, _, _ in gradings],
    }
    judged = {name: runs for name, runs in judged.items() if runs}
    reliability(gradings[0][0], test.grade, folder / "reliability.svg")
    numbers = {name: summary(runs, test.grade, rows.hold_set) for name, runs in judged.items()}
    off = {
        "calibrated": [calibration_error(after, test.grade) for after, _, _ in gradings],
        "before": [calibration_error(before, test.grade) for _, before, _ in gradings],
    }
    covered = np.mean([inside(g, test.grade) for g, _, _ in gradings], 0)
    by_ascents = {}
    for low, high in _ASCENTS if has_ascents else ():
        which = rows.with_ascents(low, high)
        if len(np.unique(rows.hold_set[which])) >= 2:
            grade, groups = test.grade[which], rows.hold_set[which]
            found = {
                name: summary([run.rows(which) for run in runs], grade, groups)
                for name, runs in judged.items()
            }
            by_ascents[span(low, high)] = {
                "rows": int(which.sum()),
                "hold sets": len(np.unique(groups)),
                "in the 80 % interval": float(covered[which].mean()),
                "graders": found,
            }
    write_json(
        folder / "metrics.json",
        {"test rows": len(test), "hold sets": len(alone), "graders": numbers, "calibration error": off}
        | {"variance of a grade": asdict(noise), "by ascents": by_ascents}
        | {"in the 80 % interval": float(covered.mean()), "temperature": [t for _, _, t in gradings]}
        | {"AUC, training against test": told_apart, "training seconds": seconds},
    )
    text = markdown(
        dataset, (len(test), len(alone)), numbers, off, float(covered.mean()), noted_commands(folder)
    )
    text += ascents_table(by_ascents, noise) if by_ascents else ""
    text += f"\nTraining took {np.mean(seconds):.0f} s. In the learned features a logistic regression tells "
    text += "training climbs from test climbs with an AUC (0.5: not at all; ± standard error of an AUC of "
    text += f"0.5) of {', '.join(f'{a:.3f} ± {e:.3f}' for a, e in told_apart)} for seeds {list(cfg.seeds)}.\n"
    write_whole(folder / "report.md", text.encode())
    console.print(text, markup=False, soft_wrap=True)
    console.print(f"Report: {folder / 'report.md'}", soft_wrap=True)


def trained(dataset: Dataset, seed: int, where: Path) -> tuple[Grader, float]:
    """The grader of that seed and the seconds that its training took, read where that is done.

    The note of the seconds comes last: a grader without one is trained again.
    """
    if noted := noted_numbers(where, "seconds"):
        return load_grader(where), noted[0]
    began = time.perf_counter()
    grader = fit_grader(dataset, seed)
    seconds = time.perf_counter() - began
    grader.save(where)
    note_numbers(where, seconds=seconds)
    return grader, seconds


def grown(dataset: Dataset, test: Climbs, noise: LabelNoise, where: Path) -> tuple[np.ndarray, np.ndarray]:
    """What `boosted` gives, read where it is there."""
    if not where.is_file():
        buffer = io.BytesIO()
        np.savez_compressed(buffer, *boosted(dataset, test, noise))
        write_whole(where, buffer.getbuffer())
    try:
        with np.load(where) as found:
            return found["arr_0"], found["arr_1"]
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{where} is damaged: delete it ({one_line(str(error))})") from None


def span(low: int, high: int | None) -> str:
    return f"≥ {low}" if high is None else str(low) if low == high else f"{low}–{high}"


def inside(grading: Grading, grade: np.ndarray) -> np.ndarray:
    """(C,) bool: the grade lies in the 80 % interval."""
    lowest, highest = grading.interval()
    return (lowest <= grade) & (grade <= highest)


def on_scale(grading: Grading) -> np.ndarray:
    """(C, G) probabilities over all grades."""
    whole = np.zeros((len(grading), len(_SCALE)))
    whole[:, grading.grades - FIRST] = grading.probabilities
    return whole


def median_guess(dataset: Dataset, test: Climbs) -> tuple[np.ndarray, np.ndarray]:
    """The median, and all, of the training grades at the climb's angle; at every angle where that one has
    under 20 climbs."""
    train, _ = graded(dataset, "train")

    def shares(grade: np.ndarray) -> np.ndarray:
        return np.bincount(grade - FIRST, minlength=len(_SCALE)) / len(grade)

    guess = np.full(len(test), np.median(train.grade))
    spread = np.tile(shares(train.grade), (len(test), 1))
    for angle in np.unique(test.angle):
        here = train.grade[train.angle == angle]
        if len(here) >= 20:
            guess[test.angle == angle], spread[test.angle == angle] = np.median(here), shares(here)
    return guess, spread


def boosted(dataset: Dataset, test: Climbs, noise: LabelNoise) -> tuple[np.ndarray, np.ndarray]:
    """Gradient-boosted trees on shape features, angle and which holds are used; absolute error, grades weighed
    as the network weighs them. Nothing in them is drawn at random: one fit says what any seed would.

    As many rounds as are best on the validation climbs, on which the network stops too. Their distribution is
    the guess dressed with the errors on these climbs (Roulston & Smith 2003).
    """
    (train, ascents), (valid, valid_ascents) = graded(dataset, "train"), graded(dataset, "valid")
    known = informative(shape_of(dataset.board, train))

    def columns(climbs: Climbs) -> np.ndarray:
        board, sets = dataset.board, as_sets(dataset.board, climbs)
        return np.column_stack(
            [shape_of(board, sets)[:, known], climbs.angle, item_matrix(board, sets).toarray()]
        )

    trees = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=400, learning_rate=0.05, early_stopping=False, random_state=0
    ).fit(columns(train), train.grade, sample_weight=noise.weight(ascents))
    judged, worth = (valid, noise.weight(valid_ascents)) if len(valid) else (train, noise.weight(ascents))
    errors = [judged.grade - read for read in trees.staged_predict(columns(judged))]
    best = int(np.argmin([(worth * np.abs(error)).mean() for error in errors]))
    guess = next(islice(trees.staged_predict(columns(test)), best, None))
    dressed = np.clip(np.rint(guess[:, None] + errors[best]), FIRST, LAST).astype(int)
    share = worth / worth.sum()
    return guess, np.stack([(dressed == grade) @ share for grade in _SCALE], axis=1)


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


def summary(
    runs: list[Judged], grade: np.ndarray, hold_set: np.ndarray
) -> dict[str, tuple[float, float, float]]:
    """Metric → mean over seeds, its standard error over hold sets, and its standard error over seeds.

    grade, hold_set: (C,) of the rows. Rows of one hold set stand or fall together: they count as one draw.
    """

    def over(values: list[np.ndarray]) -> tuple[float, float, float]:
        rows, seeds = np.mean(values, 0), np.mean(values, 1)
        return float(rows.mean()), cluster_error(rows - rows.mean(), hold_set), among(seeds)

    # 1 − Σ r / Σ t is a ratio of means: its linear part per row is −(r − ratio · t) / mean t.
    spread = (grade - grade.mean()) ** 2
    left = [run.squared / spread.mean() for run in runs]
    rows = np.mean(left, 0)
    pull = rows - rows.mean() * spread / spread.mean()
    return {
        "mean absolute error": over([r.error for r in runs]),
        "within one V grade": over([r.near.astype(float) for r in runs]),
        "R²": (1 - float(rows.mean()), cluster_error(pull, hold_set), among(np.mean(left, 1))),
        "ranked probability score": over([r.ranked for r in runs]),
        "error in V grades": over([r.v_error for r in runs]),
    }


def among(seeds: np.ndarray) -> float:
    """Standard error of the mean over seeds; 0 for a single one."""
    return float(seeds.std(ddof=1) / np.sqrt(len(seeds))) if len(seeds) > 1 else 0.0


def cluster_error(pull: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of a mean over rows of which those of one group (C,) are one draw (Liang & Zeger 1986).

    pull: (C,) how far each row pulls the mean, 0 on average.
    """
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], pull)
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(pull))


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
    n: tuple[int, int],
    numbers: dict[str, dict[str, tuple[float, float, float]]],
    off: dict[str, list[float]],
    covered: float,
    commands: str,
) -> str:
    lines = [
        f"# Grading climbs: {dataset.card['title']}",
        "",
        f"{n[0]} test rows (a climb at an angle) of {n[1]} hold sets, none of which was trained on. ± are the "
        "standard errors over hold sets and over seeds.",
        "",
        "```bash",
        commands,
        "```",
        "",
        "| grader | mean absolute error, difficulty ids | within one V grade | R² | ranked probability score "
        "| error in V grades |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, found in numbers.items():
        error, near, explained, ranked, v_error = found.values()
        cells = [shown(error), shown(near, ".1%"), *(shown(one) for one in (explained, ranked, v_error))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "Calibration error of the graph network (mean over deciles): "
        f"{np.mean(off['calibrated']):.3f}, before calibration {np.mean(off['before']):.3f}. "
        f"{covered:.1%} of the grades lie in its 80 % interval.",
        "",
        "![Reliability](reliability.svg)",
    ]
    return "\n".join(lines) + "\n"


def ascents_table(by_ascents: dict[str, Any], noise: LabelNoise) -> str:
    lines = [
        "",
        "By the number of ascents behind a grade, whose variance around what can be read was fitted as "
        f"{noise.seen:.2f} + {noise.one:.2f} / ascents (training climbs, squared ids); ± over hold sets.",
        "",
        "| ascents | rows | hold sets | grader | mean absolute error | within one V grade | R² "
        "| error in V grades | in the 80 % interval |",
        "| --- | --: | --: | --- | --: | --: | --: | --: | --: |",
    ]
    for ascents, found in by_ascents.items():
        for name, numbers in found["graders"].items():
            error, near, explained, _, v_error = (one[:2] for one in numbers.values())
            cells = [shown(error), shown(near, ".1%"), shown(explained), shown(v_error)]
            own = f"{found['in the 80 % interval']:.1%}" if name == "graph network" else ""
            lines.append(
                f"| {ascents} | {found['rows']} | {found['hold sets']} | {name} | {' | '.join(cells)} | {own} |"
            )
    return "\n".join(lines) + "\n"


def shown(found: tuple[float, ...], form: str = ".3f") -> str:
    """A value and its standard errors."""
    return " ± ".join(format(one, form) for one in found)


if __name__ == "__main__":
    main()

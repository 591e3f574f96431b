"""The page of a sweep: trials, best so far, which options matter, time spent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import jinja2
import optuna
from omegaconf import DictConfig
from optuna.trial import FrozenTrial, TrialState

from experiments.tuning.trials import DONE, Tuned
from setgen.files import write_whole

_TEMPLATES = Path(__file__).parent / "templates"
_FOR_IMPORTANCES = 8  # finished trials; with fewer, the answer is noise
_STATES = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "stopped early", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Told:
    """What the report says of one model; rows: a trial each, cells as text."""

    label: str
    first: str
    best: str
    finished: int
    pruned: int
    failed: int
    time: str
    found: str
    importances: dict[str, float]
    options: list[str]
    rows: list[list[str]]


def write_sweep_report(folder: Path, models: list[Tuned], cfg: DictConfig, title: str, command: str) -> Path:
    """Write report.md and return it."""
    told = {
        "title": title,
        "command": command,
        "cfg": cfg,
        "each": f"{cfg.budget.steps} steps" if cfg.budget.steps else f"{60 * cfg.budget.minutes:g} s",
        "models": [_told(tuned) for tuned in models],
        "progress": _progress(models),
    }
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    ).get_template("sweep.md.jinja")
    page = folder / "report.md"
    write_whole(page, template.render(**told).encode())
    return page


def importances(study: optuna.Study) -> dict[str, float]:
    """Option → its share in the variance of the values; empty where trials are too few to say."""
    finished = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len(finished) < _FOR_IMPORTANCES or len({trial.value for trial in finished}) == 1:
        return {}
    fanova = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=fanova)
    return (
        {_short(key): share for key, share in found.items()}
        if all(map(math.isfinite, found.values()))
        else {}
    )


def best_so_far(tuned: Tuned) -> list[float]:
    """After each trial, the fewest bits per hold that a finished trial had; NaN before the first."""
    least, found = math.inf, []
    for trial in tuned.study.get_trials(deepcopy=False, states=DONE):
        if trial.state is TrialState.COMPLETE and trial.value is not None:
            least = min(least, trial.value)
        found.append(least if math.isfinite(least) else math.nan)
    return found


def _told(tuned: Tuned) -> Told:
    trials = [t for t in tuned.study.get_trials(deepcopy=False) if t.state in _STATES]
    best, count = tuned.best, [t.state for t in trials].count
    seconds = sum(t.user_attrs.get("seconds", 0.0) for t in trials)
    return Told(
        label=tuned.label,
        first=_bits(next((t.value for t in trials if t.state is TrialState.COMPLETE), None)),
        best=_bits(best.value if best else None),
        finished=count(TrialState.COMPLETE),
        pruned=count(TrialState.PRUNED),
        failed=count(TrialState.FAIL),
        time=f"{seconds / 60:.1f} min",
        found=f"{tuned.label}.yaml" if best else "none",
        importances=importances(tuned.study),
        options=[_short(option.key) for option in tuned.space],
        rows=[_row(trial, tuned) for trial in trials],
    )


def _row(trial: FrozenTrial, tuned: Tuned) -> list[str]:
    values = [trial.params.get(option.key, "") for option in tuned.space]
    state = _STATES[trial.state]
    if trial.state is TrialState.PRUNED and "share" in trial.user_attrs:
        state = f"stopped at {trial.user_attrs['share']:.0%}"
    return [
        str(trial.number),
        _bits(trial.value if trial.state is TrialState.COMPLETE else None),
        state,
        f"{trial.user_attrs.get('seconds', 0.0):.0f}",
        *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values),
    ]


def _progress(models: list[Tuned]) -> list[list[str]]:
    """Best so far of each model after 1, 2, 5, 10, 20 … trials and at the end."""
    lines = [best_so_far(tuned) for tuned in models]
    longest = max(map(len, lines), default=0)
    marks = sorted({m for m in (1, 2, 5, 10, 20, 50, 100, 200, 500) if m < longest} | {longest})
    return [
        [str(mark), *(_bits(line[mark - 1] if len(line) >= mark else None) for line in lines)]
        for mark in marks
        if mark
    ]


def _bits(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _short(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")

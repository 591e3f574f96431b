"""The sentences at the top of the report, made from its numbers: who needs the fewest
bits, how sure that is, how far from real its sets are, and what it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.report.content import KINDS, Report
from experiments.report.tables import NEAR, differences, models, number
from setgen.cli.verdict import verdict


def summary(report: Report, cells: pd.DataFrame) -> list[str]:
    """A few sentences, plain text. cells: see `tables.cells`."""
    words, lines = report.reference.words, []
    own = cells[cells.index.get_level_values("metric") == report.primary]
    bits = own.droplevel("metric")["value"].dropna()
    impossible, ranked = list(bits[np.isinf(bits)].index), bits[np.isfinite(bits)].sort_values()
    if ranked.empty:
        lines.append(f"No model has a likelihood on the test {words['sets']}: none can be named best by it.")
    else:
        lines.append(_first(report, ranked))
    for rival in _rivals(report, list(ranked.index)):
        lines.append(_against(report, str(ranked.index[0]), rival))
    if not ranked.empty:
        lines.extend(_worth(report, str(ranked.index[0])))
    if impossible:
        verb = "gives" if len(impossible) == 1 else "give"
        lines.append(
            f"{_listed(impossible)} {verb} some test {words['sets']} probability 0: infinitely many bits."
        )
    once = [label for label, runs in report.runs.items() if runs[0].facts.n_parameters and len(runs) == 1]
    if once:
        verb = "was" if len(once) == 1 else "were"
        lines.append(
            f"{_listed(once)} {verb} trained with one seed: how much a second training would differ is not known."
        )
    if report.synthetic:
        lines.append(f"The {words['sets']} are synthetic: nothing here is about real {words['sets']}.")
    return lines


def _first(report: Report, ranked: pd.Series) -> str:
    best, seeds = str(ranked.index[0]), len(report.runs[str(ranked.index[0])])
    over = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    if len(ranked) == 1:
        return f"{best} is the only model with a likelihood: {number(ranked.iloc[0], 4)} ({over})."
    return (
        f"{best} ({_kind(report, best)}) needs the fewest {report.primary} on the test "
        f"{report.reference.words['sets']}: {number(ranked.iloc[0], 4)} ({over})."
    )


def _worth(report: Report, best: str) -> list[str]:
    """How far from real sets the best model's are, and what it costs."""
    runs, words = report.runs[best], report.reference.words
    said = verdict(runs[0].evaluation.table(), words["sets"])[:3]
    lines = [f"The {words['sets']} of {best}: {' '.join(said)}"] if said else []
    cost = models(report)[["parameters", "seconds", "speed"]].astype(float)
    parameters, seconds, speed = (float(value) for value in cost.loc[best].to_numpy())
    parts = [f"{parameters:,.0f} parameters" if parameters else "no parameters"]
    if seconds > 0:
        parts.append(f"trained for {number(seconds)} s")
    if np.isfinite(speed):
        parts.append(f"draws {number(speed)} {words['sets']} a second")
    return [*lines, f"Its cost: {', '.join(parts)}."]


def _rivals(report: Report, ranked: list[str]) -> list[str]:
    """The second, and the best of another kind."""
    others = [label for label in ranked[1:] if _kind(report, label) != _kind(report, ranked[0])]
    return list(dict.fromkeys([*ranked[1:2], *others[:1]]))


def _against(report: Report, best: str, rival: str) -> str:
    """How far `best` is ahead of `rival`, in bits per item and in standard errors."""
    table, named = differences(report), f"{rival} ({_kind(report, rival)})"
    pair = table[table[["first", "second"]].isin([best, rival]).all(axis=1)]
    if pair.empty or not np.isfinite(pair.in_errors.iloc[0]):
        return f"There is no paired comparison with {named}: how sure the difference is remains open."
    row = pair.iloc[0]
    bits = row.bits if row["first"] == rival else -row.bits
    gap = f"{bits:.3f} ± {row.standard_error:.3f} {report.primary}"
    over = "seeds and test" if row.seeds > 1 else "test"
    over = f"{over} {report.reference.words['sets']}, {row.sets}, paired"
    errors = f"{abs(row.in_errors):.1f} standard errors over {over}"
    if abs(row.in_errors) < NEAR:
        return f"It cannot be told apart from {named}: the difference is {gap} ({errors})."
    if bits < 0:
        return f"Yet on what both were compared on, {named} differs by {gap} ({errors})."
    return f"{named} needs {gap} more ({errors})."


def _kind(report: Report, label: str) -> str:
    return KINDS.get(report.runs[label][0].facts.kind, "baseline")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

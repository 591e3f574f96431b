"""The sentences at the top of the report, made from its numbers: who needs the fewest bits, and how sure."""

from __future__ import annotations

from experiments.report.content import Model, Report
from experiments.report.numbers import pair, plain
from experiments.report.paired import pooled_difference
from experiments.report.table import CLOSE, cell_of


def summary(report: Report) -> list[str]:
    """A few sentences, plain text. The first names the model with the best `primary` metric."""
    ranked = ranking(report)
    lines = []
    if not ranked:
        lines.append("No model has a likelihood on the test climbs, so none can be named best by it.")
    else:
        lines.append(_first(report, ranked))
    if len(ranked) > 1:
        lines.append(_against(report, ranked[0], ranked[1]))
        rival = next((m for m in ranked[1:] if m.kind != ranked[0].kind), None)
        if rival is not None and rival is not ranked[1]:
            lines.append(_against(report, ranked[0], rival))
    impossible = [m.label for m in report.models if cell_of(m, report.primary).infinite]
    if impossible:
        verb = "gives" if len(impossible) == 1 else "give"
        lines.append(
            f"{_listed(impossible)} {verb} some test climbs probability 0, which is infinitely many bits."
        )
    single = [m.label for m in report.models if m in ranked and m.n_parameters and len(m.runs) == 1]
    if single:
        lines.append(
            f"{_listed(single)} {'was' if len(single) == 1 else 'were'} trained with one seed: "
            "how much a second training would differ is not known."
        )
    if report.dataset.synthetic:
        lines.append("The climbs are synthetic: nothing here is about real climbs.")
    return lines


def ranking(report: Report) -> list[Model]:
    """The models that have the primary metric, fewest bits per hold first."""
    means = [(cell_of(m, report.primary).mean, i) for i, m in enumerate(report.models)]
    return [report.models[i] for mean, i in sorted((x, i) for x, i in means if x is not None)]


def _first(report: Report, ranked: list[Model]) -> str:
    best = ranked[0]
    cell = cell_of(best, report.primary)
    over = f" (mean of {cell.seeds} seeds)" if cell.seeds > 1 else " (one seed)"
    if len(ranked) == 1:
        head = f"{best.label} is the only model with a likelihood"
    else:
        head = f"{best.label} ({_kind(best)}) needs the fewest bits per hold on the test climbs"
    return f"{head}: {pair(cell.mean, cell.standard_error)}{over}."


def _against(report: Report, best: Model, other: Model) -> str:
    """How far `best` is ahead of `other`, in bits per hold and in standard errors."""
    paired = pooled_difference(report, other.label, best.label)
    a, b = cell_of(best, report.primary), cell_of(other, report.primary)
    assert a.mean is not None
    assert b.mean is not None
    if paired is None or paired.in_errors is None:
        return (
            f"{other.label} ({_kind(other)}) needs {pair(b.mean, b.standard_error)}, "
            f"{plain(b.mean - a.mean)} more; there is no paired comparison of the two, so how sure that is "
            "remains open."
        )
    over = "test climbs and seeds" if paired.seeds > 1 else "test climbs"
    gap = f"{pair(paired.mean, paired.standard_error)} bits per hold"
    errors = f"{plain(paired.in_errors, 1)} standard errors over {over}, {paired.climbs} climbs, paired"
    rival = f"{other.label} ({_kind(other)})"
    if paired.in_errors < CLOSE:
        return f"It cannot be told apart from {rival}: the difference is {gap} ({errors})."
    if paired.mean < 0:
        return f"Yet on the climbs and seeds that both were compared on, {rival} differs by {gap} ({errors})."
    return f"{rival} needs {gap} more ({errors})."


def _kind(model: Model) -> str:
    return {"set": "set generator", "file": "file of climbs"}.get(model.kind, "baseline")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

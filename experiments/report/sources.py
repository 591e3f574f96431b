"""The climbs that pictures set side by side: real test climbs first, then each model's."""

from __future__ import annotations

from experiments.report.content import Report
from setgen.metrics.context import Context

_MOST = 2000


def sources(report: Report) -> list[tuple[str, Context]]:
    """(label, climbs looked at), at most 2000 climbs each; empty where the report has no reference."""
    if report.reference is None:
        return []
    reference = report.reference
    return [
        ("real", reference.test.fewer(_MOST)),
        *((m.label, reference.on(m.samples).fewer(_MOST)) for m in report.models if m.samples is not None),
    ]

"""The climbs that pictures set side by side: real test climbs first, then each model's."""

from __future__ import annotations

from experiments.report.content import Report
from setgen.evaluation.comparison import Sample

_MOST = 2000


def sources(report: Report) -> list[tuple[str, Sample]]:
    """(label, sample), at most 2000 climbs each; empty where the report has no reference."""
    if report.reference is None:
        return []
    reference = report.reference
    return [
        ("real", reference.test.some(_MOST, 0)),
        *(
            (m.label, Sample(report.board, m.samples, reference.grader).some(_MOST, 0))
            for m in report.models
            if m.samples is not None
        ),
    ]

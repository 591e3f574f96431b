"""The comparison report: what was found (`content`) and the folder that shows it (`write_report`)."""

from experiments.report.content import (
    Comparison,
    Curve,
    DatasetSummary,
    MetricInfo,
    Model,
    Report,
    Run,
    Settings,
)
from experiments.report.write import write_report

__all__ = [
    "Comparison",
    "Curve",
    "DatasetSummary",
    "MetricInfo",
    "Model",
    "Report",
    "Run",
    "Settings",
    "write_report",
]

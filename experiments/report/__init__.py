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
from experiments.report.evaluated import metric_infos, numbers_of
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
    "metric_infos",
    "numbers_of",
    "write_report",
]

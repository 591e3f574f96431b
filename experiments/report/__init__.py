"""The comparison report: what was found (`content`, `tables`) and the folder that shows it (`write`)."""

from experiments.report.content import Report, report_of
from experiments.report.write import drawn, write_report

__all__ = ["Report", "drawn", "report_of", "write_report"]

"""The report of a run: one self-contained HTML page."""

from nunbit.reports.run.build import build_report
from nunbit.reports.run.inputs import ReportInput

__all__ = ["ReportInput", "build_report"]

"""The report of a run: one self-contained HTML page."""

from nunbit.reports.run.inputs import ReportInput
from nunbit.reports.run.page import build_report

__all__ = ["ReportInput", "build_report"]

"""The report of a run: one self-contained HTML page."""

from nunbit.evaluation.report.build import build_report
from nunbit.evaluation.report.inputs import ReportInput

__all__ = ["ReportInput", "build_report"]

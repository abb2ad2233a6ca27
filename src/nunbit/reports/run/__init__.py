"""The report of a run: one self-contained HTML page."""

from nunbit.reports.run.page import build_report
from nunbit.reports.run.run_result import RunResult

__all__ = ["RunResult", "build_report"]

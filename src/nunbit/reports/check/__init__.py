"""The page of a check: what was found, with the pictures, as one self-contained HTML file."""

from nunbit.reports.check.page import build_page

__all__ = ["build_page"]

"""The page of a lab: text, code and what the code has shown."""

from nunbit_labs.page.build import build_page

__all__ = ["build_page"]

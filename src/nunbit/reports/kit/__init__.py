"""What every page that nunbit writes shares: the shell, its style, words, pictures and charts.

A package that builds a page keeps its own templates in its folder `templates` and renders them
with `render`; `document` puts the sections into the shell.
"""

from nunbit.reports.kit.pictures import (
    exact_png_address,
    is_pixelated,
    png_address,
    thumbnail_address,
)
from nunbit.reports.kit.shell import Section, document, render

__all__ = [
    "Section",
    "document",
    "exact_png_address",
    "is_pixelated",
    "png_address",
    "render",
    "thumbnail_address",
]

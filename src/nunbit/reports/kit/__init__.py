"""Kit of every page that nunbit writes: shell, style, words, pictures and charts.

Each page is a folder beside this one: its templates and style sheets lie in `templates`, `render`
makes sections of them, and `document` puts the sections into the shell.
"""

from nunbit.reports.kit.document import Section, document, make_sections
from nunbit.reports.kit.pictures import (
    exact_png_address,
    is_pixelated,
    png_address,
    thumbnail_address,
)
from nunbit.reports.kit.templates import Templates, render, style_of

__all__ = [
    "Section",
    "Templates",
    "document",
    "exact_png_address",
    "is_pixelated",
    "make_sections",
    "png_address",
    "render",
    "style_of",
    "thumbnail_address",
]

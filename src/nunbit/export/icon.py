"""The icon of the page that classifies pictures."""

from __future__ import annotations

from PIL import Image, ImageDraw


def draw_icon(size: int) -> Image.Image:
    """Three bars of an answer, the first the longest, as the page shows them."""
    drawn = Image.new("RGB", (size, size), "#0b62a8")
    pen, unit = ImageDraw.Draw(drawn), size / 16
    for row, (length, colour) in enumerate(((10, "#ffffff"), (5, "#a9cdea"), (3, "#a9cdea"))):
        top = (4 + 3 * row) * unit
        pen.rounded_rectangle(
            (3 * unit, top, (3 + length) * unit, top + 2 * unit), unit / 2, colour
        )
    return drawn

"""The input contract in words: how a file becomes what the network sees."""

from __future__ import annotations

from collections.abc import Mapping

from nunbit.formatting import plain

FITS = {
    "crop": "scaled to cover the canvas, the rest cut off evenly",
    "pad": "scaled to fit into the canvas, the rest filled with the background",
    "squash": "scaled to the canvas, proportions ignored",
}
LABELS = {
    "std": "Standard deviation",
    "background": "Background, shown by transparency and padding",
    "max_pixels": "Most pixels of a file",
    "frame": "Frame of an animation",
}


def contract_rows(contract: Mapping[str, object]) -> list[tuple[str, str]]:
    """(name, value) of every rule of a `Preprocess.to_dict()`, for the template `facts`."""
    known = dict(contract)
    rows: list[tuple[str, str]] = []
    if {"height", "width", "channels"} <= known.keys():
        colour = "grey" if known.pop("channels") == 1 else "colour (red, green, blue)"
        size = f"{known.pop('height')} × {known.pop('width')} pixels (height × width)"
        rows.append(("Canvas", f"{size}, {colour}"))
    if "fit" in known:
        fit = str(known.pop("fit"))
        rows.append(("Fitting", f"{fit}: {FITS[fit]}" if fit in FITS else fit))
    return rows + [(LABELS.get(key, _spoken(key)), plain(value)) for key, value in known.items()]


def _spoken(key: str) -> str:
    return key.replace("_", " ").capitalize()

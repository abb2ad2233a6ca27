"""The explanations as a folder: one page, and every picture as a PNG file.

explanation.html
filters-LAYER.png
01-NAME/seen.png                what the network sees
01-NAME/METHOD-CLASS.png        an attribution map over the image
01-NAME/maps-LAYER.png          the strongest feature maps of a layer, strongest first
01-NAME/nearest.png             the training images that resemble it most, nearest first
"""

from __future__ import annotations

import re
from pathlib import Path

from nunbit.explain.images import Explanation
from nunbit.files import folder_written_atomically
from nunbit.reports.explanation.feature_strips import filter_grid, map_pictures, unit_picture
from nunbit.reports.explanation.page import PageInput, build_page, scale_ends
from nunbit.reports.explanation.pictures import Picture, as_rgb, enlarged, grid, overlay, png

PAGE = "explanation.html"
SIDE = 448
"""Pixels that small pictures are enlarged towards, in whole steps."""
MAP_SIDE = 112
COLUMNS = 4
"""Columns of maps and images in one file."""


def write_explanations(folder: Path, given: PageInput) -> Path:
    """Write a new folder, which appears whole or not at all; returns the page in it.

    Raises FileExistsError where something is already there.
    """
    ends = scale_ends(given.explanations)
    with folder_written_atomically(folder) as unfinished:
        for filters in given.filters:
            _save(filter_grid(filters), unfinished / f"filters-{safe(filters.layer)}.png")
        digits = max(2, len(str(len(given.explanations))))
        for number, explanation in enumerate(given.explanations, start=1):
            stem = Path(explanation.name.replace("\\", "/")).stem
            own = unfinished / f"{number:0{digits}d}-{safe(stem)}"
            own.mkdir()
            _save(enlarged(explanation.canvas, SIDE), own / "seen.png")
            for found in explanation.attributions:
                drawn = overlay(explanation.canvas, found.values, ends[found.method])
                name = f"{found.method}-{safe(explanation.classes[found.target])}.png"
                _save(enlarged(drawn, SIDE), _free(own / name))
            _save_maps(explanation, own)
            if explanation.neighbours:
                near = [enlarged(as_rgb(n.canvas), MAP_SIDE) for n in explanation.neighbours]
                _save(grid(near, columns=COLUMNS), own / "nearest.png")
        (unfinished / PAGE).write_text(build_page(given), encoding="utf-8")
    return folder / PAGE


def safe(name: str) -> str:
    """A name that every file system takes: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".")[:80] or "_"


def _save_maps(explanation: Explanation, folder: Path) -> None:
    for maps in explanation.maps:
        if maps.layer.places is None:
            picture = enlarged(unit_picture(maps), SIDE)
        else:
            several = [enlarged(picture, MAP_SIDE) for _, picture in map_pictures(maps)]
            picture = grid(several, columns=COLUMNS)
        _save(picture, _free(folder / f"maps-{safe(maps.layer.name)}.png"))


def _free(path: Path) -> Path:
    """`path`, or with a number where two names became the same."""
    number, candidate = 1, path
    while candidate.exists():
        number += 1
        candidate = path.with_stem(f"{path.stem}-{number}")
    return candidate


def _save(picture: Picture, path: Path) -> None:
    png(picture).save(path, "PNG")

"""Masks and annotations beside the images that they belong to, told by repeated names."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from nunbit.data.sources.walking import Listing
from nunbit.errors import DataError
from nunbit.formatting import count

MAX_FRACTION = 0.05
"""Fraction of the files: with more the reading stops; fewer are a warning."""
_WORDS = (
    "mask|masks|segmentation|segmentations|segmented|seg|gt|groundtruth|ground_truth|trimap"
    "|annotation|annotations|annotated|label|labels|labelids|instanceids|superpixels|overlay"
    "|heatmap|contour|bbox|binary"
)
_AFTER = re.compile(
    rf"(?P<stem>.+?)(?P<word>[ _.-]+(?:{_WORDS}))(?P<number>[ _.-]*\d+)?", re.IGNORECASE
)
_BEFORE = re.compile(rf"(?P<word>(?:{_WORDS})[ _.-]+)(?P<stem>.+)", re.IGNORECASE)
_ROOTS = (
    *("mask", "seg", "trimap", "groundtruth", "ground_truth", "annotat", "label", "instanceids"),
    *("superpixel", "overlay", "heatmap", "contour", "bbox", "binary", "_gt", "-gt", " gt", ".gt"),
    *("gt_", "gt-", "gt ", "gt."),
)
"""Words in names: without one of these there is nothing to look for, which is quickly seen."""


def check_companions(path: Path, listing: Listing, exclude: str | None) -> list[str]:
    """Warnings about masks among the images; none where the user has said what to leave out.

    Raises:
        DataError: where many files are masks of others.
    """
    everything = "\n".join(found.path for found in listing.files).lower()
    if exclude is not None or not any(root in everything for root in _ROOTS):
        return []
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    for found in listing.files:
        folder, _, name = found.path.rpartition("/")
        folders[folder][name.rpartition(".")[0] or name] = name
    pairs, patterns = [], set()
    for folder, names in folders.items():
        for stem, name in names.items():
            match = _AFTER.fullmatch(stem) or _BEFORE.fullmatch(stem)
            if match and (image := names.get(match["stem"])) is not None:
                pairs.append((f"{folder}/{name}".lstrip("/"), image))
                patterns.add(_pattern(match))
    if not pairs:
        return []
    several = len(pairs) > 1
    what = (
        f"{len(pairs):,} of {count(len(listing.files), 'file')} "
        f"{'are masks or annotations' if several else 'is a mask or an annotation'} of others by "
        f"{'their names' if several else 'its name'}, e.g. '{pairs[0][0]}' beside '{pairs[0][1]}'"
    )
    remedy = f'leave them out with --exclude "{",".join(sorted(patterns))}"'
    if len(pairs) <= MAX_FRACTION * len(listing.files):
        return [f"{what}: {remedy}"]
    raise DataError(f"{what}: they are not images of a class", path=path, remedy=remedy)


def _pattern(match: re.Match[str]) -> str:
    word = match["word"]
    if match.re is _BEFORE:
        return f"{word}*"
    number = match["number"]
    return f"*{word}.*" if number is None else f"*{word}{re.sub('[0-9].*', '', number)}[0-9]*"

"""Inputs of the page of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nunbit.evaluation.comparison.values import Comparison
from nunbit.reports.kit.pictures import Original

PicturesOfPaths: TypeAlias = Callable[[Sequence[str]], Mapping[str, Original]]
"""Paths of test images to the images as they were found, or why they cannot be shown."""


@dataclass(frozen=True, kw_only=True)
class PageInput:
    """The comparison, and what the page says beside it."""

    comparison: Comparison
    pictures: PicturesOfPaths
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""
    """Date and time, as the reader should see them."""

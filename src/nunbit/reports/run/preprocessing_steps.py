"""A few images on their way through the input contract, as the report shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Step:
    """Image after one step."""

    name: str
    """Such as `canvas`."""
    picture: NDArray[np.uint8] | None
    """[h, w], [h, w, 1 or 3]; None where there is none."""
    caption: str = ""
    """Caption, or the reason why there is no picture."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """An image and its steps."""

    path: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Some images of one part, and what the reader should know about them."""

    part: str
    examples: tuple[Example, ...]
    random_changes: str = ""
    """Description of what is done to training images; '' where nothing is, or nothing is
    trained."""

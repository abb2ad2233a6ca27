"""Images that Pillow does not read, or reads wrongly: read with an extra, or named with a remedy.

h height, w width of an image. A reader is imported when a file of its format is met, never before.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from numpy.typing import NDArray

from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts

READERS = (
    *("imagecodecs", "pillow-heif", "pydicom", "tifffile"),
    *("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm"),
)
"""Packages that read images for Pillow; those of the second line are found by pydicom."""


@dataclass(frozen=True, kw_only=True)
class ForeignImage:
    """A file that an extra reads: its header, and a way to each of its planes."""

    facts: ImageFacts
    plane: Callable[[int], NDArray[Any]]
    """Samples of one of `facts.frames` planes, [h, w] or [h, w, 3], upright, larger is brighter."""


def check_extra(extra: str, *modules: str, what: str) -> None:
    """Raise `UnusableImage` naming the extra where one of its modules is not installed."""
    if not all(_installed(module) for module in modules):
        raise UnusableImage(f"{what}: to read it, python -m pip install 'nunbit[{extra}]'")


@cache
def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@cache
def installed_readers() -> tuple[str, ...]:
    """Name and version of the `READERS` that are here, on which depends what can be read, and how.

    What was found without one of them does not hold any more once it is installed.
    """
    found = []
    for name in READERS:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return tuple(found)

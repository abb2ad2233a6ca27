"""Versions of nunbit, Python and the libraries that shape a result."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib import metadata

from nunbit import __version__

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn", "onnxruntime")


def versions() -> dict[str, str]:
    """Versions by name, nunbit's first; what is not installed is left out."""
    libraries = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            libraries[name] = metadata.version(name)
    return {"nunbit": __version__, "python": platform.python_version(), **libraries}

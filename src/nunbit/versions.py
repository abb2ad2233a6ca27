"""Versions of nunbit, Python and the libraries that shape a result."""

from __future__ import annotations

import platform
from importlib import metadata

from nunbit import __version__

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions by name, nunbit's first."""
    libraries = {name: metadata.version(name) for name in PACKAGES}
    return {"nunbit": __version__, "python": platform.python_version(), **libraries}

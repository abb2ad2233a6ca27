"""The labs: a course from the perceptron to graph convolution, run with this library.

In a lab:

    from nunbit_labs import open_lab

    lab = open_lab("01_perceptron")

Everything is imported at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nunbit_labs import style
    from nunbit_labs.augmentation import augmented as augmented
    from nunbit_labs.comparison import Published as Published
    from nunbit_labs.exercises import check as check
    from nunbit_labs.lab import Lab as Lab
    from nunbit_labs.lab import accuracies as accuracies
    from nunbit_labs.lab import open_lab as open_lab

_HOME = {
    "Lab": "nunbit_labs.lab",
    "Published": "nunbit_labs.comparison",
    "accuracies": "nunbit_labs.lab",
    "augmented": "nunbit_labs.augmentation",
    "check": "nunbit_labs.exercises",
    "open_lab": "nunbit_labs.lab",
}

__all__ = ["Lab", "Published", "accuracies", "augmented", "check", "open_lab", "style"]


def __getattr__(name: str) -> Any:
    if name == "style":
        return import_module("nunbit_labs.style")
    if name not in _HOME:
        raise AttributeError(f"module 'nunbit_labs' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value

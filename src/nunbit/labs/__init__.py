"""The labs: a course from the perceptron to graph convolution, run with this library.

In a lab:

    from nunbit.labs import open_lab

    lab = open_lab("01_perceptron")

Everything is imported at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nunbit.labs import style as style
    from nunbit.labs.augmenting import augmented as augmented
    from nunbit.labs.comparing import Published as Published
    from nunbit.labs.exercises import check as check
    from nunbit.labs.lab import Lab as Lab
    from nunbit.labs.lab import accuracies as accuracies
    from nunbit.labs.lab import open_lab as open_lab

_HOME = {
    "Lab": "nunbit.labs.lab",
    "Published": "nunbit.labs.comparing",
    "accuracies": "nunbit.labs.lab",
    "augmented": "nunbit.labs.augmenting",
    "check": "nunbit.labs.exercises",
    "open_lab": "nunbit.labs.lab",
}

__all__ = ["Lab", "Published", "accuracies", "augmented", "check", "open_lab", "style"]


def __getattr__(name: str) -> Any:
    if name == "style":
        return import_module("nunbit.labs.style")
    if name not in _HOME:
        raise AttributeError(f"module 'nunbit.labs' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value

"""Checks of a bundle: names, options and numbers that are read from its files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nunbit.types import ClassNames

OPTIONS = ("classes", "channels", "height", "width", "dropout", "head_hidden")
"""Arguments of `create_model` that a bundle may hold. Others start downloads or read files."""
MAX_HEAD_HIDDEN = 2**16
"""Units of the hidden layer that a bundle may ask for: memory is taken before weights are read."""
MAX_QUOTED = 60
"""Characters of a wrong value that a message quotes."""


def check_names(names: object) -> ClassNames:
    """Class names as a bundle may hold them; ValueError for anything else."""
    if not isinstance(names, list) or not names:
        raise ValueError(f"class names are a list of texts, not {short(names)}")
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"a class name is a text, not {short(name)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the class name {short(twice)} is there more than once")
    return tuple(names)


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ValueError for options that `create_model` must not be given by a file."""
    for name, value in options.items():
        if name not in (*OPTIONS, "generator_seed"):
            raise ValueError(f"unknown option of the model: {short(name)}")
        probabilities = value if isinstance(value, tuple) else (value,)
        possible = (
            all(is_finite(probability) for probability in probabilities)
            if name == "dropout"
            else isinstance(value, int) and not isinstance(value, bool) and value >= 1
        )
        if value is not None and not possible:
            raise ValueError(f"impossible option of the model: {name} = {short(value)}")
    if (options.get("head_hidden") or 1) > MAX_HEAD_HIDDEN:
        raise ValueError(f"a hidden layer has at most {MAX_HEAD_HIDDEN:,} units")


def is_finite(value: object) -> bool:
    """Tell whether it is a number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def short(value: object) -> str:
    """The value as it may stand in a message, whatever a file holds."""
    text = repr(value)
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + " ..."

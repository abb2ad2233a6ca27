"""Activations that write into their input, made to leave it alone for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def out_of_place(model: nn.Module) -> Iterator[None]:
    """Inside, no module overwrites its input; afterwards each has its own setting again.

    What a hook kept of a layer before an in-place ReLU would otherwise be the ReLU's output.
    """
    changed = [m for m in model.modules() if getattr(m, "inplace", False) is True]
    for module in changed:
        setattr(module, "inplace", False)  # noqa: B010 - torch declares no such field
    try:
        yield
    finally:
        for module in changed:
            setattr(module, "inplace", True)  # noqa: B010

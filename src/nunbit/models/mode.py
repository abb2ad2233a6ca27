"""Evaluation mode for a while, for any number of threads at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Lock

from torch import nn

_lock = Lock()
_holders: dict[nn.Module, int] = {}
"""Modules that train and were set to evaluate, and how many threads want them so."""


@contextlib.contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards each module has its own mode again.

    `model.train(was_training)` would wake the batch statistics of a frozen part. Where several
    threads overlap, the last one to leave a module gives it its mode back; a network that
    evaluates already is not written to at all.
    """
    with _lock:
        held = [module for module in model.modules() if module.training or module in _holders]
        for module in held:
            _holders[module] = _holders.get(module, 0) + 1
            module.training = False
    try:
        yield
    finally:
        with _lock:
            for module in held:
                _holders[module] -= 1
                if _holders[module] == 0:
                    del _holders[module]
                    module.training = True

"""Pillow's settings of the whole process, as decoding needs them: warnings and tolerance off."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from PIL import ImageFile

_held = 0
_lock = Lock()
_saved: tuple[warnings.catch_warnings[Any], bool] | None = None


@contextmanager
def pillow_held() -> Iterator[None]:
    """Pillow's warnings silent and its tolerance of truncated files off, while any thread decodes.

    Both are global to the process. The first thread to enter sets them and the last to leave puts
    them back, so threads that overlap never restore each other's state; only warnings that come
    from Pillow's own modules are hidden.
    """
    global _held, _saved  # noqa: PLW0603
    with _lock:
        if _held == 0:
            catcher: warnings.catch_warnings[Any] = warnings.catch_warnings()
            catcher.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _saved = (catcher, ImageFile.LOAD_TRUNCATED_IMAGES)
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        _held += 1
    try:
        yield
    finally:
        with _lock:
            _held -= 1
            if _held == 0 and _saved is not None:
                _saved[0].__exit__(None, None, None)
                ImageFile.LOAD_TRUNCATED_IMAGES = _saved[1]
                _saved = None

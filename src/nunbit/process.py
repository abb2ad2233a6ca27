"""What is tuned for the whole process: by the command line and the pipelines, never by a library.

Whoever imports nunbit into a program of their own keeps their memory management and their garbage
collector as they are, unless they train with it.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's parameters (malloc.h, mallopt(3))."""
MAX_KEPT_BYTES = 2**30
"""Blocks up to this size are kept when they are freed."""


@cache
def keep_freed_memory() -> bool:
    """Let this process reuse the memory that it frees; whether the C library can do so.

    glibc gives every block of some megabytes back to the system at once, and the system hands out
    new ones page by page, filled with zeros: 12,000 page faults in each step of `smallcnn` on 100
    images of 28 x 28, and a quarter of its time. Kept instead, the memory stays with the process
    until it ends. Larger blocks than `MAX_KEPT_BYTES` go back as before.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library than glibc
        return False
    kept: int = mallopt(_M_MMAP_THRESHOLD, MAX_KEPT_BYTES)
    return bool(kept and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def collect_garbage_rarely() -> None:
    """Look for garbage less often, in a process that ends with its command.

    Nearly all of the half million objects that the imports make live until the end: to look through
    them for garbage as often as usual takes most of a second.
    """
    gc.set_threshold(50_000, 20, 20)

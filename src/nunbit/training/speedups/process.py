"""Settings of the whole process, made by the command line and the pipelines, never by a library.

Whoever imports nunbit into a program of their own keeps their memory management and their garbage
collector as they are, unless they train with it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import sys
import threading
from functools import cache
from typing import NoReturn

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

    Remove when torch's CPU allocator keeps freed blocks by itself (`tests/test_device.py` counts
    the page faults).
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

    Remove when Python's collector no longer walks through old objects again and again.
    """
    gc.set_threshold(50_000, 20, 20)


def end_process(code: int) -> NoReturn:
    """End the process as Python does, but leave freeing memory to the operating system.

    Freeing it object by object takes a second.

    Remove when a process that has imported torch ends at once by itself.
    """
    if sys.getprofile() is not None or sys.gettrace() is not None:
        sys.exit(code)  # profilers and debuggers report at a regular exit
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed by its reader
            stream.flush()
    os._exit(code)

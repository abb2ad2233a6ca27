"""Budget for kept pixels: `auto` depends on what is free now, so it is never recorded."""

from __future__ import annotations

import contextlib
import shutil

import loky
import psutil

from nunbit.config.sections import PixelsConfig
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.data.pixels import Budget


def decide_workers(pixels: PixelsConfig) -> int:
    """Processes that decode: as set, else as many as there are usable cores."""
    return loky.cpu_count() if pixels.workers == "auto" else pixels.workers


def decide_budget(pixels: PixelsConfig) -> Budget:
    """Decide the budget of pixels: as set, else half of the free memory, a quarter of the disk."""
    ram, disk = pixels.ram_budget_bytes, pixels.disk_budget_bytes
    return Budget(
        ram_bytes=psutil.virtual_memory().available // 2 if ram == "auto" else ram,
        disk_bytes=_free_for_cache() // 4 if disk == "auto" else disk,
        workers=decide_workers(pixels),
    )


def _free_for_cache() -> int:
    """Bytes free on the disk of the cache's folder, which need not exist yet."""
    folder = default_cache_folder().absolute()
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0

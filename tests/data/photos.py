"""What the tests of pixels share: photographs, and ways to open and compare their pixels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

from nunbit.data.inspect import inspect
from nunbit.data.pixels import (
    Budget,
    Pixels,
    open_pixels,
)
from nunbit.data.preprocess import Preprocess
from nunbit.data.storage import ImageArrays, ImageFiles
from nunbit.progress import SILENT, Silent
from nunbit.types import Samples

T = TypeVar("T")
CONTRACT = Preprocess(height=12, width=16, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
MANY = 70  # enough for decoding in processes
PLENTY = 1 << 30


def samples_of(images: ImageFiles | ImageArrays, reasons: tuple[str, ...] = ()) -> Samples:
    n = len(images)
    files = isinstance(images, ImageFiles)
    return Samples(
        name="odd",
        location="odd",
        classes=("a", "b"),
        images=images,
        paths=tuple(f.name for f in images.files) if files else tuple(f"{i:05}" for i in range(n)),
        labels=np.zeros(n, dtype=np.int64),
        parts=("",) * n,
        groups=("",) * n,
        reasons=reasons or ("",) * n,
    )


class Told(Silent):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tracked: list[tuple[str, int, int]] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        seen = 0
        for item in items:
            seen += 1
            yield item
        self.tracked.append((title, seen, total))


def photos(folder: Path, count: int = MANY) -> Samples:
    """Noise in files of several sizes."""
    rng = np.random.default_rng(count)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = rng.integers(0, 256, (*rng.integers(10, 40, 2), 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.{('jpg', 'png')[number % 2]}")
    return samples_of(ImageFiles(files=tuple(sorted(folder.iterdir()))))


def opened(
    samples: Samples,
    cache: Path,
    *,
    told: Silent = SILENT,
    preprocess: Preprocess = CONTRACT,
    **budget: Any,
) -> Pixels:
    found = inspect(samples, workers=2, progress=SILENT)
    plenty = {"ram_bytes": PLENTY, "disk_bytes": PLENTY, "workers": 2, "cache_folder": cache}
    return open_pixels(
        samples,
        sha256=found.sha256,
        reasons=found.reasons,
        preprocess=preprocess,
        budget=Budget(**{**plenty, **budget}),
        progress=told,
    )


def everything(pixels: Pixels, batch: int = 9) -> torch.Tensor:
    rows = np.flatnonzero(np.array(pixels.reasons, dtype=object) == "")
    starts = range(0, len(rows), batch)
    return torch.cat(list(pixels.stream([rows[s : s + batch] for s in starts])))


def canvases(samples: Samples, preprocess: Preprocess = CONTRACT) -> torch.Tensor:
    """The truth: each file through the contract, one by one."""
    assert isinstance(samples.images, ImageFiles)
    each = [preprocess.canvas(file.read_bytes()) for file in samples.images.files]
    return torch.from_numpy(np.stack(each))


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "pixels").iterdir()) if (cache / "pixels").exists() else []


STORAGES: dict[str, dict[str, int]] = {
    "cache read into memory": {},
    "cache mapped": {"ram_bytes": 0},
    "memory": {"disk_bytes": 0},
    "decoded at each use": {"ram_bytes": 0, "disk_bytes": 0},
    "in this process": {"ram_bytes": 0, "disk_bytes": 0, "workers": 1},
}


def workers_of_this_process() -> list[int]:
    """Processes that decode for this one (Linux only; elsewhere none is seen)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and b"LokyProcess" in command:
            found.append(int(folder.name))
    return found

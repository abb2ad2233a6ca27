"""The whole examination: one pass over the pixels for everything that looks at them.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nunbit.data.check import Finding
from nunbit.data.inspect import Inspection
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.doctor.appearance import AppearanceObserver
from nunbit.doctor.diagnosis import Diagnosis, PictureGetter
from nunbit.doctor.fix_list import proposals
from nunbit.doctor.observer import Observer
from nunbit.doctor.statistics import StatisticsObserver
from nunbit.progress import SILENT, Progress
from nunbit.types import Samples, Split

BATCH_VALUES = 16_000_000
"""Pixel values of one step of the pass: 16 MB."""
MOST_IN_BATCH = 2048
SEVERITIES = ("error", "warning", "note")


class Decoded(Protocol):
    """Samples with their pixels, as a run prepares them."""

    @property
    def samples(self) -> Samples:
        """Everything that was found."""
        ...

    @property
    def inspection(self) -> Inspection:
        """What the files' bytes and headers say."""
        ...

    @property
    def pixels(self) -> Pixels:
        """Canvases, and the reasons of those that there are not."""
        ...


def examine(
    data: Decoded,
    split: Split,
    *,
    findings: Sequence[Finding],
    preprocess: Preprocess,
    quick: bool = False,
    progress: Progress = SILENT,
) -> Diagnosis:
    """Look at every usable image once, and say what was found.

    Memory holds one batch of pixels and a few numbers for each image.

    Args:
        data: the samples, inspected and decoded.
        split: the parts as a training would divide them.
        findings: what the quick check has found already.
        preprocess: the input contract with the statistics of the training part.
        quick: look at no pixels.
        progress: who is told how far it is.
    """
    watch = _Watch()
    samples = data.samples
    rows = np.flatnonzero([not reason for reason in split.reasons]).astype(np.int64)
    found = list(findings)
    statistics = None
    if not quick and len(rows):
        appearance = AppearanceObserver(len(samples))
        counted = StatisticsObserver(parts=split.parts, channels=preprocess.channels)
        with watch.stage("pixels"):
            _show(data.pixels, rows, (appearance, counted), progress)
        found += appearance.findings(samples)
        statistics = counted.statistics(samples, data.inspection)
    ordered = tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))
    return Diagnosis(
        samples=samples,
        inspection=data.inspection,
        split=split,
        preprocess=preprocess,
        findings=ordered,
        corrections=proposals(ordered, samples.paths),
        pictures=_pictures(data.pixels),
        statistics=statistics,
        seconds=watch.seconds,
    )


class _Watch:
    """Seconds spent in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a block."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def _show(
    pixels: Pixels, rows: NDArray[np.int64], observers: Sequence[Observer], progress: Progress
) -> None:
    """The one pass: every usable image to every observer."""
    contract = pixels.preprocess
    values = contract.height * contract.width * contract.channels
    at_once = max(1, min(MOST_IN_BATCH, BATCH_VALUES // values))
    batches = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]
    stream = zip(batches, pixels.stream(batches), strict=True)
    for batch, canvases in progress.track(stream, total=len(batches), title="Looking at images"):
        for observer in observers:
            observer.observe(batch, canvases.numpy())


def _pictures(pixels: Pixels) -> PictureGetter:
    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        (canvases,) = pixels.stream([rows])
        return canvases.numpy()

    return pictures

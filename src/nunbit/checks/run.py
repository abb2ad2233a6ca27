"""The checks carried out: one pass over the pixels for all that look at them.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from nunbit.checks import registry
from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.diagnosis import Diagnosis, PictureGetter
from nunbit.checks.emptied_classes import keep_classes
from nunbit.checks.finding import Finding
from nunbit.checks.fix_list import proposals
from nunbit.checks.measurements.embedding import EmbeddingObserver
from nunbit.checks.measurements.features import describe
from nunbit.checks.measurements.observer import Observer
from nunbit.checks.measurements.statistics import StatisticsObserver
from nunbit.chunks import chunks
from nunbit.data.inspect import Inspection
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.progress import SILENT, Progress
from nunbit.types import Samples, Split

if TYPE_CHECKING:
    from nunbit.checks.measurements.backbone import Backbone

BATCH_VALUES = 8_000_000
"""Pixel values of one step of the pass: 8 MB."""
MAX_BATCH_IMAGES = 512
SEVERITIES = ("error", "warning", "note")


class Decoded(Protocol):
    """Samples with their pixels, as a run prepares them."""

    @property
    def samples(self) -> Samples:
        """Everything that was found."""
        ...

    @property
    def inspection(self) -> Inspection:
        """Inspection of the files' bytes and headers."""
        ...

    @property
    def pixels(self) -> Pixels:
        """Canvases, and the reasons of those that there are not."""
        ...


def quick_findings(context: Context) -> tuple[Finding, ...]:
    """Findings of the checks that need no pixels, errors first: every training runs them."""
    checks = (check for check in registry.CHECKS if check.needs == "metadata")
    return _by_severity(finding for check in checks for finding in check.run(context))


def examine(
    data: Decoded,
    split: Split,
    *,
    findings: Sequence[Finding],
    preprocess: Preprocess,
    backbone: Backbone | None = None,
    progress: Progress = SILENT,
) -> Diagnosis:
    """Look at every usable image once, and say what was found.

    Memory holds one batch of pixels, and of each image a thumbnail (1.1 kB), its features (0.6 to
    2.2 kB without a backbone) and a few numbers.

    Args:
        data: the samples, inspected and decoded.
        split: the parts as a training would divide them.
        findings: what the quick check has found already.
        preprocess: the input contract with the statistics of the training part.
        backbone: gives the features that tell what is alike; None for those of nunbit's own.
        progress: listener to progress.
    """
    rows = np.flatnonzero([not reason for reason in split.reasons]).astype(np.int64)
    if len(rows) == 0:
        return examine_quickly(data, split, findings=findings, preprocess=preprocess)
    watch, checks = _Watch(), [c for c in registry.CHECKS if c.needs != "metadata"]
    context = Context(
        samples=data.samples,
        inspection=data.inspection,
        reasons=split.reasons,
        input_size=(preprocess.height, preprocess.width),
        progress=progress,
    )
    counted = StatisticsObserver(parts=split.parts, channels=preprocess.channels)
    embedding = EmbeddingObserver(describe if backbone is None else backbone)
    observers = _observers(checks, context, embedding)
    with watch.stage("pixels"):
        _show(data.pixels, rows, (counted, *observers), progress)
    context = replace(context, observers=observers)
    found = list(findings)
    for check in checks:
        with watch.stage(check.name):
            found += check.run(context)
    quick = examine_quickly(data, split, findings=found, preprocess=preprocess)
    return replace(
        quick,
        statistics=counted.statistics(data.samples, data.inspection),
        remarks=(_features_in_words(embedding, backbone),) if embedding in observers else (),
        seconds=watch.seconds,
    )


def examine_quickly(
    data: Decoded, split: Split, *, findings: Sequence[Finding], preprocess: Preprocess
) -> Diagnosis:
    """Run the quick check in the form of a whole examination; see `examine`."""
    ordered = _by_severity(findings)
    corrections, emptied = keep_classes(
        proposals(ordered, data.samples), ordered, data.samples, split.reasons
    )
    if emptied is not None:
        ordered = _by_severity([*ordered, emptied])
    return Diagnosis(
        samples=data.samples,
        inspection=data.inspection,
        split=split,
        preprocess=preprocess,
        findings=ordered,
        corrections=corrections,
        pictures=_pictures(data.pixels),
        remarks=("Only the quick part was done: no look at pixels.",),
    )


def _by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def _observers(
    checks: Sequence[Check], context: Context, embedding: EmbeddingObserver
) -> tuple[Observer, ...]:
    """One of each type that the checks ask for."""
    wanted: dict[type[Observer], Observer] = {}
    for check in checks:
        for observer in check.observers(context):
            wanted.setdefault(type(observer), observer)
    shared = (embedding,) if any(check.needs == "embedding" for check in checks) else ()
    return (*wanted.values(), *shared)


def _features_in_words(embedding: EmbeddingObserver, backbone: Backbone | None) -> str:
    source = (
        "gradients, brightness and colour of their parts, without a pretrained network"
        if backbone is None
        else f"the network {backbone.name}"
    )
    return (
        f"Wrong labels and outliers were searched with {embedding.dimensions:,} features of "
        f"each image: {source}."
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
    size = max(1, min(MAX_BATCH_IMAGES, BATCH_VALUES // values))
    batches = list(chunks(rows, size))

    def looked_at() -> Iterator[np.int64]:
        for batch, canvases in zip(batches, pixels.stream(batches), strict=True):
            for observer in observers:
                observer.observe(batch, canvases.numpy())
            yield from batch

    for _ in progress.track(looked_at(), total=len(rows), title="Looking at images"):
        pass


def _pictures(pixels: Pixels) -> PictureGetter:
    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        (canvases,) = pixels.stream([rows])
        return canvases.numpy()

    return pictures

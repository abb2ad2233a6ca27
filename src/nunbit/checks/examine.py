"""The whole examination: one pass over the pixels for everything that looks at them.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.diagnosis import Diagnosis, PictureGetter
from nunbit.checks.finding import Finding
from nunbit.checks.fix_list import proposals
from nunbit.checks.pixels.appearance import AppearanceObserver
from nunbit.checks.pixels.backbone import Backbone
from nunbit.checks.pixels.embedding import EmbeddingObserver, Features
from nunbit.checks.pixels.features import describe
from nunbit.checks.pixels.labels import label_findings
from nunbit.checks.pixels.near_duplicates import copies_together, copy_findings
from nunbit.checks.pixels.observer import Observer
from nunbit.checks.pixels.outliers import outlier_findings
from nunbit.checks.pixels.statistics import StatisticsObserver
from nunbit.data.inspect import Inspection
from nunbit.data.near_duplicates import HashObserver, near_duplicates
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.progress import SILENT, Progress
from nunbit.types import Samples, Split

BATCH_VALUES = 8_000_000
"""Pixel values of one step of the pass: 8 MB."""
MOST_IN_BATCH = 512
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
        progress: who is told how far it is.
    """
    rows = np.flatnonzero([not reason for reason in split.reasons]).astype(np.int64)
    if len(rows) == 0:
        return examine_quickly(data, split, findings=findings, preprocess=preprocess)
    watch, samples = _Watch(), data.samples
    appearance = AppearanceObserver(len(samples))
    counted = StatisticsObserver(parts=split.parts, channels=preprocess.channels)
    hashes = HashObserver()
    embedding = EmbeddingObserver(describe if backbone is None else backbone)
    with watch.stage("pixels"):
        _show(data.pixels, rows, (appearance, counted, hashes, embedding), progress)
        found = list(appearance.findings(samples))
    with watch.stage("near-duplicates"):
        copies = near_duplicates(hashes.signatures(), progress=progress)
        found += copy_findings(samples, copies, sha256=data.inspection.sha256)
    features = embedding.features()
    with watch.stage("labels"):
        found += label_findings(samples, features, groups=copies_together(samples, copies))
    with watch.stage("outliers"):
        found += outlier_findings(samples, features)
    quick = examine_quickly(data, split, findings=[*findings, *found], preprocess=preprocess)
    return replace(
        quick,
        statistics=counted.statistics(samples, data.inspection),
        remarks=(_told_features(features, backbone),),
        seconds=watch.seconds,
    )


def examine_quickly(
    data: Decoded, split: Split, *, findings: Sequence[Finding], preprocess: Preprocess
) -> Diagnosis:
    """What the quick check has found, in the form of a whole examination; see `examine`."""
    ordered = tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
    return Diagnosis(
        samples=data.samples,
        inspection=data.inspection,
        split=split,
        preprocess=preprocess,
        findings=ordered,
        corrections=proposals(ordered, data.samples),
        pictures=_pictures(data.pixels),
        remarks=("Only the quick part was done: no look at pixels.",),
    )


def _told_features(features: Features, backbone: Backbone | None) -> str:
    source = (
        "gradients, brightness and colour of their parts, without a pretrained network"
        if backbone is None
        else f"the network {backbone.name}"
    )
    return (
        f"Wrong labels and outliers were looked for by {features.values.shape[1]:,} features of "
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
    at_once = max(1, min(MOST_IN_BATCH, BATCH_VALUES // values))
    batches = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]

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

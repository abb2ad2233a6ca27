"""Test images of a finished run as they were found, as far as they are still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nunbit.config import Config
from nunbit.data.inspect import inspect
from nunbit.data.preprocess import Preprocess
from nunbit.errors import NunbitError
from nunbit.pipelines.dataset import load_configured
from nunbit.pipelines.evaluation.pictures import originals_of
from nunbit.pipelines.recorded_run import RecordedRun
from nunbit.progress import SILENT
from nunbit.reports.kit.pictures import Original
from nunbit.types import Samples

MOVED = "the image is not where it was"
CHANGED = "the file has changed since the run read it"


def tested_images(runs: Sequence[RecordedRun], paths: Sequence[str]) -> dict[str, Original]:
    """The images at some paths, from the data of the first run of those that know their place.

    The data are listed again, but only these images are read. Nothing raises for an image that is
    gone or has changed: it has a fault instead of a picture.
    """
    run = next((run for run in runs if run.config is not None), None)
    if run is None or not paths:
        return {path: Original(fault="its place is not known") for path in paths}
    try:
        samples = _samples_of(run)
    except NunbitError as error:
        return {path: Original(fault=f"{MOVED}: {error.what}") for path in paths}
    row_of = {path: row for row, path in enumerate(samples.paths)}
    there = [path for path in paths if path in row_of]
    found = {path: Original(fault=MOVED) for path in paths}
    if not there:
        return found
    some = _only(samples, [row_of[path] for path in there])
    inspection = inspect(some, workers=1, progress=SILENT)
    getter = originals_of(some, inspection, _contract(run.config))
    for row, path in enumerate(there):
        same = inspection.sha256[row] in ("", run.digests[path])  # "": the getter says why
        found[path] = getter(row) if same else Original(fault=CHANGED)
    return found


def _samples_of(run: RecordedRun) -> Samples:
    assert run.config is not None
    assert run.data is not None
    return load_configured(run.config.data, path=run.data)


def _only(samples: Samples, rows: Sequence[int]) -> Samples:
    """The same data set with nothing but some of its images."""
    chosen = np.asarray(rows, dtype=np.int64)
    return Samples(
        name=samples.name,
        location=samples.location,
        classes=samples.classes,
        images=samples.images.take(chosen),
        paths=tuple(samples.paths[row] for row in rows),
        labels=samples.labels[chosen],
        parts=tuple(samples.parts[row] for row in rows),
        groups=("",) * len(rows),
        reasons=("",) * len(rows),
    )


def _contract(config: Config | None) -> Preprocess:
    """A contract with what matters here: the limit of pixels, and the background."""
    plain = Preprocess(height=1, width=1, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    if config is None:
        return plain
    pixels = config.pixels
    return replace(
        plain,
        max_pixels=pixels.max_pixels,
        background=pixels.background,
        # Which is never 'auto' in a run's own configuration, unless it was written before.
        range="full" if pixels.range == "auto" else pixels.range,
        frame=pixels.frame,
        transparency=pixels.transparency,
    )

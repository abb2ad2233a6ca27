"""The raw files that an export is proven on: the run's own validation images, and the kit."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nunbit.config import read_config
from nunbit.data.formats import png as wide_png
from nunbit.data.split import apply_manifest, read_manifest
from nunbit.errors import DataError, UnusableImage
from nunbit.export.conformance import kit_files
from nunbit.export.parity import RawFile
from nunbit.pipelines.dataset import inspect_data
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import Progress
from nunbit.types import Part, Samples

MAX_FILES = 2_000
"""Limit of files of the validation part; more would not find more, and take minutes."""


@dataclass(frozen=True)
class LabelledFile:
    """A raw file and its class."""

    file: RawFile
    label: str


def validation_files(run: Path, progress: Progress) -> list[RawFile]:
    """Read the files of a run's validation part, or of its test part where it has none.

    At most `MAX_FILES`, evenly spaced; none, with a note, where `run` is a model alone or its
    data are no longer there. Images of arrays become PNG files, which keep every value.
    """
    found = labelled_files(run, ("validation", "test"), progress)
    return [item.file for item in found]


def labelled_files(
    run: Path, parts: Sequence[Part], progress: Progress, *, max_files: int = MAX_FILES
) -> list[LabelledFile]:
    """Read files of the first of some parts of a run that is not empty, evenly spaced.

    None, with a note, where `run` is a model alone or its data are no longer there.
    """
    folder = RunFolder(run)
    if not (folder.config.is_file() and folder.split.is_file()):
        progress.note("the model has no run: only the conformance kit tests the export")
        return []
    try:
        samples, inspection = inspect_data(read_config(folder.config), progress)
        split = apply_manifest(
            samples,
            read_manifest(folder.split),
            sha256=inspection.sha256,
            reasons=inspection.reasons,
            manifest_path=folder.split,
        )
    except DataError as error:
        progress.note(
            f"warning: the run's images cannot be read ({error.what}): only the conformance kit "
            "proves the export"
        )
        return []
    rows = next((rows for part in parts if len(rows := split.indices(part))), split.indices("test"))
    rows = rows[:: max(1, -(-len(rows) // max_files))]
    return list(_read(samples, rows))


def conformance_files() -> list[RawFile]:
    """The files of the conformance kit."""
    return [RawFile(name=file.name, data=file.data) for file in kit_files()]


def _read(samples: Samples, rows: np.ndarray) -> Iterator[LabelledFile]:
    for row in rows:
        try:
            content = samples.images.read(int(row))
        except UnusableImage:  # gone since the split: there is nothing to compare
            continue
        data = content if isinstance(content, bytes) else _png(np.asarray(content))
        file = RawFile(name=samples.paths[int(row)], data=data)
        yield LabelledFile(file, samples.label_name(int(row)))


def _png(pixels: np.ndarray) -> bytes:
    if pixels.dtype == np.uint16:
        return wide_png.written(pixels)
    buffer = io.BytesIO()
    plane = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    Image.fromarray(plane).save(buffer, "PNG")
    return buffer.getvalue()

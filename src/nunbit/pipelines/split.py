"""The split: train, validation and test folders, made by copying."""

from __future__ import annotations

from pathlib import Path

from nunbit.config import Config
from nunbit.data.materialise import check_copies_folder, write_class_folders
from nunbit.data.split import manifest_csv
from nunbit.device import resolve_device
from nunbit.files import write_new_file
from nunbit.pipelines.dataset import decode_data, inspect_data
from nunbit.pipelines.splitting.make_or_load_split import make_or_load_split
from nunbit.progress import SILENT, Progress
from nunbit.types import Split


def split_data(
    config: Config, out: Path, *, manifest: Path | None = None, progress: Progress = SILENT
) -> Split:
    """Split the data as a training would, and copy the images into a new folder for each part.

    Args:
        config: what the training would be given.
        out: new folder for the train, validation and test class folders.
        manifest: new file for the list of all images with their part, or the reason against them.
        progress: listener to progress.

    Raises:
        DataError: when DATA cannot be read as labelled images, or nothing is left for training.
        UsageError: when `out` cannot be written to.
    """
    device = resolve_device(config.device)
    samples, inspection = inspect_data(config, progress)
    check_copies_folder(samples, out)
    for note in samples.notes:
        progress.note(note)
    for warning in samples.warnings:
        progress.note(f"warning: {warning}")
    dataset, _, _ = decode_data(samples, inspection, config, device=device, progress=progress)
    split = make_or_load_split(dataset, config, progress=progress)
    rows = {part: split.indices(part) for part in ("train", "validation", "test")}
    write_class_folders(samples, rows, out, progress)
    if manifest is not None:
        write_new_file(manifest, manifest_csv(split))
    return split

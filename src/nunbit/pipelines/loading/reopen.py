"""A finished run's own images again: its data under its bundle's contract, divided as they were."""

from __future__ import annotations

from pathlib import Path

import torch

from nunbit.bundle import Bundle
from nunbit.config import Config, read_config
from nunbit.data.split import apply_manifest, read_manifest
from nunbit.errors import UsageError
from nunbit.pipelines.loading.parts import Parts
from nunbit.pipelines.loading.prepare import Prepared, decode_under, find
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import Progress
from nunbit.types import Split


def own_parts(
    run: Path, bundle: Bundle, *, device: torch.device, progress: Progress
) -> tuple[Config, Parts]:
    """The run's configuration, and its images as they were divided for its training.

    Decoded pixels come from the cache where they still are there. Raises UsageError where `run` is
    no run's folder; DataError where the data are gone or have changed.
    """
    folder = RunFolder(run)
    if not (folder.config.is_file() and folder.split.is_file()):
        raise UsageError("this is no run's folder, so it knows no training images", path=run)
    config = read_config(folder.config)
    found = find(config, progress)
    prepared = decode_under(bundle.preprocess, found, config, progress=progress)
    split = own_division(prepared, folder.split)
    parts = Parts(prepared=prepared, split=split, preprocess=bundle.preprocess, device=device)
    return config, parts


def own_division(prepared: Prepared, manifest: Path) -> Split:
    """The division that a run's split.csv has. Raises DataError where images have changed."""
    return apply_manifest(
        prepared.samples,
        read_manifest(manifest),
        sha256=prepared.inspection.sha256,
        reasons=prepared.reasons,
        manifest_path=manifest,
    )

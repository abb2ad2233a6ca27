"""A finished run's own images again: its data under its bundle's contract, divided as they were."""

from __future__ import annotations

from pathlib import Path

import torch

from nunbit.bundle import Bundle
from nunbit.config import Config, read_config
from nunbit.data.split import apply_manifest, read_manifest
from nunbit.errors import UsageError
from nunbit.models.choose import ModelChoice
from nunbit.progress import Progress
from nunbit.run.contract import Chosen
from nunbit.run.folder import RunFolder
from nunbit.run.parts import Parts
from nunbit.run.prepare import decode_under, find


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
    contract = bundle.preprocess
    chosen = Chosen(
        model=ModelChoice(
            name=bundle.architecture,
            height=contract.height,
            width=contract.width,
            reason="it is the bundle's",
        ),
        preprocess=contract,
        statistics_known=True,
    )
    prepared = decode_under(chosen, find(config, progress), config, progress=progress)
    split = apply_manifest(
        prepared.samples,
        read_manifest(folder.split),
        sha256=prepared.inspection.sha256,
        reasons=prepared.reasons,
        manifest_path=folder.split,
    )
    return config, Parts(prepared=prepared, split=split, preprocess=contract, device=device)

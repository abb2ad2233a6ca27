"""The check: everything up to the division of a training, and then a long look at the data."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.measurements.backbone import Backbone, choose_backbone
from nunbit.checks.run import examine, examine_quickly
from nunbit.config import Config
from nunbit.data.preprocess import Preprocess
from nunbit.device import resolve_device
from nunbit.errors import UsageError
from nunbit.pipelines.loading.make_split import complete_contract, divided_for_check
from nunbit.pipelines.loading.prepare import decode, find
from nunbit.progress import SILENT, Progress
from nunbit.types import Split


def check_data(
    config: Config,
    *,
    quick: bool = False,
    backbone: str = "auto",
    progress: Progress = SILENT,
) -> Diagnosis:
    """Find, decode and divide the data as a training would, and examine them; nothing is changed.

    Args:
        config: what the training would be given.
        quick: only what every training checks, without a look at the pixels.
        backbone: pretrained weights whose features tell what is alike: a name, 'none' or 'auto'.
        progress: who is told what happens.

    Raises:
        DataError: when DATA cannot be read as labelled images at all.
        UsageError: when a setting or the backbone is unknown, or a backbone is named for `quick`.
        WeightsError: when the backbone's weights are missing or damaged.
    """
    device = resolve_device(config.device)
    # A typing error is noticed before the images are read rather than after.
    named = None if backbone in ("auto", "none") else Backbone(backbone, device=device)
    if named is not None and quick:
        raise UsageError("--quick looks at no pixels, so no backbone can", remedy="leave out one")
    began = time.perf_counter()
    found = find(config, progress)
    inspected = time.perf_counter()
    prepared = decode(found, config, device_type=device.type, progress=progress)
    decoded = time.perf_counter()
    split, findings = divided_for_check(prepared, config, progress=progress)
    preprocess = prepared.pixels.preprocess
    if split.counts["train"]:
        preprocess = complete_contract(prepared, split)
    divided = time.perf_counter()
    if quick:
        diagnosis = examine_quickly(prepared, split, findings=findings, preprocess=preprocess)
    else:
        diagnosis = examine(
            prepared,
            split,
            findings=findings,
            preprocess=preprocess,
            backbone=named or _automatic(backbone, preprocess, split, device),
            progress=progress,
        )
    before = {
        "files": inspected - began,
        "decode": decoded - inspected,
        "divide": divided - decoded,
    }
    return replace(diagnosis, seconds={**before, **diagnosis.seconds})


def _automatic(
    backbone: str, contract: Preprocess, split: Split, device: torch.device
) -> Backbone | None:
    """The backbone that `auto` finds worthwhile, if any."""
    images = len(split) - split.counts["excluded"]
    name = choose_backbone(backbone, height=contract.height, width=contract.width, images=images)
    return None if name is None else Backbone(name, device=device)

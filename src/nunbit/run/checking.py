"""The check: everything up to the division of a training, and then a long look at the data."""

from __future__ import annotations

import time
from dataclasses import replace

from nunbit.config import Config
from nunbit.device import resolve_device
from nunbit.doctor.diagnosis import Diagnosis
from nunbit.doctor.examine import examine
from nunbit.progress import SILENT, Progress
from nunbit.run.dividing import complete_contract, divided_for_check
from nunbit.run.prepare import decode, find


def check_data(
    config: Config,
    *,
    quick: bool = False,
    backbone: str = "auto",  # noqa: ARG001
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
        UsageError: when a setting, or the backbone, is unknown.
    """
    began = time.perf_counter()
    device = resolve_device(config.device)
    found = find(config, progress)
    inspected = time.perf_counter()
    prepared = decode(found, config, device_type=device.type, progress=progress)
    decoded = time.perf_counter()
    split, findings = divided_for_check(prepared, config, progress=progress)
    preprocess = prepared.pixels.preprocess
    if split.counts["train"]:
        preprocess = complete_contract(prepared, split)
    divided = time.perf_counter()
    diagnosis = examine(
        prepared,
        split,
        findings=findings,
        preprocess=preprocess,
        quick=quick,
        progress=progress,
    )
    before = {
        "files": inspected - began,
        "decode": decoded - inspected,
        "divide": divided - decoded,
    }
    return replace(diagnosis, seconds={**before, **diagnosis.seconds})

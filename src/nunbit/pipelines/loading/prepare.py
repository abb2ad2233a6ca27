"""From DATA to decoded pixels: the stages that training, checking and splitting share.

Decoding comes before the split, because only decoding tells that a file is truncated, and what
cannot be used must not be given a part.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import joblib
import psutil

from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.checks.metadata.unusable_files import bad_images
from nunbit.checks.run import quick_findings
from nunbit.config import Config, PixelsConfig
from nunbit.data.corrections import apply_corrections, read_corrections
from nunbit.data.inspect import Inspection, inspect
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.data.pixels import Budget, Pixels, open_pixels
from nunbit.data.preprocess import Preprocess
from nunbit.data.sources import load_samples
from nunbit.errors import DataError
from nunbit.models.catalog import model_info
from nunbit.models.choose import ModelChoice
from nunbit.models.create import check_model_settings
from nunbit.models.info import Shape
from nunbit.pipelines.resolving.contract import Chosen, choose_contract
from nunbit.progress import Progress
from nunbit.types import Samples


@dataclass(frozen=True, kw_only=True)
class Found:
    """What DATA holds, before any pixel is decoded."""

    samples: Samples
    inspection: Inspection


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What DATA holds, decoded."""

    samples: Samples
    inspection: Inspection
    pixels: Pixels
    model: ModelChoice
    """The network that the input contract was chosen for."""
    findings: tuple[Finding, ...]
    statistics_known: bool = False
    """Whether the contract's mean and standard deviation are final."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """[N] '' for a usable sample, else why it is excluded."""
        return self.pixels.reasons


def find(config: Config, progress: Progress) -> Found:
    """List the samples, correct the list, and look at every file's bytes and header.

    Raises:
        DataError: when DATA cannot be read as labelled images, or the corrections do not fit.
    """
    data = config.data
    samples = load_samples(
        data.path,
        label_from=data.label_from,
        label_map=None if data.label_map is None else Path(data.label_map),
        group_from=data.group_from,
    )
    if data.corrections is not None:
        file = Path(data.corrections)
        samples = apply_corrections(samples, read_corrections(file), path=file)
    inspection = inspect(
        samples,
        workers=_workers(config.pixels),
        progress=progress,
        remembered=_remembered(samples, config.pixels),
    )
    return Found(samples=samples, inspection=inspection)


def decode(found: Found, config: Config, *, device_type: str, progress: Progress) -> Prepared:
    """Choose model and input contract, decode every image, and check what was found.

    Raises:
        DataError: when no image can be used.
        UsageError: when the network cannot be had for such images.
    """
    samples, inspection = found.samples, found.inspection
    refuse_nothing_usable(found)
    chosen = choose_contract(inspection, config, device_type=device_type)
    _refuse_impossible_network(config, samples, chosen.preprocess, model=chosen.model.name)
    return decode_under(chosen, found, config, progress=progress)


def refuse_nothing_usable(found: Found) -> None:
    """Stop where no input contract can be chosen, for there is no image to choose it by.

    Raises:
        DataError: with the first reason.
    """
    if found.inspection.usable:
        return
    pairs = zip(found.samples.paths, found.inspection.reasons, strict=True)
    first = next((f"{path}: {reason}" for path, reason in pairs if reason), "nothing was found")
    raise DataError(
        f"none of the {len(found.samples):,} files can be used, such as {first}",
        path=found.samples.location,
        remedy="give a folder with one sub-folder of images for each class",
    )


def decode_under(chosen: Chosen, found: Found, config: Config, *, progress: Progress) -> Prepared:
    """Decode every image under a contract that stands, and check what was found."""
    samples, inspection = found.samples, found.inspection
    pixels = open_pixels(
        samples,
        sha256=inspection.sha256,
        reasons=inspection.reasons,
        preprocess=chosen.preprocess,
        budget=pixel_budget(config.pixels),
        progress=progress,
    )
    context = Context(
        samples=samples,
        inspection=inspection,
        reasons=pixels.reasons,
        max_bad_fraction=config.data.max_bad_fraction,
        test_fraction=config.split.test_fraction,
        input_size=(chosen.preprocess.height, chosen.preprocess.width),
    )
    return Prepared(
        samples=samples,
        inspection=inspection,
        pixels=pixels,
        model=chosen.model,
        findings=quick_findings(context),
        statistics_known=chosen.statistics_known,
    )


def refuse_too_many_bad(prepared: Prepared, max_bad_fraction: float) -> None:
    """Stop before training on what a faulty copy or a wrong folder has left.

    Raises:
        DataError: naming the share and some of the files.
    """
    rows, considered = bad_images(prepared.inspection, prepared.reasons)
    bad = len(rows)
    if considered == 0 or bad / considered <= max_bad_fraction:
        return
    listed = "".join(f"\n    {prepared.samples.paths[i]}: {prepared.reasons[i]}" for i in rows[:5])
    raise DataError(
        f"{bad:,} of {considered:,} images ({bad / considered:.1%}) cannot be used, more than "
        f"{max_bad_fraction:.1%}:{listed}",
        path=prepared.samples.location,
        remedy="list all with `nunbit check --json`; to train on the others all the same, "
        "--set data.max_bad_fraction=F",
    )


def _refuse_impossible_network(
    config: Config, samples: Samples, preprocess: Preprocess, *, model: str
) -> None:
    """Say before the long work of decoding, and before a run's folder is begun, what cannot be."""
    dropout = config.model.dropout
    check_model_settings(
        model_info(model),
        shape=Shape(*preprocess.shape),
        classes=len(samples.classes),
        dropout=None if dropout == "auto" else dropout,
    )


def _remembered(samples: Samples, wanted: PixelsConfig) -> InspectionCache | None:
    """What earlier runs found in the files; None where nothing may be kept on disk."""
    if wanted.disk_budget_bytes == 0:
        return None
    return InspectionCache(default_cache_folder() / "looks", samples.location)


def _workers(wanted: PixelsConfig) -> int:
    return joblib.cpu_count() if wanted.workers == "auto" else wanted.workers


def pixel_budget(wanted: PixelsConfig) -> Budget:
    """What decoded pixels may cost; `auto` from what is free now."""
    ram, disk = wanted.ram_budget_bytes, wanted.disk_budget_bytes
    return Budget(
        ram_bytes=psutil.virtual_memory().available // 2 if ram == "auto" else ram,
        disk_bytes=_free_for_cache() // 4 if disk == "auto" else disk,
        workers=_workers(wanted),
    )


def _free_for_cache() -> int:
    """Bytes free on the disk of the cache's folder, which need not exist yet."""
    folder = default_cache_folder().absolute()
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return 0

"""From DATA to decoded pixels: the stages that training, checking and splitting share.

Decoding comes before the split, because only decoding tells that a file is truncated, and what
cannot be used must not be given a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.checks.metadata.unusable_files import bad_images
from nunbit.checks.run import quick_findings
from nunbit.config import Config, PixelsConfig
from nunbit.config.budget import decide_budget, decide_workers
from nunbit.config.resolve import resolve_model_and_input
from nunbit.config.resolved import ModelAndInput
from nunbit.data.corrections import apply_corrections, read_corrections
from nunbit.data.inspect import Inspection, inspect
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.data.pixels import Pixels, open_pixels
from nunbit.data.preprocess import Preprocess
from nunbit.data.sources import load_samples
from nunbit.errors import DataError
from nunbit.models.catalog import model_info
from nunbit.models.create import check_model_settings
from nunbit.models.info import Shape
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
        workers=decide_workers(config.pixels),
        progress=progress,
        remembered=_remembered(samples, config.pixels),
    )
    return Found(samples=samples, inspection=inspection)


def decode(found: Found, config: Config, *, device_type: str, progress: Progress) -> Prepared:
    """Choose model and input contract, decode every image, and check what was found.

    Raises:
        what `choose_model_and_input` raises.
    """
    chosen = choose_model_and_input(found, config, device_type=device_type)
    return decode_under(
        chosen.preprocess,
        found,
        config,
        statistics_known=chosen.statistics_known,
        progress=progress,
    )


def choose_model_and_input(found: Found, config: Config, *, device_type: str) -> ModelAndInput:
    """Decide on the network and the input contract, and check that such a network can be had.

    Raises:
        DataError: when no image can be used.
        UsageError: when the network cannot be had for such images.
    """
    refuse_nothing_usable(found)
    chosen = resolve_model_and_input(config, found.inspection, device_type=device_type)
    # Said before the long work of decoding, and before a run's folder is begun.
    contract = chosen.preprocess
    check_model_settings(
        model_info(chosen.model.name),
        shape=Shape(*contract.shape),
        classes=len(found.samples.classes),
        dropout=chosen.model.dropout,
    )
    return chosen


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


def decode_under(
    preprocess: Preprocess,
    found: Found,
    config: Config,
    *,
    statistics_known: bool = True,
    progress: Progress,
) -> Prepared:
    """Decode every image under a contract, and check what was found."""
    samples, inspection = found.samples, found.inspection
    pixels = open_pixels(
        samples,
        sha256=inspection.sha256,
        reasons=inspection.reasons,
        preprocess=preprocess,
        budget=decide_budget(config.pixels),
        progress=progress,
    )
    context = Context(
        samples=samples,
        inspection=inspection,
        reasons=pixels.reasons,
        max_bad_fraction=config.data.max_bad_fraction,
        test_fraction=config.split.test_fraction,
        input_size=(preprocess.height, preprocess.width),
    )
    return Prepared(
        samples=samples,
        inspection=inspection,
        pixels=pixels,
        findings=quick_findings(context),
        statistics_known=statistics_known,
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


def _remembered(samples: Samples, wanted: PixelsConfig) -> InspectionCache | None:
    """What earlier runs found in the files; None where nothing may be kept on disk."""
    if wanted.disk_budget_bytes == 0:
        return None
    return InspectionCache(default_cache_folder() / "looks", samples.location)

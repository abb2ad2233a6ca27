"""The data set of DATA, decoded and split: opened in one way for training, checking and all others.

Decoding comes before the split, because only decoding tells that a file is truncated, and what
cannot be used must not be given a part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from nunbit.bundle import Bundle
from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.checks.metadata.unusable_files import bad_images
from nunbit.checks.run import quick_findings
from nunbit.config import Config, read_config
from nunbit.config.budget import decide_budget, decide_workers
from nunbit.config.resolved import ModelAndInput
from nunbit.config.sections import DataConfig
from nunbit.data.corrections import apply_corrections, left_out_of_test, read_corrections
from nunbit.data.dataset import Dataset
from nunbit.data.inspect import Inspection, grouped_by_patient, inspect
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.data.pixels import channel_statistics, open_pixels
from nunbit.data.preprocess import Preprocess
from nunbit.data.sources import load_samples
from nunbit.data.split import given_parts, small_classes, with_exclusions
from nunbit.errors import DataError, UsageError
from nunbit.formatting import count, examples, percentage
from nunbit.models.catalog import model_info
from nunbit.models.create import check_model_settings
from nunbit.models.info import Shape
from nunbit.pipelines.input_contract import choose_model_and_input
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.splitting.make_or_load_split import make_or_load_split
from nunbit.pipelines.stopwatch import Stopwatch
from nunbit.progress import SILENT, Progress
from nunbit.types import Samples

MIN_IMAGES = 3
"""Number of images of a class, so that each part can have one."""
MAX_NAMED_CLASSES = 5
"""Limit of the classes named that miss a part; of more, one line says how many they are."""
MAX_STATISTICS_IMAGES = 10_000
"""Mean and standard deviation are taken from at most so many evenly spaced training images."""


class OpenedDataset(NamedTuple):
    """A data set, and what was decided and found on the way to it."""

    dataset: Dataset
    chosen: ModelAndInput
    """The network, and the input contract before its statistics."""
    findings: tuple[Finding, ...]
    """Findings of the quick check."""


# ------------------------------------------------------------------------------------------------
# All stages in order
# ------------------------------------------------------------------------------------------------


def open_dataset(
    config: Config,
    *,
    device: torch.device,
    recorded: Path | None = None,
    report: bool = False,
    progress: Progress = SILENT,
    watch: Stopwatch | None = None,
) -> OpenedDataset:
    """Find, inspect, decode and split the data of a configuration, as a training does.

    Args:
        config: what the user asks for.
        device: where batches go.
        recorded: split.csv of a run that goes on; it need not exist yet.
        report: also say what was found, and stop where too much of it is bad.
        progress: listener to progress.
        watch: measures the stages "check" and "decode".

    Raises:
        DataError: when DATA cannot be read as labelled images, no image can be used, the
            corrections or the manifest do not fit, or a class has nothing to learn from.
        UsageError: when the network cannot be had for such images.
    """
    watch = watch or Stopwatch()
    with watch.stage("check"):
        samples, inspection = inspect_data(config, progress)
    with watch.stage("decode"):
        dataset, chosen, findings = decode_data(
            samples, inspection, config, device=device, progress=progress
        )
    if report:
        report_data(dataset, findings, progress)
        check_bad_fraction(dataset, config.data.max_bad_fraction)
    with watch.stage("check"):
        split = make_or_load_split(dataset, config, recorded=recorded, progress=progress)
        dataset = dataset.with_split(split)
    with watch.stage("decode"):
        dataset, chosen = with_training_range(dataset, chosen, config, progress=progress)
    with watch.stage("check"):
        if report:
            report_split(dataset, progress)
        check_trainable(dataset)
        if not chosen.statistics_known:
            dataset = dataset.with_statistics(training_statistics(dataset))
    return OpenedDataset(dataset, chosen, findings)


def reopen_dataset(
    run: Path,
    bundle: Bundle,
    *,
    device: torch.device,
    progress: Progress = SILENT,
    watch: Stopwatch | None = None,
) -> tuple[Config, Dataset]:
    """Configuration and data set of a finished run: its data under its bundle's contract and split.

    Decoded pixels come from the cache where they still are there. Raises UsageError where `run` is
    not a run's folder; DataError where the data are gone or have changed.
    """
    folder, watch = RunFolder(run), watch or Stopwatch()
    if not (folder.config.is_file() and folder.split.is_file()):
        raise UsageError("this is not a run's folder, so its images are not known", path=run)
    config = read_config(folder.config)
    check_still_there(config, then=f"or name their new place: nunbit evaluate {run} --data DATA")
    with watch.stage("check"):
        samples, inspection = inspect_data(config, progress)
    with watch.stage("decode"):
        dataset = decode_under(
            bundle.preprocess, samples, inspection, config, device=device, progress=progress
        )
    split = make_or_load_split(dataset, config, recorded=folder.split)
    return config, dataset.with_split(split)


def check_still_there(config: Config, *, then: str) -> None:
    """Say that a run's data are gone, where they were a path and nothing is there any more.

    Raises:
        DataError: with `then` as the other way out.
    """
    path = Path(config.data.path)
    if path.is_absolute() and not path.exists():
        raise DataError(
            "the data that this run was trained on are not here any more",
            path=path,
            remedy=f"put them back, {then}",
        )


# ------------------------------------------------------------------------------------------------
# Each stage
# ------------------------------------------------------------------------------------------------


def inspect_data(
    config: Config, progress: Progress = SILENT, *, evaluating: bool = False
) -> tuple[Samples, Inspection]:
    """List the samples, correct the list, and look at every file's bytes and header.

    Where a finished model is only evaluated, one class is enough.

    Raises:
        DataError: when DATA cannot be read as labelled images, or the corrections do not fit.
    """
    data = config.data
    samples = load_configured(data, evaluating=evaluating)
    if data.corrections is not None:
        file = Path(data.corrections)
        samples = apply_corrections(samples, read_corrections(file), path=file)
    cache = None
    if config.pixels.disk_budget_bytes != 0:
        cache = InspectionCache(default_cache_folder() / "looks", samples.location)
    workers = decide_workers(config.pixels)
    inspection = inspect(samples, workers=workers, progress=progress, remembered=cache)
    return grouped_by_patient(samples, inspection), inspection


def load_configured(
    data: DataConfig, *, path: str | None = None, evaluating: bool = False
) -> Samples:
    """Everything found in DATA, or in `path`, read as the configuration says.

    Raises:
        DataError: when it cannot be read as labelled images.
        ConfigError: when an option is wrong or does not fit the data.
    """
    return load_samples(
        path or data.path,
        label_from=data.label_from,
        label_map=None if data.label_map is None else Path(data.label_map),
        group_from=data.group_from,
        parts=data.parts,
        exclude=data.exclude,
        path_column=data.path_column,
        label_column=data.label_column,
        image_root=None if data.image_root is None else Path(data.image_root),
        header=data.header,
        evaluating=evaluating,
    )


def decode_data(
    samples: Samples,
    inspection: Inspection,
    config: Config,
    *,
    device: torch.device,
    progress: Progress = SILENT,
) -> OpenedDataset:
    """Choose network and input contract, decode every image, and check what was found.

    The data set is not split yet.

    Raises:
        DataError: when no image can be used.
        UsageError: when the network cannot be had for such images.
    """
    check_any_usable(samples, inspection)
    chosen = choose_model_and_input(config, samples, inspection, device_type=device.type)
    contract = chosen.preprocess
    # Noticed before the long work of decoding, and before a run's folder is begun.
    check_model_settings(
        model_info(chosen.model.name),
        shape=Shape(*contract.shape),
        classes=len(samples.classes),
        dropout=chosen.model.dropout,
    )
    dataset = decode_under(contract, samples, inspection, config, device=device, progress=progress)
    return OpenedDataset(dataset, chosen, findings_of(dataset, config))


def with_training_range(
    dataset: Dataset, chosen: ModelAndInput, config: Config, *, progress: Progress = SILENT
) -> tuple[Dataset, ModelAndInput]:
    """The data set under the pixel range of its training part, which is known after the split.

    Until then the range is that of all images that may come to train. Nothing changes where all
    have 8 bits or a range is set; where the two differ, the images are decoded again, and those
    that the new range cannot show are excluded from their part.
    """
    samples, inspection = dataset.samples, dataset.inspection
    facts = [inspection.facts[row] for row in dataset.rows("train")]
    if config.pixels.range != "auto" or not any(fact is not None and fact.wide for fact in facts):
        return dataset, chosen
    again = choose_model_and_input(
        config, samples, inspection, device_type=dataset.device.type, rows=dataset.rows("train")
    )
    if again.preprocess != dataset.preprocess:
        split = dataset.split
        dataset = decode_under(
            again.preprocess, samples, inspection, config, device=dataset.device, progress=progress
        )
        dataset = dataset.with_split(with_exclusions(split, dataset.pixels.reasons))
        _report_unshown(dataset, split.counts["excluded"], progress)
    return dataset, again


def _report_unshown(dataset: Dataset, excluded_before: int, progress: Progress) -> None:
    """Say how many more images are excluded than before, where the range cannot show some."""
    more = dataset.split.counts["excluded"] - excluded_before
    if more:
        reason = next(r for r in reversed(dataset.pixels.reasons) if r)
        progress.note(
            f"warning: {count(more, 'image')} left out, for the range of the training images does "
            f"not fit: {reason}"
        )


def decode_under(
    preprocess: Preprocess,
    samples: Samples,
    inspection: Inspection,
    config: Config,
    *,
    device: torch.device,
    progress: Progress = SILENT,
) -> Dataset:
    """Decode every image under a contract that stands; the data set is not split yet."""
    pixels = open_pixels(
        samples,
        sha256=inspection.sha256,
        reasons=inspection.reasons,
        preprocess=preprocess,
        budget=decide_budget(config.pixels),
        progress=progress,
    )
    return Dataset(
        samples=samples,
        inspection=inspection,
        pixels=pixels,
        split=given_parts(samples, sha256=inspection.sha256, reasons=pixels.reasons),
        preprocess=preprocess,
        device=device,
    )


def findings_of(dataset: Dataset, config: Config) -> tuple[Finding, ...]:
    """Findings of every training: of all checks that need no look at the pixels."""
    contract = dataset.preprocess
    context = Context(
        samples=dataset.samples,
        inspection=dataset.inspection,
        reasons=dataset.pixels.reasons,
        max_bad_fraction=config.data.max_bad_fraction,
        test_fraction=config.split.test_fraction,
        input_size=(contract.height, contract.width),
        frame=contract.frame,
    )
    return quick_findings(context)


def training_statistics(dataset: Dataset) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over the training part alone."""
    rows = dataset.rows("train")
    if len(rows) > MAX_STATISTICS_IMAGES:
        rows = rows[:: -(-len(rows) // MAX_STATISTICS_IMAGES)]
    return channel_statistics(dataset.pixels, rows)


# ------------------------------------------------------------------------------------------------
# What stops a run, and what it reports
# ------------------------------------------------------------------------------------------------


def check_any_usable(samples: Samples, inspection: Inspection) -> None:
    """Stop where no input contract can be chosen, for there is no image to choose it by.

    Raises:
        DataError: with the first reason.
    """
    if inspection.usable:
        return
    pairs = zip(samples.paths, inspection.reasons, strict=True)
    first = next((f"{path}: {reason}" for path, reason in pairs if reason), "nothing was found")
    raise DataError(
        f"none of the {len(samples):,} files can be used, such as {first}",
        path=samples.location,
        remedy="give a folder with one sub-folder of images for each class",
    )


def check_bad_fraction(dataset: Dataset, max_bad_fraction: float) -> None:
    """Stop before training on what a faulty copy or a wrong folder has left.

    Raises:
        DataError: naming the fraction and some of the files.
    """
    reasons = dataset.pixels.reasons
    rows, considered = bad_images(dataset.inspection, reasons)
    bad = len(rows)
    if considered == 0 or bad / considered <= max_bad_fraction:
        return
    listed = "".join(f"\n    {dataset.paths[i]}: {reasons[i]}" for i in rows[:5])
    raise DataError(
        f"{bad:,} of {considered:,} images ({percentage(bad / considered)}) cannot be used, "
        f"more than {percentage(max_bad_fraction)}:{listed}",
        path=dataset.samples.location,
        remedy="list all with `nunbit check --json`; to train on the others all the same, "
        "--set data.max_bad_fraction=F",
    )


def check_trainable(dataset: Dataset) -> None:
    """Stop before training where a class could not be learned or nothing could be measured.

    Raises:
        DataError: naming the classes, or saying that there is no test image.
    """
    learned = set(np.unique(dataset.labels[dataset.rows("train")]).tolist())
    missing = [name for number, name in enumerate(dataset.classes) if number not in learned]
    if missing:
        raise DataError(
            f"{len(missing)} {'class has' if len(missing) == 1 else 'classes have'} no usable "
            f"training image: {', '.join(missing[:10])}",
            path=dataset.samples.location,
            remedy="add images, or remove the class; `nunbit check` says why images are excluded",
        )
    if len(dataset.rows("test")) == 0:
        raise DataError(
            "there are too few images to keep some for the test",
            path=dataset.samples.location,
            remedy=_remedy_without_test(dataset),
        )


def _remedy_without_test(dataset: Dataset) -> str:
    """Remedy that gives a test part: more images, more groups, or another fraction."""
    rows = np.flatnonzero([not reason for reason in dataset.reasons])
    images = Counter(dataset.labels[rows].tolist())
    if min(images.values(), default=0) < MIN_IMAGES:
        return "give at least three images in each class"
    if any(dataset.groups):
        groups = {(int(dataset.labels[row]), dataset.groups[row]) for row in rows}
        few = Counter(label for label, _ in groups)
        if min(few.values()) < MIN_IMAGES:
            return (
                "give images of at least three groups in each class: a group stays whole, and "
                "is in one part"
            )
    return "raise split.test_fraction, or name test images with --parts or a column 'split'"


def report_data(dataset: Dataset, findings: tuple[Finding, ...], progress: Progress) -> None:
    """Say what was found: size, classes, and every finding in one line, with its first example."""
    labels = [label for label, bad in zip(dataset.labels, dataset.reasons, strict=True) if not bad]
    present, known = len(set(labels)), len(dataset.classes)
    classes = f"{known} classes" if present == known else f"{present} of {known} classes"
    progress.note(f"{dataset.name}: {len(labels):,} images in {classes}")
    for finding in findings:
        examples = f"; for example {finding.examples[0]}" if finding.examples else ""
        if finding.severity == "note":
            progress.detail(f"{finding.title}{examples}")
        else:
            progress.note(f"{finding.severity}: {finding.title}{examples}")


def report_split(dataset: Dataset, progress: Progress) -> None:
    """Say how many images each part has, and where a class or the whole is not as it should be."""
    split = dataset.split
    counts = split.counts
    progress.note(
        f"{counts['train']:,} images for training, {counts['validation']:,} for validation, "
        f"{counts['test']:,} for the test; {counts['excluded']:,} files are excluded"
    )
    _report_small_classes(small_classes(split), progress)
    report_corrected_test(dataset, progress)
    leaked = len(split.leaked_test_indices)
    if leaked:
        progress.note(
            f"warning: {leaked:,} test images also appear in the training or validation part as "
            "you gave them; the score without them is reported too"
        )


def _report_small_classes(small: Mapping[str, Mapping[str, int]], progress: Progress) -> None:
    """Name the classes that miss a part: each of a few, or how many there are."""
    if len(small) > MAX_NAMED_CLASSES:
        progress.note(
            f"warning: {len(small):,} classes have no image in some part, such as "
            f"{examples(list(small))}: what is missing in the test part is not measured"
        )
        return
    for name, parts in small.items():
        progress.note(
            f"warning: class {name} has no image in some part: {parts['train']} for training, "
            f"{parts['validation']} for validation, {parts['test']} for the test"
        )


def report_corrected_test(dataset: Dataset, progress: Progress) -> None:
    """Say loudly where corrections change the images that the model is tested on."""
    split, former = dataset.split, dataset.samples.former_labels
    relabelled = sum(split.paths[row] in former for row in split.indices("test"))
    left_out = left_out_of_test(split)
    if not relabelled and not left_out:
        return
    progress.note(
        f"warning: the corrections change the test part: {count(relabelled, 'test image')} "
        f"{'has' if relabelled == 1 else 'have'} another class, {left_out:,} "
        f"{'is' if left_out == 1 else 'are'} left out; the score on the untouched test images is "
        "reported too"
    )

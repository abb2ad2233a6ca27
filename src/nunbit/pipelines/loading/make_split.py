"""The division of a run: recorded, given or new, and what it says about the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nunbit.checks.finding import Finding
from nunbit.config import Config
from nunbit.data.corrections import EXCLUDED_REASON, read_corrections, with_new_labels
from nunbit.data.pixels import channel_statistics
from nunbit.data.preprocess import Preprocess
from nunbit.data.split import Fractions, apply_manifest, make_split, read_manifest, small_classes
from nunbit.errors import DataError
from nunbit.pipelines.loading.near_duplicate_pairs import copies_to_keep_together
from nunbit.pipelines.loading.prepare import Prepared
from nunbit.progress import SILENT, Progress
from nunbit.types import Split

STATISTICS_IMAGES = 10_000
"""Mean and standard deviation are taken from at most so many evenly spaced training images."""


def divide(
    prepared: Prepared,
    config: Config,
    *,
    recorded: Path | None = None,
    progress: Progress = SILENT,
) -> Split:
    """The recorded division of a resumed run, a given manifest's, or a new one.

    Raises:
        DataError: when a manifest does not fit the data, or nothing is left for training.
    """
    samples, sha256 = prepared.samples, prepared.inspection.sha256
    manifest = recorded if recorded is not None and recorded.is_file() else None
    if manifest is None and config.data.manifest is not None:
        manifest = Path(config.data.manifest)
    if manifest is not None:
        division = read_manifest(manifest)
        if manifest == recorded:
            _refuse_changed_corrections(division, prepared, config)
        elif config.data.corrections is not None:
            division = with_new_labels(division, read_corrections(Path(config.data.corrections)))
        return apply_manifest(
            samples,
            division,
            sha256=sha256,
            reasons=prepared.reasons,
            manifest_path=manifest,
        )
    fractions = Fractions(
        test=config.split.test_fraction,
        validation=config.split.validation_fraction,
        max_validation=config.split.max_validation,
    )
    return make_split(
        samples,
        sha256=sha256,
        reasons=prepared.reasons,
        fractions=fractions,
        seed=config.seed,
        copies=copies_to_keep_together(prepared, config, progress),
    )


def _refuse_changed_corrections(recorded: Split, prepared: Prepared, config: Config) -> None:
    """A resumed run goes on with the images that it began with.

    Labels that the corrections have changed are noticed by `apply_manifest`.
    """
    now = _corrected_away(prepared.samples.paths, prepared.reasons)
    different = sorted(now ^ _corrected_away(recorded.paths, recorded.reasons))
    if different:
        raise DataError(
            f"the corrections have changed since the run began: {different[0]} "
            f"{'is' if different[0] in now else 'is no longer'} excluded",
            path=config.data.corrections,
            remedy="give them back their content, or begin a new run",
        )


def _corrected_away(paths: Sequence[str], reasons: Sequence[str]) -> set[str]:
    pairs = zip(paths, reasons, strict=True)
    return {path for path, reason in pairs if reason.startswith(EXCLUDED_REASON)}


def refuse_untrainable(split: Split, prepared: Prepared) -> None:
    """Stop before training where a class could not be learned or nothing could be measured.

    Raises:
        DataError: naming the classes, or saying that there is no test image.
    """
    learned = {split.labels[i] for i in split.indices("train")}
    missing = [name for name in prepared.samples.classes if name not in learned]
    if missing:
        raise DataError(
            f"{len(missing)} {'class has' if len(missing) == 1 else 'classes have'} no usable "
            f"training image: {', '.join(missing[:10])}",
            path=prepared.samples.location,
            remedy="add images, or remove the class; `nunbit check` says why images are excluded",
        )
    if split.counts["test"] == 0:
        raise DataError(
            "there are too few images to keep some for the test",
            path=prepared.samples.location,
            remedy="give at least three images in each class",
        )


def divided_for_check(
    prepared: Prepared, config: Config, *, progress: Progress = SILENT
) -> tuple[Split, tuple[Finding, ...]]:
    """The division, and the findings of the check after what would stop a training at it."""
    split: Split | None = None
    try:
        split = divide(prepared, config, progress=progress)
        refuse_untrainable(split, prepared)
    except DataError as error:
        stop = Finding(
            kind="untrainable", severity="error", title=error.what, count=0, remedy=error.remedy
        )
        return split or _undivided(prepared), (stop, *prepared.findings)
    return split, prepared.findings


def _undivided(prepared: Prepared) -> Split:
    """Every usable image in the part that the data give it, or in training."""
    samples, reasons = prepared.samples, prepared.reasons
    pairs = zip(samples.parts, reasons, strict=True)
    return Split(
        paths=samples.paths,
        labels=tuple(samples.label_name(i) for i in range(len(samples))),
        parts=tuple("excluded" if reason else part or "train" for part, reason in pairs),
        groups=samples.groups,
        sha256=prepared.inspection.sha256,
        reasons=reasons,
    )


def complete_contract(prepared: Prepared, split: Split) -> Preprocess:
    """The contract with the mean and standard deviation of the training part alone.

    Statistics that are known, because they belong to pretrained weights or were set, stay.
    """
    if prepared.statistics_known:
        return prepared.pixels.preprocess
    rows = split.indices("train")
    if len(rows) > STATISTICS_IMAGES:
        rows = rows[:: -(-len(rows) // STATISTICS_IMAGES)]
    mean, std = channel_statistics(prepared.pixels, rows)
    return prepared.pixels.preprocess.with_statistics(mean, std)


def tell_data(prepared: Prepared, progress: Progress) -> None:
    """Say what was found: size, classes, and every finding in one line, with its first example."""
    samples = prepared.samples
    usable = sum(not reason for reason in prepared.reasons)
    progress.note(f"{samples.name}: {usable:,} images in {len(samples.classes)} classes")
    for finding in prepared.findings:
        examples = f"; for example {finding.examples[0]}" if finding.examples else ""
        prefix = "" if finding.severity == "note" else f"{finding.severity}: "
        progress.note(f"{prefix}{finding.title}{examples}")


def tell_split(split: Split, progress: Progress) -> None:
    """Say how many images each part has, and where a class or the whole is not as it should be."""
    counts = split.counts
    progress.note(
        f"{counts['train']:,} images train, {counts['validation']:,} validate, "
        f"{counts['test']:,} test; {counts['excluded']:,} files are excluded"
    )
    for name, parts in small_classes(split).items():
        progress.note(
            f"warning: class {name} has no image in some part: {parts['train']} train, "
            f"{parts['validation']} validate, {parts['test']} test"
        )
    leaked = len(split.leaked_test_indices)
    if leaked:
        progress.note(
            f"warning: {leaked:,} test images also stand in the training or validation part as "
            "you gave them; the score without them is stated too"
        )

"""Check that runs were tested on the same images; if not, say what differs."""

from __future__ import annotations

from collections.abc import Sequence

from nunbit.data.split import read_manifest
from nunbit.errors import UsageError
from nunbit.pipelines.recorded_run import RecordedRun

_ONE_TEST_PART = (
    "train them with the parts of one run (nunbit train DATA --split {manifest}), or measure all "
    "on the same new images (nunbit evaluate RUN --data DATA) and compare the results, or give at "
    "least two seeds of each configuration"
)


def check_same_data(runs: Sequence[RecordedRun]) -> None:
    """Refuse runs whose numbers say nothing about each other.

    Raises:
        UsageError: when classes differ, or the same path holds another image or label.
    """
    first = runs[0]
    for other in runs[1:]:
        _check_same_classes(first, other)
        _check_same_images(first, other)
        _check_same_labels(first, other)


def other_test_images(first: RecordedRun, second: RecordedRun) -> str:
    """Describe the difference between the test images of two runs; '' if there is none."""
    if first.paths == second.paths:
        return ""
    for one, other in ((first, second), (second, first)):
        others = set(other.paths)
        missing = [path for path in one.paths if path not in others]
        if missing:
            return (
                f"{len(missing):,} of the {len(one.paths):,} test images of {one.name} are not "
                f"among those of {other.name}, such as {missing[0]}"
            )
    raise AssertionError("two sorted lists without repeats differ in some path")


def check_same_test_images(first: RecordedRun, second: RecordedRun) -> None:
    """Refuse a pair that cannot be compared image by image.

    Raises:
        UsageError: naming what differs.
    """
    difference = other_test_images(first, second)
    if difference:
        manifest = first.folder / "split.csv"
        raise UsageError(
            f"the runs were not tested on the same images: {difference}",
            path=second.folder,
            remedy=_ONE_TEST_PART.format(manifest=manifest),
        )


def seen_in_training(run: RecordedRun) -> int:
    """Test images whose bytes are also in the training or validation part of the run.

    None in a run's own test part, unless the data's own parts leak; but of what `nunbit evaluate`
    is given, any number.

    Raises:
        DataError: when the manifest of the training is damaged.
    """
    if run.trained_in is None:
        return 0
    trained = read_manifest(run.trained_in / "split.csv")
    parts = zip(trained.sha256, trained.parts, strict=True)
    seen = {digest for digest, part in parts if digest and part in ("train", "validation")}
    return sum(run.digests[path] in seen for path in run.paths)


def _check_same_classes(first: RecordedRun, other: RecordedRun) -> None:
    for one, two in ((first, other), (other, first)):
        unknown = [name for name in one.classes if name not in two.classes]
        if unknown:
            raise UsageError(
                f"the runs tell other classes apart: {one.name} knows {unknown[0]!r}, "
                f"{two.name} does not",
                path=other.folder,
                remedy="compare runs with the same classes",
            )


def _check_same_images(first: RecordedRun, other: RecordedRun) -> None:
    for path, digest in other.digests.items():
        known = first.digests.get(path)
        if known and digest and known != digest:
            raise UsageError(
                f"the runs were made with other data: {path} was not the same file for "
                f"{first.name} and {other.name}",
                path=other.folder,
                remedy="compare runs on the same images",
            )
    if not any(path in first.digests for path in other.paths):
        raise UsageError(
            f"the runs were made with other data: {first.name} found none of the test images of "
            f"{other.name}, such as {other.paths[0]}",
            path=other.folder,
            remedy="compare runs on the same images",
        )


def _check_same_labels(first: RecordedRun, other: RecordedRun) -> None:
    labels = dict(zip(first.paths, first.answers.labels, strict=True))
    for path, label in zip(other.paths, other.answers.labels, strict=True):
        if path in labels and first.classes[labels[path]] != other.classes[label]:
            raise UsageError(
                f"the runs were tested with other labels: {path} is "
                f"{first.classes[labels[path]]!r} for {first.name} and "
                f"{other.classes[label]!r} for {other.name}",
                path=other.folder,
                remedy="train them with the same labels and corrections",
            )

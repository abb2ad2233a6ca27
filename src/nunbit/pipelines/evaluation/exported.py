"""Numbers of an exported model on labelled images, without torch; the report where it can be built.

The answers are the export's own, by the engine that `nunbit predict EXPORT` uses; the numbers come
from the same functions as those of a run. N images evaluated.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit import __version__
from nunbit.checks.measurements.appearance import brightness_and_sharpness
from nunbit.chunks import chunks
from nunbit.data.inspect import Inspection, inspect
from nunbit.data.sources import load_samples
from nunbit.data.split import given_parts, write_manifest
from nunbit.errors import DataError, UnusableImage, UsageError
from nunbit.evaluation.baselines import largest_class
from nunbit.evaluation.confidence import summarise_calibration
from nunbit.evaluation.operating_point import operating_result
from nunbit.evaluation.predictions import write_predictions
from nunbit.evaluation.slices import Attribute, SliceWarning, slice_accuracy
from nunbit.evaluation.summary import Evaluated, Summary, scores_of
from nunbit.extras import missing_extra
from nunbit.files import check_can_write, folder_written_atomically, free_beside
from nunbit.formatting import timestamp
from nunbit.pipelines.evaluation.attributes import attributes_of
from nunbit.pipelines.evaluation.known_classes import all_as_test, keep_known_classes
from nunbit.pipelines.stopwatch import Stopwatch
from nunbit.predictor import BATCH_SIZE, check_finite
from nunbit.progress import SILENT, Progress
from nunbit.runtime.classifier import ExportedClassifier, load_export
from nunbit.types import Predictions, Samples, Split
from nunbit.versions import versions

_PATHS = ("label_map", "image_root")


@dataclass(frozen=True, kw_only=True)
class ExportEvaluation:
    """A finished evaluation."""

    folder: Path
    summary: Mapping[str, Any]
    """The content of summary.json."""


def evaluate_export(
    export: Path,
    *,
    data: str | None,
    reading: Mapping[str, object] | None = None,
    out: Path | None = None,
    progress: Progress = SILENT,
) -> ExportEvaluation:
    """Evaluate an exported model on labelled images; write summary.json, predictions.csv and split.

    Of the data, the test part is used where they have one, else all images. The report is written
    too where the extra train is installed. What only a run knows is left out: which of the images
    it was trained on, its features, its baselines that need training images and, without the extra
    train, slices.

    Args:
        export: the folder that `nunbit export` wrote.
        data: labelled images.
        reading: settings of how they are read, such as {"data.label_map": "names.json"}.
        out: new folder; None: beside the export, `<export>-evaluation-<data>`.
        progress: listener to progress.

    Raises:
        BundleError: when the export is incomplete, damaged or foreign.
        DataError: when the data cannot be used, or hold none of the model's classes.
        UsageError: when `data` is missing, or something is already at `out`.
    """
    if data is None:
        raise UsageError(
            "an exported model does not include its test images",
            path=export,
            remedy="name labelled images with --data",
        )
    if out is not None and out.exists():
        raise UsageError(
            "something is already there, and nothing is overwritten",
            path=out,
            remedy="choose another folder with --out, or move this one away",
        )
    check_can_write(out or free_beside(export, "evaluation"))
    watch = Stopwatch()
    classifier = load_export(export)
    with watch.stage("check"):
        samples, inspection = _find(data, reading or {}, classifier, progress)
    for warning in samples.warnings:
        progress.note(f"warning: {warning}")
    progress.note("an export does not know which images trained it: choose others yourself")
    with watch.stage("evaluate"):
        answered = _answer(classifier, samples, inspection, progress)
    summary = _summary(answered, classifier, watch, Evaluated(run=str(export.resolve()), data=data))
    target = out or free_beside(export, f"evaluation-{samples.name}")
    command = shlex.join(["nunbit", "evaluate", str(export), "--data", data])
    with folder_written_atomically(target) as unfinished:
        write_manifest(unfinished / "split.csv", answered.split)
        write_predictions(
            unfinished / "predictions.csv",
            answered.predictions,
            answered.split.paths,
            classifier.classes,
        )
        _write_report(unfinished / "report.html", answered, summary, classifier, command, progress)
        content = json.dumps(summary.to_dict(), indent=2, ensure_ascii=False)
        (unfinished / "summary.json").write_text(content + "\n", encoding="utf-8")
    return ExportEvaluation(folder=target, summary=summary.to_dict())


@dataclass(frozen=True, kw_only=True)
class _Answered:
    """Data that were found, and the answers of the model."""

    samples: Samples
    inspection: Inspection
    split: Split
    predictions: Predictions
    attributes: tuple[Attribute, ...]


@dataclass
class _Collected:
    """Rows of the images that could be decoded, as they come."""

    rows: list[int] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    probabilities: list[NDArray[np.float64]] = field(default_factory=list)
    measured: list[NDArray[np.float64]] = field(default_factory=list)
    """Brightness and sharpness, [n, 2] each."""


def _find(
    data: str, reading: Mapping[str, object], classifier: ExportedClassifier, progress: Progress
) -> tuple[Samples, Inspection]:
    """The samples under the model's class numbers, and a look at each file."""
    options: dict[str, Any] = {}
    for setting, value in reading.items():
        name = setting.removeprefix("data.")
        options[name] = Path(str(value)) if name in _PATHS else value
    samples = load_samples(data, **options, evaluating=True)
    inspection = inspect(samples, workers=os.cpu_count() or 1, progress=progress)
    return keep_known_classes(classifier.classes, samples, inspection)


def _answer(
    classifier: ExportedClassifier, samples: Samples, inspection: Inspection, progress: Progress
) -> _Answered:
    """Answers on the test part of the data, or on all images.

    Raises:
        DataError: when no image can be used.
    """
    split = all_as_test(
        samples, given_parts(samples, sha256=inspection.sha256, reasons=inspection.reasons)
    )
    reasons, found = list(split.reasons), _Collected()
    wanted = split.indices("test")
    batches = progress.track(
        chunks(wanted, BATCH_SIZE), total=-(-len(wanted) // BATCH_SIZE), title="classifying"
    )
    for rows in batches:
        _answer_batch(classifier, samples, rows, found, reasons)
    if not found.rows:
        raise DataError(
            "there is no usable image to evaluate on",
            path=samples.location,
            remedy="run `nunbit check` on the data to see why images are excluded",
        )
    parts = tuple("excluded" if reason else part for part, reason in zip(split.parts, reasons))  # noqa: B905
    indices = np.array(found.rows, dtype=np.int64)
    brightness, sharpness = np.concatenate(found.measured).T
    return _Answered(
        samples=samples,
        inspection=inspection,
        split=replace(split, parts=parts, reasons=tuple(reasons)),
        predictions=Predictions(
            logits=np.concatenate(found.logits),
            labels=samples.labels[indices],
            indices=indices,
            temperature=classifier.exported.temperature,
            deployed=np.concatenate(found.probabilities),
        ),
        attributes=attributes_of(
            samples, inspection, indices, brightness=brightness, sharpness=sharpness
        ),
    )


def _answer_batch(
    classifier: ExportedClassifier,
    samples: Samples,
    rows: NDArray[np.int64],
    found: _Collected,
    reasons: list[str],
) -> None:
    """Answer one batch of rows; why an image has no answer goes into `reasons`."""
    usable = []
    for row, canvas in zip(rows, _canvases(classifier, samples, rows), strict=True):
        if isinstance(canvas, UnusableImage):
            reasons[row] = canvas.what
            continue
        found.rows.append(int(row))
        usable.append(canvas)
    if not usable:
        return
    answers = classifier.answer(usable)
    check_finite(answers.logits)
    found.logits.append(answers.logits)
    found.probabilities.append(answers.probabilities.astype(np.float64))
    found.measured.append(np.stack(brightness_and_sharpness(np.stack(usable)), axis=1))


def _canvases(
    classifier: ExportedClassifier, samples: Samples, rows: NDArray[np.int64]
) -> Iterator[NDArray[np.uint8] | UnusableImage]:
    """The canvas of each row, or why there is none."""
    contents: list[Any] = []
    for row in rows:
        try:
            contents.append(samples.images.read(int(row)))
        except UnusableImage as error:
            contents.append(error)
    readable = [content for content in contents if not isinstance(content, UnusableImage)]
    decoded = (canvas for some in classifier.canvases(readable, BATCH_SIZE) for canvas in some)
    for content in contents:
        yield content if isinstance(content, UnusableImage) else next(decoded)


def _summary(
    answered: _Answered, classifier: ExportedClassifier, watch: Stopwatch, evaluated: Evaluated
) -> Summary:
    """The numbers, by the functions that measure a run."""
    test = answered.predictions
    contract = classifier.exported
    return Summary(
        nunbit=__version__,
        model=str(contract.contract.get("architecture", "model")),
        dataset=answered.samples.name,
        classes=classifier.classes,
        n=answered.split.counts,
        test=scores_of(test, classifier.classes),
        seconds=watch.summary(),
        images_per_second=round(len(test) / watch.seconds["evaluate"], 1),
        device="onnxruntime on the CPU",
        baselines=(largest_class(test, classifier.classes, training_labels=None),),
        calibration=summarise_calibration(
            test, temperature=contract.temperature, thresholds=contract.thresholds
        ),
        operating_point=None
        if contract.operating_point is None
        else operating_result(contract.operating_point, test, classifier.classes),
        slices=_slices(answered),
        evaluated=evaluated,
    )


def _slices(answered: _Answered) -> tuple[SliceWarning, ...] | None:
    """Slices that are worse than the rest; None where scipy, which tests them, is missing."""
    try:
        return slice_accuracy(answered.predictions, answered.attributes).summary
    except ModuleNotFoundError as error:
        if missing_extra(error) is None:
            raise
        return None


def _write_report(
    path: Path,
    answered: _Answered,
    summary: Summary,
    classifier: ExportedClassifier,
    command: str,
    progress: Progress,
) -> None:
    """Write the page, or say which extra would."""
    try:
        from nunbit.pipelines.evaluation.pictures import originals_of
        from nunbit.reports.run import RunResult, build_report
    except ModuleNotFoundError as error:
        if (missing := missing_extra(error)) is None:
            raise
        progress.note(f"report.html is left out ({missing.remedy} brings what writes it)")
        return
    samples, contract = answered.samples, classifier.preprocess

    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        shape = (contract.height, contract.width, contract.channels)
        blank = np.full(shape, contract.background, dtype=np.uint8)
        canvases = _canvases(classifier, samples, rows)
        return np.stack([blank if isinstance(c, UnusableImage) else c for c in canvases])

    result = RunResult(
        summary=summary,
        split=answered.split,
        predictions=answered.predictions,
        attributes=answered.attributes,
        no_features="an exported model gives answers only",
        pictures=pictures,
        originals=originals_of(samples, answered.inspection, contract),
        contract=contract.to_dict(),
        command=command,
        notes=(*samples.notes, *samples.warnings),
        versions=versions(),
        finished=timestamp(),
    )
    path.write_text(build_report(result, progress=progress), encoding="utf-8")

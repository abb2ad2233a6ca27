"""What a run leaves for its owner: summary.json, predictions.csv and report.html."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit import __version__
from nunbit.advisor.plans import Advice, advice_from_dict
from nunbit.checks.finding import Finding
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError
from nunbit.evaluation.metrics import evaluate
from nunbit.evaluation.predictions import write_predictions
from nunbit.evaluation.slices import slice_accuracy
from nunbit.files import write_atomically
from nunbit.formatting import timestamp
from nunbit.models.summary import Summary
from nunbit.pipelines.evaluation.test_pass import Observed
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.selected_epoch import Kept
from nunbit.progress import Progress
from nunbit.reports.run import ReportInput, build_report
from nunbit.reports.run.inputs import Event, OriginalGetter, PictureGetter
from nunbit.reports.run.preprocessing_steps import Strip
from nunbit.types import ClassNames, Predictions, Split

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that is known at the end."""

    classes: ClassNames
    split: Split
    test: Predictions
    facts: Mapping[str, Any]
    """What summary.json holds beside the numbers: model, dataset, seconds, device, seed, …"""
    pixels: Pixels
    contract: Mapping[str, object]
    settings: str = ""
    command: str = ""
    model_reason: str = ""
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    epochs: Sequence[Mapping[str, Any]] = ()
    kept: Kept | None = None
    events: tuple[Event, ...] = ()
    originals: OriginalGetter | None = None
    layers: Summary | None = None
    observed: Observed = field(default_factory=Observed)
    strip: Strip | None = None
    validation: Predictions | None = None


def versions() -> dict[str, str]:
    """Versions of nunbit, Python and the libraries that shape a result."""
    libraries = {name: metadata.version(name) for name in PACKAGES}
    return {"nunbit": __version__, "python": platform.python_version(), **libraries}


def summarise(outcome: Outcome) -> dict[str, Any]:
    """The content of summary.json."""
    summary: dict[str, Any] = {
        "nunbit": __version__,
        "model": outcome.facts["model"],
        "dataset": outcome.facts["dataset"],
        "classes": list(outcome.classes),
        "n": dict(outcome.split.counts),
        "test": _numbers(outcome.test, outcome.classes),
        "validation": _numbers(outcome.validation, outcome.classes),
        **{k: v for k, v in outcome.facts.items() if k not in ("model", "dataset")},
    }
    if len(outcome.test) and outcome.observed.attributes:
        found = slice_accuracy(outcome.test, outcome.observed.attributes)
        summary["slices"] = found.to_list()
    leaked = np.isin(outcome.test.indices, outcome.split.leaked_test_indices)
    if leaked.any():
        summary["leaks"] = {
            "test_images": int(leaked.sum()),
            "test_without_leaks": _numbers(outcome.test.subset(~leaked), outcome.classes),
        }
    return summary


def write_outcome(folder: RunFolder, outcome: Outcome, progress: Progress) -> dict[str, Any]:
    """Write predictions and report, then the summary, whose presence says that the run has ended.

    Returns:
        The content of summary.json.
    """
    summary = summarise(outcome)
    write_predictions(folder.predictions, outcome.test, outcome.split.paths, outcome.classes)
    report = ReportInput(
        summary=summary,
        classes=outcome.classes,
        split=outcome.split,
        predictions=outcome.test,
        pictures=_images_of(outcome.pixels, Preprocess.from_dict(outcome.contract)),
        originals=outcome.originals,
        events=outcome.events,
        layers=outcome.layers,
        attributes=outcome.observed.attributes,
        features=outcome.observed.features,
        no_features=outcome.observed.no_features,
        strip=outcome.strip,
        epochs=outcome.epochs,
        best_epoch=None if outcome.kept is None else outcome.kept.epoch or None,
        kept_because="" if outcome.kept is None else outcome.kept.why,
        contract=outcome.contract,
        settings=outcome.settings,
        command=outcome.command,
        model_reason=outcome.model_reason,
        notes=outcome.notes,
        findings=outcome.findings,
        advice=_recorded_advice(folder),
        versions=versions(),
        finished=timestamp(),
    )
    write_atomically(folder.report, build_report(report, progress=progress))
    write_atomically(folder.summary, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return summary


def _recorded_advice(folder: RunFolder) -> Advice | None:
    """What the adviser said before the training; None where it was not asked."""
    if not folder.advice.is_file():
        return None
    try:
        return advice_from_dict(json.loads(folder.advice.read_text(encoding="utf-8")))
    except (OSError, ValueError, DataError):  # a damaged file costs a section, not the report
        return None


def _numbers(predictions: Predictions | None, classes: ClassNames) -> dict[str, Any] | None:
    if predictions is None or len(predictions) == 0:
        return None
    return evaluate(predictions, classes).to_dict()


def _images_of(pixels: Pixels, contract: Preprocess) -> PictureGetter:
    """What the network saw: canvases normalised as for the network, and back by the inverse."""
    blank = np.full(
        (1, contract.height, contract.width, contract.channels), contract.background, dtype=np.uint8
    )

    def canvases_of(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        (canvases,) = pixels.stream([rows])
        seen = contract.network_input(canvases, canvases.device)
        return contract.denormalise(seen).numpy()

    def one(row: NDArray[np.int64]) -> NDArray[np.uint8]:
        try:
            return canvases_of(row)
        except DataError:
            return blank

    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        try:
            return canvases_of(rows)
        except DataError:  # a file has vanished that is decoded anew at each use
            return np.concatenate([one(row) for row in np.split(rows, len(rows))])

    return pictures

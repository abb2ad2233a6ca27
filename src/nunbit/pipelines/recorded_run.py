"""A finished run read back from its folder: its configuration, its test images, its answers.

N test images, K classes.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.classifier import bundle_folder
from nunbit.config import Config, read_config
from nunbit.data.split import read_manifest
from nunbit.errors import BundleError, DataError, UsageError
from nunbit.evaluation.comparison.paired import PairedPredictions
from nunbit.evaluation.summary import Summary
from nunbit.formatting import plain_cell
from nunbit.pipelines.recorded_answers import REMEDY as _AS_WRITTEN
from nunbit.pipelines.recorded_answers import check_answers, check_summary
from nunbit.pipelines.run_folder import RunFolder, resume_command
from nunbit.types import ClassNames, Split

_RETURN = "\ud800"
"""Stands for a carriage return within a name, which is written unquoted and would end the line for
the reader; no file decodes to it."""


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """Files of a run, or of an evaluation, for comparisons. Images are in path order."""

    name: str
    """Short, unique among the runs read together."""
    folder: Path
    summary: Summary
    trained_in: Path | None
    """Folder of the training, which for the results of `nunbit evaluate` is another one; None where
    it is gone, or was a model alone."""
    config: Config | None
    """Value in the training; None if it is not known."""
    split: Split
    classes: ClassNames
    """Sorted by name."""
    paths: tuple[str, ...]
    """[N] test images, sorted."""
    answers: PairedPredictions
    confidence: NDArray[np.float64]
    """[N] probability of the answer."""
    true_probability: NDArray[np.float64]
    """[N] probability of the true class."""

    @property
    def seed(self) -> int | None:
        """Value in the training; None if it is not known."""
        return None if self.config is None else self.config.seed

    @property
    def data(self) -> str | None:
        """Place where the tested images were found; None if it is not known."""
        other = None if self.summary.evaluated is None else self.summary.evaluated.data
        return other or (None if self.config is None else self.config.data.path)

    @property
    def model_folder(self) -> Path | None:
        """The bundle that answered, where it is still there."""
        source = None if self.summary.evaluated is None else self.summary.evaluated.run
        with contextlib.suppress(BundleError):
            return bundle_folder(self.folder if source is None else Path(source))
        return None

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of every image found, by path; '' for what could not be read."""
        return dict(zip(self.split.paths, self.split.sha256, strict=True))


def read_run(path: Path, *, name: str) -> RecordedRun:
    """Read a run's folder.

    Raises:
        UsageError: when there is no finished run.
        DataError: when its files are damaged or do not belong together.
        ConfigError: when its config.toml is damaged.
    """
    folder = RunFolder(path)
    _check_finished(folder)
    summary = folder.read_summary()
    split = read_manifest(folder.split)
    table = _read_predictions(folder.predictions)
    _check_same_files(table, split, folder)
    check_answers(
        classes=table.classes,
        paths=table.paths,
        predicted=table.predicted,
        confidence=table.confidence,
        probabilities=table.probabilities,
        file=folder.predictions,
    )
    check_summary(
        summary,
        classes=table.classes,
        labels=table.labels,
        predicted=table.predicted,
        folder=folder.path,
    )
    # Sorted, so that the class numbers of all runs mean the same.
    classes = tuple(sorted(table.classes))
    probabilities = table.probabilities[:, [table.classes.index(name) for name in classes]]
    labels, predicted = (_indices(c, classes, folder) for c in (table.labels, table.predicted))
    true_probability = probabilities[np.arange(len(labels)), labels]
    trained_in = _trained_in(folder, summary)
    return RecordedRun(
        name=name,
        folder=path,
        summary=summary,
        trained_in=trained_in,
        config=read_config(RunFolder(trained_in).config) if trained_in else None,
        split=split,
        classes=classes,
        paths=table.paths,
        answers=PairedPredictions(
            labels=labels,
            predicted=predicted,
            probabilities=probabilities,
            # A probability may be too small for a number; its logarithm must not be infinite.
            losses=-np.log(np.maximum(true_probability, np.finfo(np.float64).tiny)),
        ),
        confidence=table.confidence,
        true_probability=true_probability,
    )


def _trained_in(folder: RunFolder, summary: Summary) -> Path | None:
    evaluated = summary.evaluated
    training = folder.path if evaluated is None else Path(evaluated.run)
    return training if RunFolder(training).config.is_file() else None


def _check_finished(folder: RunFolder) -> None:
    if not folder.path.is_dir():
        raise UsageError("there is no such run", path=folder.path, remedy="check the path")
    if folder.summary.is_file() and folder.predictions.is_file() and folder.split.is_file():
        return
    if folder.config.is_file() and not folder.summary.is_file():
        raise UsageError(
            "this run has not ended, so it has no answers to compare",
            path=folder.path,
            remedy=f"finish it with: {resume_command(folder.path)}",
        )
    missing = next(
        f.name for f in (folder.summary, folder.predictions, folder.split) if not f.is_file()
    )
    raise UsageError(
        f"this is not a finished run: it has no {missing}",
        path=folder.path,
        remedy="give the folder that nunbit train wrote, or nunbit evaluate",
    )


@dataclass(frozen=True, kw_only=True)
class _Predictions:
    """predictions.csv in path order."""

    classes: ClassNames
    """Classes as the columns stand."""
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    confidence: NDArray[np.float64]
    """[N]."""
    probabilities: NDArray[np.float64]
    """[N, K]."""


def _read_predictions(path: Path) -> _Predictions:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape").replace("\r", _RETURN)
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header, *rows = ([cell.replace(_RETURN, "\r") for cell in line] for line in lines)
        rows.sort(key=lambda row: plain_cell(row[0]))
        numbers = np.array([row[3:] for row in rows], dtype=np.float64)
        if not ((numbers >= 0) & (numbers <= 1)).all():
            raise ValueError("a probability is not between 0 and 1")
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise DataError(
            f"the predictions cannot be read: {error}", path=path, remedy=_AS_WRITTEN
        ) from None
    if header[:4] != ["path", "label", "predicted", "confidence"]:
        raise DataError("the file holds no predictions", path=path, remedy=_AS_WRITTEN)
    if not rows:
        raise DataError("the run has no test images to compare on", path=path)
    if numbers.shape[1] != len(header) - 3:
        raise DataError(
            "the predictions cannot be read: rows and header differ in length",
            path=path,
            remedy=_AS_WRITTEN,
        )
    paths, labels, predicted = (
        tuple(plain_cell(row[column]) for row in rows) for column in range(3)
    )
    return _Predictions(
        classes=tuple(column.removeprefix("prob_") for column in header[4:]),
        paths=paths,
        labels=labels,
        predicted=predicted,
        confidence=numbers[:, 0],
        probabilities=numbers[:, 1:],
    )


def _check_same_files(table: _Predictions, split: Split, folder: RunFolder) -> None:
    """Predictions are of the manifest's test images, with its labels."""
    rows = split.indices("test")
    expected = {split.paths[i]: split.labels[i] for i in rows}
    found = dict(zip(table.paths, table.labels, strict=True))
    if found != expected or len(found) != len(table.paths):
        raise DataError(
            "predictions.csv and split.csv do not name the same test images and labels",
            path=folder.path,
            remedy=_AS_WRITTEN,
        )


def _indices(names: Sequence[str], classes: ClassNames, folder: RunFolder) -> NDArray[np.int64]:
    """Class numbers of class names, [N]."""
    number = {name: k for k, name in enumerate(classes)}
    unknown = sorted(set(names) - set(number))
    if unknown:
        raise DataError(
            f"the predictions name a class that they give no probability of: {unknown[0]!r}",
            path=folder.predictions,
            remedy=_AS_WRITTEN,
        )
    return np.array([number[name] for name in names], dtype=np.int64)

"""A finished run read back from its folder: its configuration, its test images, its answers.

N test images, K classes.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nunbit.classifier import bundle_folder
from nunbit.config import Config, read_config
from nunbit.data.split import read_manifest
from nunbit.errors import BundleError, DataError, UsageError
from nunbit.evaluation.comparison.paired import Answers
from nunbit.pipelines.run_folder import RunFolder, resume_command
from nunbit.types import ClassNames, Split

_AS_WRITTEN = "restore the folder as it was written: its files belong together"


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """What a run, or an evaluation of one, left for comparisons. Images are in path order."""

    name: str
    """Short, unique among the runs read together."""
    folder: Path
    summary: Mapping[str, Any]
    trained_in: Path | None
    """Folder of the training, which for the results of `nunbit evaluate` is another one; None where
    it is gone, or was a model alone."""
    config: Config | None
    """Of the training; None where that is not known."""
    split: Split
    classes: ClassNames
    """Sorted by name."""
    paths: tuple[str, ...]
    """[N] test images, sorted."""
    answers: Answers
    confidence: NDArray[np.float64]
    """[N] probability of the answer."""
    true_probability: NDArray[np.float64]
    """[N] probability of the true class."""

    @property
    def seed(self) -> int | None:
        """Of the training; None where that is not known."""
        return None if self.config is None else self.config.seed

    @property
    def data(self) -> str | None:
        """Where the tested images were found; None where that is not known."""
        other: str | None = (self.summary.get("evaluated") or {}).get("data")
        return other or (None if self.config is None else self.config.data.path)

    @property
    def model_folder(self) -> Path | None:
        """The bundle that answered, where it is still there."""
        source = (self.summary.get("evaluated") or {}).get("run")
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
    _refuse_unfinished(folder)
    summary = folder.read_summary()
    split = read_manifest(folder.split)
    table = _read_predictions(folder.predictions)
    _refuse_strangers(table, split, folder)
    # Sorted, so that the class numbers of all runs mean the same.
    classes = tuple(sorted(column.removeprefix("prob_") for column in table.columns[4:]))
    probabilities = table[[f"prob_{name}" for name in classes]].to_numpy(dtype=np.float64)
    labels, predicted = (_indices(table[c], classes, folder) for c in ("label", "predicted"))
    true_probability = probabilities[np.arange(len(table)), labels]
    trained_in = _trained_in(folder, summary)
    return RecordedRun(
        name=name,
        folder=path,
        summary=summary,
        trained_in=trained_in,
        config=read_config(RunFolder(trained_in).config) if trained_in else None,
        split=split,
        classes=classes,
        paths=tuple(table["path"]),
        answers=Answers(
            labels=labels,
            predicted=predicted,
            # A probability may be too small for a number; its logarithm must not be infinite.
            losses=-np.log(np.maximum(true_probability, np.finfo(np.float64).tiny)),
        ),
        confidence=table["confidence"].to_numpy(dtype=np.float64),
        true_probability=true_probability,
    )


def _trained_in(folder: RunFolder, summary: Mapping[str, Any]) -> Path | None:
    evaluated = summary.get("evaluated")
    training = folder.path if evaluated is None else Path(evaluated["run"])
    return training if RunFolder(training).config.is_file() else None


def _refuse_unfinished(folder: RunFolder) -> None:
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
        f"this is no finished run: it has no {missing}",
        path=folder.path,
        remedy="give the folder that nunbit train wrote, or nunbit evaluate",
    )


def _read_predictions(path: Path) -> pd.DataFrame:
    """The table in path order; probabilities as numbers, everything else as text."""
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        table = pd.read_csv(
            io.StringIO(text, newline=""),
            dtype={"path": object, "label": object, "predicted": object},
            na_filter=False,  # a class may be called NA
            lineterminator="\n",
        )
        numbers = table.iloc[:, 3:].to_numpy(dtype=np.float64)
        if not ((numbers >= 0) & (numbers <= 1)).all():
            raise ValueError("a probability is not between 0 and 1")
    except (OSError, ValueError) as error:
        raise DataError(
            f"the predictions cannot be read: {error}", path=path, remedy=_AS_WRITTEN
        ) from None
    if list(table.columns[:4]) != ["path", "label", "predicted", "confidence"]:
        raise DataError("the file holds no predictions", path=path, remedy=_AS_WRITTEN)
    if not len(table):
        raise DataError("the run has no test images to compare on", path=path)
    return table.sort_values("path", kind="stable", ignore_index=True)


def _refuse_strangers(table: pd.DataFrame, split: Split, folder: RunFolder) -> None:
    """Predictions are of the manifest's test images, with its labels."""
    rows = split.indices("test")
    expected = {split.paths[i]: split.labels[i] for i in rows}
    found = dict(zip(table["path"], table["label"], strict=True))
    if found != expected or len(found) != len(table):
        raise DataError(
            "predictions.csv and split.csv do not name the same test images and labels",
            path=folder.path,
            remedy=_AS_WRITTEN,
        )


def _indices(names: pd.Series[Any], classes: ClassNames, folder: RunFolder) -> NDArray[np.int64]:
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

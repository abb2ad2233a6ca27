"""What a report is made from: plain values, no model and no data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.metrics import Metrics, evaluate
from nunbit.types import ClassNames, Predictions, Split

if TYPE_CHECKING:
    from nunbit.data.check import Finding
    from nunbit.transfer.plans import Advice

PictureGetter: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.uint8]]
"""Row numbers of the data set [B] to pictures as the network sees them, uint8 [B, H, W, C]."""


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """Everything that the report shows; what is missing is left out or said to be missing."""

    summary: Mapping[str, Any]
    """summary.json."""
    classes: ClassNames
    split: Split
    """Row i is image i of the data set; excluded rows with their reasons."""
    predictions: Predictions
    """Of the test part; `indices` are rows of `split`. May be empty."""
    pictures: PictureGetter
    epochs: Sequence[Mapping[str, Any]] = ()
    """Rows of metrics.jsonl; none when a finished model is only evaluated."""
    best_epoch: int | None = None
    """The epoch whose weights were kept."""
    contract: Mapping[str, object] = field(default_factory=dict)
    """`Preprocess.to_dict()`."""
    settings: str = ""
    """config.toml."""
    command: str = ""
    """The command that repeats the run."""
    model_reason: str = ""
    """Why this model was chosen."""
    notes: tuple[str, ...] = ()
    """Remarks of the source and of the inspection."""
    findings: Sequence[Finding] = ()
    advice: Advice | None = None
    """What the adviser had expected of the training; None where it was not asked."""
    versions: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""
    """Date and time, as the reader should see it."""

    def __post_init__(self) -> None:
        """Refuse values that do not belong together, so that no wrong number is ever shown."""
        if len(self.predictions) and int(self.predictions.indices.max()) >= len(self.split):
            raise ValueError("predictions point to images that the split does not have")
        test = self.summary.get("test")
        if self.metrics and test and abs(test["accuracy"] - self.metrics.accuracy) > 1e-9:
            raise ValueError(
                f"summary and predictions disagree: accuracy {test['accuracy']} and "
                f"{self.metrics.accuracy}"
            )

    @cached_property
    def metrics(self) -> Metrics | None:
        """The numbers of the test part; None where there are no test images."""
        return evaluate(self.predictions, self.classes) if len(self.predictions) else None

    @cached_property
    def metrics_without_leaks(self) -> Metrics | None:
        """The same without test images that also stand in training; None if that changes nothing.

        Also None where nothing is left.
        """
        leaked = np.isin(self.predictions.indices, self.split.leaked_test_indices)
        if not leaked.any() or leaked.all():
            return None
        return evaluate(self.predictions.subset(~leaked), self.classes)

    def path(self, row: int) -> str:
        """Path of the image of one row of the predictions."""
        return self.split.paths[int(self.predictions.indices[row])]

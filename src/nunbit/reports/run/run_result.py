"""Result of a run: plain values from which its files and its report are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nunbit.evaluation.baselines import Baseline, largest_class
from nunbit.evaluation.metrics import Metrics, evaluate
from nunbit.evaluation.slices import Attribute, Slices, slice_accuracy
from nunbit.evaluation.summary import Summary
from nunbit.reports.kit.pictures import OriginalGetter, PictureGetter
from nunbit.types import ClassNames, Predictions, Split

if TYPE_CHECKING:
    from nunbit.advisor.plans import Advice
    from nunbit.checks.finding import Finding
    from nunbit.evaluation.projection import Features
    from nunbit.models.summary import Summary as LayerSummary
    from nunbit.reports.run.preprocessing_steps import Strip


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at the end of an epoch, or before it."""

    epoch: int
    kind: str
    """plateau, stop, unfreeze or kept."""
    text: str
    """Event as the end of a sentence that begins with the epoch."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """All that is known at the end of a run, or of an evaluation of one.

    What is missing is left out of the report, or said to be missing.
    """

    summary: Summary
    """summary.json."""
    split: Split
    """Row i is image i of the data set; excluded rows with their reasons."""
    predictions: Predictions
    """Predictions of the test part; `indices` are rows of `split`. May be empty."""
    pictures: PictureGetter
    originals: OriginalGetter | None = None
    """Called for the pictures that are shown, and no others; None shows none."""
    epochs: Sequence[Mapping[str, Any]] = ()
    """Rows of metrics.jsonl; none when a finished model is only evaluated."""
    events: Sequence[Event] = ()
    """Events of the callbacks, in order."""
    contract: Mapping[str, object] = field(default_factory=dict)
    """`Preprocess.to_dict()`."""
    settings: str = ""
    """config.toml."""
    command: str = ""
    """The command that repeats the run."""
    model_reason: str = ""
    """Reason why this model was chosen."""
    layers: LayerSummary | None = None
    """The network layer by layer."""
    notes: tuple[str, ...] = ()
    """Remarks of the source and of the inspection."""
    findings: Sequence[Finding] = ()
    attributes: Sequence[Attribute] = ()
    """Knowledge of the test images, [N] values each in the order of the predictions."""
    features: Features | None = None
    """Inputs of the last layer for the test images, or some of them; None draws no map."""
    no_features: str = ""
    """Reason why there are none, as the end of a sentence."""
    strip: Strip | None = None
    """Some images on their way through the input contract."""
    advice: Advice | None = None
    """Expectation of the adviser; None where it was not asked."""
    versions: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""
    """Date and time, as the reader should see it."""

    def __post_init__(self) -> None:
        """Check that the values belong together, so that no wrong number is ever shown."""
        if len(self.predictions) and int(self.predictions.indices.max()) >= len(self.split):
            raise ValueError("predictions point to images that the split does not have")
        scores = self.summary.test
        said = None if scores is None else scores.value("accuracy")
        if self.metrics and said is not None and abs(said - self.metrics.accuracy) > 1e-9:
            raise ValueError(
                f"summary and predictions disagree: accuracy {said} and {self.metrics.accuracy}"
            )

    @property
    def classes(self) -> ClassNames:
        """Class names in the order of the predictions' columns."""
        return self.summary.classes

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept; None where there are no epochs to choose from."""
        kept = self.summary.kept
        return None if kept is None else kept.epoch or None

    @property
    def kept_because(self) -> str:
        """Reason for this epoch, as the end of a sentence that begins with it; '' if unknown."""
        return "" if self.summary.kept is None else self.summary.kept.why

    @cached_property
    def metrics(self) -> Metrics | None:
        """The numbers of the test part; None where there are no test images."""
        return evaluate(self.predictions, self.classes) if len(self.predictions) else None

    @cached_property
    def slices(self) -> Slices | None:
        """Accuracy by each attribute; None where there are no test images or no attributes."""
        if not len(self.predictions) or not self.attributes:
            return None
        return slice_accuracy(self.predictions, self.attributes)

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """Baselines in the summary; the largest class is always among them."""
        if not len(self.predictions):
            return ()
        return self.summary.baselines or (
            largest_class(self.predictions, self.classes, training_labels=None),
        )

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

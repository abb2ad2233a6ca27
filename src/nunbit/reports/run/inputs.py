"""What a report is made from: plain values, no model and no data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.baselines import Baseline, baseline_from_dict, largest_class
from nunbit.evaluation.metrics import Metrics, evaluate
from nunbit.evaluation.slices import Attribute, Slices, slice_accuracy
from nunbit.types import ClassNames, Predictions, Split

if TYPE_CHECKING:
    from nunbit.advisor.plans import Advice
    from nunbit.checks.finding import Finding
    from nunbit.evaluation.projection import Features
    from nunbit.models.summary import Summary
    from nunbit.reports.run.preprocessing_steps import Strip

PictureGetter: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.uint8]]
"""Row numbers of the data set [B] to pictures as the network sees them, uint8 [B, H, W, C]."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """An image as it was found, before the input contract shaped it."""

    picture: NDArray[np.uint8] | None = None
    """[h, w] or [h, w, 1 or 3], upright, scaled down where it is large; None with a fault."""
    height: int = 0
    """Pixels, before it was scaled down."""
    width: int = 0
    fault: str = ""
    """Why there is no picture, such as a file that has vanished since."""


OriginalGetter: TypeAlias = Callable[[int], Original]
"""Row number of the data set to the image as it was found; never raises for a bad file."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at the end of an epoch, or before it."""

    epoch: int
    kind: str
    """plateau, stop, unfreeze or kept."""
    text: str
    """What happened, as the end of a sentence that begins with the epoch."""


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
    originals: OriginalGetter | None = None
    """Called for the pictures that are shown, and no others; None shows none."""
    epochs: Sequence[Mapping[str, Any]] = ()
    """Rows of metrics.jsonl; none when a finished model is only evaluated."""
    best_epoch: int | None = None
    """The epoch whose weights were kept."""
    kept_because: str = ""
    """Why this one, as the end of a sentence that begins with it; '' where nobody says."""
    events: Sequence[Event] = ()
    """What the callbacks did, in order."""
    contract: Mapping[str, object] = field(default_factory=dict)
    """`Preprocess.to_dict()`."""
    settings: str = ""
    """config.toml."""
    command: str = ""
    """The command that repeats the run."""
    model_reason: str = ""
    """Why this model was chosen."""
    layers: Summary | None = None
    """The network layer by layer."""
    notes: tuple[str, ...] = ()
    """Remarks of the source and of the inspection."""
    findings: Sequence[Finding] = ()
    attributes: Sequence[Attribute] = ()
    """What is known of the test images, [N] values each in the order of the predictions."""
    features: Features | None = None
    """What the last layer was given for the test images, or some of them; None draws no map."""
    no_features: str = ""
    """Why there are none, as the end of a sentence."""
    strip: Strip | None = None
    """Some images on their way through the input contract."""
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
    def slices(self) -> Slices | None:
        """Accuracy by each attribute; None where there are no test images or no attributes."""
        if not len(self.predictions) or not self.attributes:
            return None
        return slice_accuracy(self.predictions, self.attributes)

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """What the summary knows of simpler methods; the largest class is always among them."""
        if not len(self.predictions):
            return ()
        known = tuple(map(baseline_from_dict, self.summary.get("baselines") or ()))
        return known or (largest_class(self.predictions, self.classes, training_labels=None),)

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

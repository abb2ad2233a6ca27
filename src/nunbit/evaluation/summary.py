"""summary.json as a value: what a finished run, or an evaluation of one, says of itself.

Written and read here only. Files of older versions lack entries, those of newer ones have others:
what is missing is None or empty, and what is not known is kept in `others`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from nunbit.evaluation.baselines import Baseline, baseline_from_dict
from nunbit.evaluation.confidence import CalibrationSummary
from nunbit.evaluation.metrics import Scores, evaluate
from nunbit.evaluation.operating_point import OperatingResult
from nunbit.evaluation.slices import SliceWarning
from nunbit.types import ClassNames, Predictions, Split


@dataclass(frozen=True, kw_only=True)
class SelectedEpoch:
    """The epoch whose weights a run keeps, and the reason for it."""

    epoch: int
    """0 is the fitted head that fine-tuning began with."""
    why: str
    """Reason as the end of a sentence that begins with the epoch."""


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """Test images that are also in training or validation, and the numbers without them."""

    test_images: int
    near_copies: int = 0
    """Number of these that only show the same picture; the others are the same byte for byte."""
    test_without_leaks: Scores | None
    """None where no other test image is left."""


@dataclass(frozen=True, kw_only=True)
class CorrectedTest:
    """Effect of corrections on the test part, and the numbers on what they left unchanged."""

    relabelled: int
    """Test images that the corrections gave another class."""
    left_out: int
    """Images that the corrections took out of a test part that was given."""
    untouched: int
    """Test images with the class that they had."""
    test_untouched: Scores | None
    """Scores on the untouched ones; None where there are none."""
    test_with_former_labels: Scores | None
    """Scores on all that are left, with the classes that they had; None where no image had one."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Origin of an evaluation of a finished model."""

    run: str
    """Folder of the run or of the bundle."""
    data: str | None
    """Other labelled images; None for the run's own test part."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The content of summary.json."""

    nunbit: str = ""
    """Version that wrote it."""
    model: str = "model"
    dataset: str = "images"
    classes: ClassNames = ()
    n: Mapping[str, int] = field(default_factory=dict)
    """Images of each part, and excluded files."""
    test: Scores | None = None
    """None where there are no test images."""
    validation: Scores | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage, and in total."""
    images_per_second: float | None = None
    device: str = ""
    seed: int | None = None
    parameters: int | None = None
    """Trainable ones."""
    baselines: tuple[Baseline, ...] = ()
    calibration: CalibrationSummary | None = None
    pretrained: str | None = None
    """Name or path of the weights; None for a training from scratch."""
    kept: SelectedEpoch | None = None
    transfer: Mapping[str, Any] | None = None
    """Record of what was fitted on features before training, as transfer.json has it."""
    class_balance: str | None = None
    """Sentence on weighted classes and their probabilities; None where all images count alike."""
    operating_point: OperatingResult | None = None
    """Threshold of two classes, and what it does on the test part; None without one."""
    evaluated: Evaluated | None = None
    """None for a training."""
    slices: tuple[SliceWarning, ...] | None = None
    """Slices that are worse than the rest; None where nothing is known of the images."""
    leaks: Leaks | None = None
    """None where there are none."""
    corrected_test: CorrectedTest | None = None
    """None where corrections changed no test image."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """Entries of another version, as they are."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not known is left out."""
        entries: dict[str, Any] = {
            "nunbit": self.nunbit,
            "model": self.model,
            "dataset": self.dataset,
            "classes": list(self.classes),
            "n": dict(self.n),
            "test": _dict_of(self.test),
            "validation": _dict_of(self.validation),
            "seconds": dict(self.seconds) or None,
            "images_per_second": self.images_per_second,
            "device": self.device or None,
            "seed": self.seed,
            "parameters": self.parameters,
            "baselines": [baseline.to_dict() for baseline in self.baselines] or None,
            "calibration": _dict_of(self.calibration),
            "pretrained": self.pretrained,
            "kept": None if self.kept is None else vars(self.kept),
            "transfer": self.transfer,
            "class_balance": self.class_balance,
            "operating_point": None
            if self.operating_point is None
            else self.operating_point.to_dict(),
            "evaluated": None if self.evaluated is None else vars(self.evaluated),
            "slices": None if self.slices is None else [found.to_dict() for found in self.slices],
            "leaks": None if self.leaks is None else _leaks_to_dict(self.leaks),
            "corrected_test": None
            if self.corrected_test is None
            else _dict_of_corrected(self.corrected_test),
        }
        always = ("test", "validation")  # null says that there is no such part
        known = {k: v for k, v in entries.items() if v is not None or k in always}
        if "leaks" in known and self.evaluated is not None and self.evaluated.data is not None:
            # Whoever reads the file sees first that its test images are not new to the model.
            known = {"leaks": known["leaks"], **known}
        return known | dict(self.others)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Summary:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        values: dict[str, Any] = {key: content[key] for key in _PLAIN if key in content}
        values |= {
            "classes": tuple(content.get("classes") or ()),
            "n": dict(content.get("n") or {}),
            "seconds": dict(content.get("seconds") or {}),
            "test": _scores(content.get("test")),
            "validation": _scores(content.get("validation")),
            "baselines": tuple(map(baseline_from_dict, content.get("baselines") or ())),
        }
        if (block := content.get("calibration")) is not None:
            values["calibration"] = CalibrationSummary.from_dict(block)
        if (block := content.get("operating_point")) is not None:
            values["operating_point"] = OperatingResult.from_dict(block)
        if (block := content.get("kept")) is not None:
            values["kept"] = SelectedEpoch(epoch=block["epoch"], why=block["why"])
        if (block := content.get("evaluated")) is not None:
            values["evaluated"] = Evaluated(run=block["run"], data=block["data"])
        if (block := content.get("slices")) is not None:
            values["slices"] = tuple(map(SliceWarning.from_dict, block))
        if (block := content.get("leaks")) is not None:
            values["leaks"] = Leaks(
                test_images=block["test_images"],
                near_copies=block.get("near_copies", 0),
                test_without_leaks=_scores(block["test_without_leaks"]),
            )
        if (block := content.get("corrected_test")) is not None:
            values["corrected_test"] = CorrectedTest(
                relabelled=block["relabelled"],
                left_out=block["left_out"],
                untouched=block["untouched"],
                test_untouched=_scores(block["test_untouched"]),
                test_with_former_labels=_scores(block["test_with_former_labels"]),
            )
        named = {item.name for item in fields(cls)}
        return cls(**values, others={k: v for k, v in content.items() if k not in named})


_PLAIN = (
    "nunbit",
    "model",
    "dataset",
    "images_per_second",
    "device",
    "seed",
    "parameters",
    "pretrained",
    "transfer",
    "class_balance",
)
"""Entries that are what they are in JSON."""


def scores_of(predictions: Predictions | None, classes: ClassNames) -> Scores | None:
    """The numbers of a part; None where it is missing or empty. Raises what `evaluate` raises."""
    if predictions is None or not len(predictions):
        return None
    return evaluate(predictions, classes).scores


def leaks_of(test: Predictions, split: Split, classes: ClassNames) -> Leaks | None:
    """Results of the test part without images that also train; None if there are none."""
    leaked = np.isin(test.indices, split.leaked_test_indices)
    if not leaked.any():
        return None
    return Leaks(
        test_images=int(leaked.sum()),
        near_copies=split.near_copies,
        test_without_leaks=scores_of(test.subset(~leaked), classes),
    )


def corrected_test_of(
    test: Predictions,
    split: Split,
    classes: ClassNames,
    *,
    former_labels: Mapping[str, str],
    left_out: int,
) -> CorrectedTest | None:
    """Results on the test images that corrections left as they were; None if that is all of them.

    `former_labels` are by path, as `Samples` has them; `left_out` images are in the test no more.
    """
    former = [former_labels.get(split.paths[row]) for row in test.indices]
    relabelled = np.array([label is not None for label in former], dtype=bool)
    if not left_out and not relabelled.any():
        return None
    number = {name: k for k, name in enumerate(classes)}
    before = np.array(
        [
            now if label is None else number.get(label, -1)
            for label, now in zip(former, test.labels.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    return CorrectedTest(
        relabelled=int(relabelled.sum()),
        left_out=left_out,
        untouched=int((~relabelled).sum()),
        test_untouched=scores_of(test.subset(~relabelled), classes),
        test_with_former_labels=scores_of(
            replace(test, labels=before).subset(before >= 0), classes
        ),
    )


def _scores(block: Mapping[str, Any] | None) -> Scores | None:
    return None if block is None else Scores.from_dict(block)


def _dict_of(block: Scores | CalibrationSummary | None) -> dict[str, Any] | None:
    return None if block is None else block.to_dict()


def _dict_of_corrected(found: CorrectedTest) -> dict[str, Any]:
    return vars(found) | {
        "test_untouched": _dict_of(found.test_untouched),
        "test_with_former_labels": _dict_of(found.test_with_former_labels),
    }


def _leaks_to_dict(leaks: Leaks) -> dict[str, Any]:
    return {
        "test_images": leaks.test_images,
        **({"near_copies": leaks.near_copies} if leaks.near_copies else {}),
        "test_without_leaks": _dict_of(leaks.test_without_leaks),
    }

"""Quality of a bundle's confidence on a test part: the block `calibration` of summary.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nunbit.evaluation.abstention import Answered, answered_at
from nunbit.evaluation.calibration import reliability_of, why_no_temperature
from nunbit.types import Predictions


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Difference between confidence and accuracy on some images."""

    ece: float
    ece_ci95: tuple[float, float]
    loss: float
    """Mean cross entropy, in nats."""

    @classmethod
    def of(cls, predictions: Predictions) -> Confidence:
        """The numbers of predictions whose true classes are known; at least one image."""
        found = reliability_of(predictions)
        return cls(
            ece=found.error, ece_ci95=found.error_ci95, loss=float(predictions.losses.mean())
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for summary.json."""
        return {"ece": self.ece, "ece_ci95": list(self.ece_ci95), "loss": self.loss}

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Confidence:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        low, high = block["ece_ci95"]
        return cls(ece=block["ece"], ece_ci95=(low, high), loss=block["loss"])


@dataclass(frozen=True, kw_only=True)
class CalibrationSummary:
    """A bundle's temperature and thresholds, and what they do on a test part."""

    temperature: float
    before: Confidence
    """Confidence on the test part at temperature 1."""
    after: Confidence
    """Confidence on the test part at the bundle's temperature."""
    answering: Mapping[str, Answered] = field(default_factory=dict)
    """Effect of each threshold on the test part, by wanted accuracy, such as '0.95'."""
    n_validation: int | None = None
    """Images that temperature and thresholds come from; None for a finished model."""
    why_no_temperature: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The block of summary.json."""
        fitted: dict[str, Any] = {}
        if self.n_validation is not None:
            fitted["n_validation"] = self.n_validation
            fitted["why_no_temperature"] = self.why_no_temperature
        return fitted | {
            "temperature": self.temperature,
            "test": {"before": self.before.to_dict(), "after": self.after.to_dict()},
            "answering": {target: at.to_dict() for target, at in self.answering.items()},
        }

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> CalibrationSummary:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            temperature=block["temperature"],
            before=Confidence.from_dict(block["test"]["before"]),
            after=Confidence.from_dict(block["test"]["after"]),
            answering={target: Answered.from_dict(at) for target, at in block["answering"].items()},
            n_validation=block.get("n_validation"),
            why_no_temperature=block.get("why_no_temperature"),
        )


def summarise_calibration(
    test: Predictions, *, temperature: float, thresholds: Mapping[str, float]
) -> CalibrationSummary:
    """Measure a temperature, and thresholds by wanted accuracy, on a test part."""
    calibrated = test.at_temperature(temperature)
    return CalibrationSummary(
        temperature=temperature,
        before=Confidence.of(test.at_temperature(1.0)),
        after=Confidence.of(calibrated),
        answering={
            target: answered_at(calibrated, threshold) for target, threshold in thresholds.items()
        },
    )


def reason_for_no_temperature(validation: Predictions | None) -> str | None:
    """Reason why no temperature was fitted on the validation part; None if one was."""
    if validation is None or not len(validation):
        return "there is no validation part"
    return why_no_temperature(validation) or None

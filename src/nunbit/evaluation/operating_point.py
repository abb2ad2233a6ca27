"""The operating point of two classes: the probability from which the positive one is answered.

N images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_interval
from nunbit.formatting import count, percent_with_range, percentage
from nunbit.types import ClassNames, Predictions

YOUDEN, SENSITIVITY = "youden", "sensitivity:"
"""Rules: the largest sum of sensitivity and specificity; the best specificity of all thresholds
whose sensitivity is at least a number, as in `sensitivity:0.95`."""


def check_rule(rule: str) -> None:
    """Raise ValueError for what is neither `YOUDEN` nor `SENSITIVITY` and a number in (0, 1]."""
    try:
        wanted = float(rule.removeprefix(SENSITIVITY)) if rule.startswith(SENSITIVITY) else 0.0
    except ValueError:
        wanted = 0.0
    if rule != YOUDEN and not 0 < wanted <= 1:
        raise ValueError(
            f"a rule is {YOUDEN}, or {SENSITIVITY}S with S above 0 and at most 1, such as "
            f"{SENSITIVITY}0.95"
        )


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold for one of two classes, and how it was chosen.

    Raises ValueError for a threshold outside of 0 to 1, or an unknown rule.
    """

    positive: str
    """Name of the class that is answered from the threshold on; the other one below."""
    threshold: float
    rule: str
    """`YOUDEN`, or `SENSITIVITY` and a number."""
    n_validation: int
    """Images that it was chosen on."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"an operating point lies in 0 to 1, not at {self.threshold!r}")
        check_rule(self.rule)

    def answers(self, probabilities: NDArray[np.float64], classes: ClassNames) -> NDArray[np.int64]:
        """Classes [N] of probabilities [N, 2] at the threshold."""
        positive = classes.index(self.positive)
        reached = probabilities[:, positive] >= self.threshold
        return np.where(reached, positive, 1 - positive).astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for nunbit.json."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, block: object, classes: ClassNames) -> OperatingPoint | None:
        """The inverse of `to_dict`; None gives None, as of a model without one.

        Raises KeyError, TypeError or ValueError for anything else, or other classes.
        """
        if block is None:
            return None
        if not isinstance(block, dict):
            raise TypeError("the operating point is not a table")
        threshold, images = block["threshold"], block["n_validation"]
        if isinstance(threshold, bool) or not isinstance(threshold, int | float):
            raise TypeError("the threshold of the operating point is not a number")
        if not 0 <= threshold <= 1:
            raise ValueError("the threshold of the operating point lies outside 0 to 1")
        if isinstance(images, bool) or not isinstance(images, int) or images < 0:
            raise TypeError("the images of the operating point are not a number")
        if len(classes) != 2 or block["positive"] not in classes:
            raise ValueError("the operating point is not of these two classes")
        return cls(
            positive=str(block["positive"]),
            threshold=float(threshold),
            rule=str(block["rule"]),
            n_validation=images,
        )


@dataclass(frozen=True, kw_only=True)
class OperatingResult:
    """Effect of an operating point on test images of both classes."""

    point: OperatingPoint
    positives: int
    """Images of the positive class."""
    found: int
    """Number of them that were given their class."""
    negatives: int
    passed: int
    """Images of the other class that were given it."""

    @property
    def sensitivity(self) -> float | None:
        """Fraction of the positive class that is found; None without an image of it."""
        return self.found / self.positives if self.positives else None

    @property
    def specificity(self) -> float | None:
        """Fraction of the other class that is passed; None without an image of it."""
        return self.passed / self.negatives if self.negatives else None

    @property
    def sensitivity_ci95(self) -> tuple[float, float]:
        """Wilson's interval; (0, 1) without images."""
        return wilson_interval(self.found, self.positives) if self.positives else (0.0, 1.0)

    @property
    def specificity_ci95(self) -> tuple[float, float]:
        """Wilson's interval; (0, 1) without images."""
        return wilson_interval(self.passed, self.negatives) if self.negatives else (0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """The block of summary.json."""
        return {
            **self.point.to_dict(),
            "positives": self.positives,
            "found": self.found,
            "negatives": self.negatives,
            "passed": self.passed,
            "sensitivity": self.sensitivity,
            "sensitivity_ci95": list(self.sensitivity_ci95),
            "specificity": self.specificity,
            "specificity_ci95": list(self.specificity_ci95),
        }

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> OperatingResult:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        point = {key: block[key] for key in ("positive", "threshold", "rule", "n_validation")}
        counts = {key: block[key] for key in ("positives", "found", "negatives", "passed")}
        return cls(point=OperatingPoint(**point), **counts)


def choose_operating_point(
    validation: Predictions, classes: ClassNames, *, positive: str, rule: str
) -> OperatingPoint | None:
    """The operating point that a rule chooses; None where a class has no validation image.

    `YOUDEN` takes the threshold of the largest J = sensitivity + specificity - 1 (Youden 1950,
    "Index for rating diagnostic tests"), of equal ones the nearest to one half. Thresholds lie
    halfway between two probabilities, so that another machine's rounding changes no answer.
    """
    chosen = classes.index(positive)
    scores, truth = validation.probabilities[:, chosen], validation.labels == chosen
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) < 0, True)
    sensitivity = truth[order].cumsum()[last] / positives
    specificity = 1 - (~truth[order]).cumsum()[last] / negatives
    reached = scores[order][last]
    thresholds = np.append((reached[:-1] + reached[1:]) / 2, 0.0)
    if rule == YOUDEN:
        gain = sensitivity + specificity
        best = np.flatnonzero(gain >= gain.max() - 1e-12)
        place = best[np.abs(thresholds[best] - 0.5).argmin()]
    else:
        # Every image is answered with the positive class at threshold 0: there always is one.
        place = np.flatnonzero(sensitivity >= float(rule.removeprefix(SENSITIVITY)))[0]
    return OperatingPoint(
        positive=positive,
        threshold=float(thresholds[place]),
        rule=rule,
        n_validation=len(validation),
    )


def operating_result(
    point: OperatingPoint, test: Predictions, classes: ClassNames
) -> OperatingResult:
    """Measure an operating point on images with known classes."""
    positive = classes.index(point.positive)
    is_positive = test.labels == positive
    answered = point.answers(test.probabilities, classes) == positive
    return OperatingResult(
        point=point,
        positives=int(is_positive.sum()),
        found=int((is_positive & answered).sum()),
        negatives=int((~is_positive).sum()),
        passed=int((~is_positive & ~answered).sum()),
    )


def described(result: OperatingResult) -> str:
    """Sentence on the threshold, the rule and what it does on the test images."""
    point = result.point
    rule = "of the largest sensitivity plus specificity"
    if point.rule != YOUDEN:
        wanted = float(point.rule.removeprefix(SENSITIVITY))
        rule = f"of the best specificity at a sensitivity of at least {percentage(wanted)}"
    return (
        f"Operating point: {point.positive} from a probability of {point.threshold:.3f} on, the "
        f"threshold {rule} on {count(point.n_validation, 'validation image')}. On the test images: "
        f"sensitivity {_rate(result.found, result.positives, result.sensitivity_ci95)}, "
        f"specificity {_rate(result.passed, result.negatives, result.specificity_ci95)}."
    )


def _rate(some: int, n: int, ci95: tuple[float, float]) -> str:
    if not n:
        return "unknown (no images)"
    return f"{percent_with_range(some / n, ci95)}, {some:,} of {n:,}"

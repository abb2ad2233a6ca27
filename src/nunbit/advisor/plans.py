"""Plans of a transfer, the evidence for them, and the notes' two-by-two table: plain values.

Everything the adviser measures ends in one frozen `Advice`. Nothing here computes with images or
networks, so that reports and charts can be made from recorded advice as well as from fresh.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nunbit.errors import DataError

Z95 = 1.959964
HEAD, LAST_STAGE, ALL, SCRATCH = "head", "last-stage", "all", "none"
"""Names of plans, as `transfer.mode` takes them; the one between is `stages:N`."""
_DESCRIPTIONS = {
    HEAD: "head",
    LAST_STAGE: "last stage and head",
    ALL: "everything",
    SCRATCH: "from scratch",
}
MIN_GAIN = 0.005
"""Accuracy for which nobody should train more than the head."""
Source = Literal["pretrained", "untrained", "pixels"]


def describe(plan: str) -> str:
    """Describe what a plan trains: 'stages:2' is 'last 2 stages and head'."""
    if plan.startswith("stages:"):
        return f"last {plan.removeprefix('stages:')} stages and head"
    return _DESCRIPTIONS[plan]


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """A fraction of images (right ones, or a difference of such) with its 95 % interval."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.estimate:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True, kw_only=True)
class HeadScore:
    """Cross-validated accuracy of a simple head on one kind of features."""

    source: Source
    stage: int
    """1 for the earliest stage; 0 for pixels."""
    cut: str
    """Place in the network where the features are taken; '' for pixels."""
    dimensions: int
    accuracy: Proportion


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The learning curve of the head on the last stage's features."""

    images: int
    """Training images of one fold."""
    accuracy: Proportion


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A plan tried in small: a short real training, on some images."""

    plan: str
    images: int
    """Trained on, in each round."""
    held_out: int
    """Measured on over all rounds; the same images for all trials."""
    visits: int
    """Images seen in a round, each as often as it was seen."""
    side: int
    """Longer side of the images in pixels."""
    seconds: float
    accuracy: Proportion
    head_accuracy: float
    """Accuracy of the head alone, on the same held-out images at the same size."""
    rounds: int = 1
    """Trainings, each judged on images that no other is."""


@dataclass(frozen=True, kw_only=True)
class PlanEstimate:
    """Expected accuracy and time of a plan."""

    plan: str
    """The plan as `transfer.mode` takes it."""
    accuracy: Proportion
    """Expected, on images like the training images."""
    behind: float
    """Distance behind the best plan in the trials, in standard errors of the difference."""
    seconds: float
    """Expected time of the training on this machine."""
    basis: str
    """Ground of the accuracy, in words for people."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one of the notes' two questions."""

    yes: bool
    reason: str
    """A sentence with the numbers that decided."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Advice: what to train, what to expect, and the measurements behind it."""

    data: str
    model: str
    weights: str
    scratch: str
    """The network that training from scratch would take."""
    device: str
    classes: int
    images: int
    """Training and validation images that there are."""
    measured_on: int
    """Those that were looked at."""
    heads: tuple[HeadScore, ...]
    curve: tuple[CurvePoint, ...]
    trials: tuple[Trial, ...]
    plans: tuple[PlanEstimate, ...]
    """Best first."""
    much: Answer
    """Answer to the question whether there is much data."""
    similar: Answer
    """Answer to the question whether the images are like those of the weights."""
    recommended: str
    """The plan to carry out, as `transfer.mode` takes it: never `none`, which needs no weights."""
    reason: str
    """Reason, in a sentence or two."""
    remarks: tuple[str, ...] = ()
    """Remarks on the limits of the advice."""
    seconds: float = 0.0
    """Time that measuring took."""

    @property
    def table_plan(self) -> str:
        """Plan of the rule of thumb for the two answers."""
        return table_plan(much=self.much.yes, similar=self.similar.yes, stages=self._middle)

    @property
    def expected(self) -> PlanEstimate:
        """The estimate of the recommended plan."""
        return next(plan for plan in self.plans if plan.plan == self.recommended)

    @property
    def _middle(self) -> str:
        return next((p.plan for p in self.plans if p.plan.startswith("stages:")), LAST_STAGE)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "table_plan": self.table_plan}


def advice_from_dict(content: Mapping[str, Any]) -> Advice:
    """Read what `Advice.to_dict` wrote, for example from a run's advice.json.

    Raises DataError for anything else.
    """
    try:
        values = {name: content[name] for name in Advice.__dataclass_fields__}
        return Advice(
            **{
                **values,
                "heads": tuple(HeadScore(**_with_accuracy(row)) for row in values["heads"]),
                "curve": tuple(CurvePoint(**_with_accuracy(row)) for row in values["curve"]),
                "trials": tuple(Trial(**_with_accuracy(row)) for row in values["trials"]),
                "plans": tuple(PlanEstimate(**_with_accuracy(row)) for row in values["plans"]),
                "much": Answer(**values["much"]),
                "similar": Answer(**values["similar"]),
                "remarks": tuple(values["remarks"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"this is not advice of nunbit: {error}",
            remedy="make it again with nunbit advise",
        ) from None


def _with_accuracy(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "accuracy": Proportion(**row["accuracy"])}


def table_plan(*, much: bool, similar: bool, stages: str) -> str:
    """The notes' table: `stages` is the plan that trains some convolutions and the head.

    much and similar: the last convolutions and the head; little and similar: the head; much and
    different: everything; little and different: some convolutions and the head.
    """
    if similar:
        return LAST_STAGE if much else HEAD
    return ALL if much else stages


def depth(plan: str) -> float:
    """Number of stages that a plan trains; everything is more than any number."""
    if plan.startswith("stages:"):
        return float(plan.removeprefix("stages:"))
    return {HEAD: 0.0, LAST_STAGE: 1.0, ALL: math.inf, SCRATCH: math.inf}[plan]


def rank(plans: Sequence[PlanEstimate]) -> tuple[PlanEstimate, ...]:
    """Best expected accuracy first; of equals, the better in the trials, then what trains less."""
    return tuple(sorted(plans, key=lambda p: (-p.accuracy.estimate, p.behind, depth(p.plan))))


def recommend(plans: Sequence[PlanEstimate]) -> PlanEstimate:
    """The plan with the best expectation, or the head where that is worth as much.

    The head is fitted in seconds; plans that train stages take minutes, all of them. Expectations
    are drawn together as far as measurements cannot tell plans apart, so what is left of a
    difference is what is likely. Training from scratch is not a transfer: it is ranked, and never
    recommended.
    """
    transfers = [plan for plan in rank(plans) if plan.plan != SCRATCH]
    best, head = transfers[0], next((plan for plan in transfers if plan.plan == HEAD), None)
    if head is not None and best.accuracy.estimate - head.accuracy.estimate < MIN_GAIN:
        return head
    return best


Verdict = Literal["met", "above", "below"]


def verdict(expected: Proportion, test: tuple[float, float]) -> Verdict:
    """Tell whether a test's 95 % interval overlaps the expected one, lies above it, or below."""
    low, high = test
    if low > expected.high:
        return "above"
    return "below" if high < expected.low else "met"


def proportion(correct: float, n: float) -> Proportion:
    """Wilson's 95 % interval of `correct` among `n`; neither need be whole, n must be positive."""
    if n <= 0:
        raise ValueError("a proportion of nothing")
    p, z2 = correct / n, Z95 * Z95
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Proportion(estimate=p, low=max(0.0, centre - half), high=min(1.0, centre + half))

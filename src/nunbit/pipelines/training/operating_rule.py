"""Choice of the operating point of two classes, by the settings of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nunbit.config.sections import TrainingConfig
from nunbit.data.dataset import Dataset
from nunbit.errors import UsageError
from nunbit.evaluation.operating_point import YOUDEN
from nunbit.suggest import suggest


@dataclass(frozen=True, kw_only=True)
class OperatingRule:
    """Class that is answered from a threshold on, and the rule that chooses the threshold."""

    positive: str
    rule: str


def operating_rule_of(training: TrainingConfig, dataset: Dataset) -> OperatingRule | None:
    """The rule for data of two classes; None for others, or where none is wanted.

    The positive class is the one with fewer training images, unless it is named: the second of two
    that have as many.

    Raises:
        UsageError: when a rule or a positive class is set that these classes cannot have.
    """
    classes, named = dataset.classes, training.positive_class
    is_set = training.operating_point not in ("auto", "none")
    if len(classes) != 2:
        if is_set or named is not None:
            setting = "operating_point" if is_set else "positive_class"
            raise UsageError(
                f"training.{setting} is about two classes, and these data have {len(classes)}",
                remedy="leave it out",
            )
        return None
    if named is not None and named not in classes:
        raise UsageError(
            f"training.positive_class is not a class of the data: {named}",
            remedy=suggest(named, classes, rest=f"the classes are {' and '.join(classes)}"),
        )
    if training.operating_point == "none":
        return None
    first, second = np.bincount(dataset.labels[dataset.rows("train")], minlength=2)
    return OperatingRule(
        positive=named or classes[int(second <= first)],
        rule=YOUDEN if training.operating_point == "auto" else training.operating_point,
    )

"""Labelled images under the classes of a model that is there already; without torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nunbit.data.inspect import Inspection
from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.errors import DataError
from nunbit.formatting import count, examples
from nunbit.types import ClassNames, Part, Samples, Split

UNKNOWN_CLASS = f"{EXCLUDED_BY} model"
"""Reason against an image of a class that the model does not know."""


def keep_known_classes(
    classes: ClassNames, samples: Samples, inspection: Inspection
) -> tuple[Samples, Inspection]:
    """The same samples with the model's class numbers; those of other classes are left out.

    Raises:
        DataError: when the model knows none of the classes.
    """
    unknown = [name for name in samples.classes if name not in classes]
    if len(unknown) == len(samples.classes):
        raise DataError(
            f"the model does not know {len(unknown)} of the classes: {', '.join(unknown[:10])}",
            path=samples.location,
            remedy=f"it knows {', '.join(classes[:20])}; rename classes with --label-map",
        )
    number = {name: at for at, name in enumerate(classes)}
    lookup = np.array([number.get(name, -1) for name in samples.classes] + [-1], dtype=np.int64)
    labels = lookup[samples.labels]
    if not unknown:
        return replace(samples, classes=classes, labels=labels), inspection
    left_out = (samples.labels >= 0) & (labels < 0)

    def with_reason(reasons: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            reason
            or (f"{UNKNOWN_CLASS}: it does not know class '{samples.label_name(i)}'" if out else "")
            for i, (reason, out) in enumerate(zip(reasons, left_out, strict=True))
        )

    warning = (
        f"{count(int(left_out.sum()), 'image')} left out, of classes that the model does not know: "
        f"{examples(unknown)}; --label-map gives them other names"
    )
    samples = replace(
        samples,
        classes=classes,
        labels=labels,
        reasons=with_reason(samples.reasons),
        warnings=(*samples.warnings, warning),
    )
    return samples, replace(inspection, reasons=with_reason(inspection.reasons))


def all_as_test(samples: Samples, split: Split) -> Split:
    """The data's own test part, or all usable images where they have none."""
    has_test = "test" in samples.parts
    reasons = tuple(
        reason or ("not in the test part" if has_test and part != "test" else "")
        for reason, part in zip(split.reasons, samples.parts, strict=True)
    )
    parts: tuple[Part, ...] = tuple("excluded" if reason else "test" for reason in reasons)
    return replace(split, parts=parts, reasons=reasons)

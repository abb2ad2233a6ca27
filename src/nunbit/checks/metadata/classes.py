"""Classes that are empty, too small to learn or to measure, or of very different sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import sqrt

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.evaluation.intervals import Z
from nunbit.types import Samples

SMALLEST_CLASS = 3
"""Fewer images than parts leave a class without one in some part."""
IMBALANCE = 5
"""Largest class over smallest class from which accuracy alone misleads."""
WIDEST_INTERVAL = 0.4
"""A class is measured when the 95 % interval of its recall is narrower than this, whatever the
recall: 20 points either way."""


class ClassSizes(Check):
    """Number of images of each class."""

    name = "class-sizes"
    needs = "metadata"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `classes`."""
        return classes(context.samples, context.reasons, test_fraction=context.test_fraction)


def classes(samples: Samples, reasons: Sequence[str], *, test_fraction: float) -> Iterator[Finding]:
    """Findings about the number of usable images in each class.

    `reasons` is [N]; a new split would test with `test_fraction` of the images.
    """
    usable = [i for i, reason in enumerate(reasons) if not reason]
    counts = Counter(dict.fromkeys(samples.classes, 0))
    counts.update(samples.label_name(i) for i in usable)
    yield from _too_small_to_learn(counts)
    if any(samples.parts[i] == "test" for i in usable):
        tested = Counter(samples.label_name(i) for i in usable if samples.parts[i] == "test")
    else:
        tested = Counter({name: round(test_fraction * n) for name, n in counts.items()})
    yield from _too_small_to_measure({name: tested[name] for name, n in counts.items() if n})
    present = {name: count for name, count in counts.items() if count}
    if present and max(present.values()) >= IMBALANCE * min(present.values()):
        most, least = max(present, key=lambda c: present[c]), min(present, key=lambda c: present[c])
        yield Finding(
            kind="unbalanced-classes",
            severity="note",
            title=f"The classes are unbalanced: {most} has {present[most]:,} images, {least} "
            f"{present[least]:,}",
            count=0,
            why="Accuracy is then mostly that of the large classes.",
            remedy="Look at macro F1 and at the recall of each class. --set "
            "training.sampling=balanced finds more of the rare classes at little cost, --set "
            "training.logit_adjustment=1 most of them, and --set "
            "checkpoint.monitor=validation_macro_f1 keeps the epoch that is best for all classes.",
        )


def widest_interval(n: int) -> float:
    """Width of Wilson's 95 % interval of a fraction of n at its widest, one half; 1 for none."""
    return 1.0 if n == 0 else Z / sqrt(n + Z**2)


def _too_small_to_learn(counts: Counter[str]) -> Iterator[Finding]:
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        yield Finding(
            kind="empty-classes",
            severity="error",
            title=f"{len(empty)} of the {len(counts)} classes "
            f"{'has' if len(empty) == 1 else 'have'} no usable image",
            count=0,
            examples=tuple(empty[:EXAMPLES]),
            everything=tuple(empty),
            why="A class without images cannot be learned.",
            remedy="Add images, or remove the class.",
        )
    small = {name: count for name, count in counts.items() if 0 < count < SMALLEST_CLASS}
    if small:
        listed = tuple(f"{name} ({count})" for name, count in small.items())
        yield Finding(
            kind="small-classes",
            severity="warning",
            title=f"{_of_all(len(small), len(counts))} "
            f"{'has' if len(small) == 1 else 'have'} fewer than {SMALLEST_CLASS} images",
            count=sum(small.values()),
            examples=listed[:EXAMPLES],
            everything=listed,
            why="They cannot be in training, validation and test at the same time.",
            remedy="Add images, or merge classes with --label-map.",
        )


def _too_small_to_measure(tested: dict[str, int]) -> Iterator[Finding]:
    """`tested` is the number of test images of each class that has any image at all."""
    wide = {name: n for name, n in tested.items() if widest_interval(n) > WIDEST_INTERVAL}
    if not wide:
        return
    enough = next(n for n in range(1, 10_000) if widest_interval(n) <= WIDEST_INTERVAL)
    listed = tuple(f"{name} ({n} in the test part)" for name, n in sorted(wide.items(), key=_size))
    yield Finding(
        kind="unmeasurable-classes",
        severity="note",
        title=f"{_of_all(len(wide), len(tested))} "
        f"{'is' if len(wide) == 1 else 'are'} too small to be measured: fewer than {enough} test "
        "images",
        count=sum(wide.values()),
        examples=listed[:EXAMPLES],
        everything=listed,
        why="The 95 % interval of such a class's recall can be wider than "
        f"{100 * WIDEST_INTERVAL:.0f} percentage points: whether it is recognised well will not be "
        "known.",
        remedy="Add images, raise split.test_fraction, or merge classes with --label-map.",
    )


def _of_all(some: int, classes: int) -> str:
    """'2 of the 5 classes', or 'All 5 classes'."""
    return f"All {classes} classes" if some == classes > 1 else f"{some} of the {classes} classes"


def _size(item: tuple[str, int]) -> int:
    return item[1]

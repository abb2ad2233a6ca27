"""Slices: accuracy by what is known of the images besides their class.

N images, S slices. A slice is the images that share a value of an attribute, or lie in one range
of it. Each slice is held against all other images by Fisher's exact test, one-sided (is it
worse?), and the p-values of all slices together are corrected by Holm's method (1979), so that
among data sets in which no attribute matters at most one in twenty gets any warning.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.multiple_testing import holm
from nunbit.types import Predictions

FALSE_ALARMS = 0.05
"""Probability of any warning where the network is equally good on all slices."""
MIN_IMAGES = 20
"""Images of a slice, and images outside of it, below which nothing is tested."""
RANGES = 5
"""Number of ranges of a number, each with about as many images."""
MAX_NUMBERS = 6
"""Numbers that stand for themselves; more of them are divided into ranges."""
MAX_VALUES = 8
"""Values of a text that are slices of their own, the most frequent; the others are one slice."""
UNKNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One thing that is known of each image."""

    name: str
    """Short and unique, such as `brightness`."""
    title: str
    """Such as `Brightness, mean grey level`."""
    values: NDArray[np.float64] | Sequence[str]
    """[N] numbers, not a number where unknown; or texts, '' where unknown."""
    meaning: str = ""
    """Description of how it was measured, a sentence."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The images with one value of an attribute, or in one range of it."""

    name: str
    n: int
    correct: int
    accuracy_elsewhere: float
    """Accuracy of all images outside of the slice; not a number where there are none."""
    expected: float
    """Accuracy that the slice would have if each of its classes were recognised as often as it is
    elsewhere: what is left of a difference is not owed to the mixture of classes."""
    p_value: float | None
    """Probability by chance that the slice is worse than the rest, corrected for all slices; None
    where not tested."""

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct / self.n

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval."""
        return wilson_interval(self.correct, self.n)

    @property
    def worse(self) -> bool:
        """True if it is significantly worse than the rest."""
        return self.p_value is not None and self.p_value < FALSE_ALARMS


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """An attribute and its slices, numbers ascending, texts by frequency."""

    attribute: Attribute
    slices: tuple[Slice, ...]


@dataclass(frozen=True, kw_only=True)
class SliceWarning:
    """A slice that is significantly worse than the rest, as summary.json has it."""

    attribute: str
    slice: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    accuracy_elsewhere: float
    accuracy_expected_of_its_classes: float
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """An entry of `slices`."""
        return {**vars(self), "accuracy_ci95": list(self.accuracy_ci95)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> SliceWarning:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        low, high = entry["accuracy_ci95"]
        values = {item.name: entry[item.name] for item in fields(cls)}
        return cls(**(values | {"accuracy_ci95": (low, high)}))


@dataclass(frozen=True, kw_only=True)
class Slices:
    """All breakdowns of one set of predictions."""

    n: int
    correct: int
    breakdowns: tuple[Breakdown, ...]
    left_out: tuple[str, ...]
    """Attributes that are not shown, with the reason."""

    @property
    def accuracy(self) -> float:
        """Accuracy on all images."""
        return self.correct / self.n

    @property
    def tested(self) -> int:
        """Slices that were tested."""
        return sum(s.p_value is not None for b in self.breakdowns for s in b.slices)

    @cached_property
    def warnings(self) -> tuple[tuple[Breakdown, Slice], ...]:
        """Slices that are significantly worse than the rest, the surest first."""
        found = [(b, s) for b in self.breakdowns for s in b.slices if s.worse]
        return tuple(sorted(found, key=lambda pair: (pair[1].p_value, pair[1].accuracy)))

    @property
    def summary(self) -> tuple[SliceWarning, ...]:
        """The warnings, for summary.json."""
        return tuple(
            SliceWarning(
                attribute=breakdown.attribute.name,
                slice=found.name,
                n=found.n,
                accuracy=found.accuracy,
                accuracy_ci95=found.accuracy_ci95,
                accuracy_elsewhere=found.accuracy_elsewhere,
                accuracy_expected_of_its_classes=found.expected,
                p_value=found.p_value,
            )
            for breakdown, found in self.warnings
        )


def slice_accuracy(predictions: Predictions, attributes: Sequence[Attribute]) -> Slices:
    """Accuracy by each attribute.

    An attribute with one value, and one without two slices of `MIN_IMAGES` images, is left out.
    Raises ValueError for no predictions, or an attribute that has not N values.
    """
    n = len(predictions)
    if n == 0:
        raise ValueError("no predictions to divide into slices")
    for attribute in attributes:
        if len(attribute.values) != n:
            raise ValueError(f"{len(attribute.values)} values of {attribute.name} for {n} images")
    right = predictions.predicted == predictions.labels
    divided: list[tuple[Attribute, list[tuple[str, NDArray[np.bool_]]]]] = []
    left_out = []
    for attribute in attributes:
        members = list(_members(attribute))
        if len(members) == 1:
            left_out.append(f"{attribute.title}: {members[0][0]}, of every image")
        elif sum(mask.sum() >= MIN_IMAGES for _, mask in members) < 2:
            left_out.append(f"{attribute.title}: no two values have {MIN_IMAGES} images each")
        else:
            divided.append((attribute, members))
    flat = [mask for _, members in divided for _, mask in members]
    p_values = iter(_p_values(flat, right))
    labels = predictions.labels
    breakdowns = tuple(
        Breakdown(
            attribute=attribute,
            slices=tuple(
                _slice(name, mask, right, labels=labels, p_value=next(p_values))
                for name, mask in members
            ),
        )
        for attribute, members in divided
    )
    return Slices(n=n, correct=int(right.sum()), breakdowns=breakdowns, left_out=tuple(left_out))


def _p_values(members: Sequence[NDArray[np.bool_]], right: NDArray[np.bool_]) -> list[float | None]:
    """[S] corrected, None where a slice or the rest has too few images."""
    n, correct = len(right), int(right.sum())
    sizes = np.array([mask.sum() for mask in members], dtype=np.int64)
    hits = np.array([right[mask].sum() for mask in members], dtype=np.int64)
    tested = (sizes >= MIN_IMAGES) & (n - sizes >= MIN_IMAGES)
    found = np.full(len(members), np.nan)
    if tested.any():
        from scipy.stats import hypergeom  # 0.3 s, which only tested slices pay

        # Fisher's exact test: at most so many right among as many images drawn from all.
        found[tested] = holm(hypergeom.cdf(hits[tested], n, correct, sizes[tested]))
    return [float(p) if known else None for p, known in zip(found, tested, strict=True)]


def _slice(
    name: str,
    mask: NDArray[np.bool_],
    right: NDArray[np.bool_],
    *,
    labels: NDArray[np.int64],
    p_value: float | None,
) -> Slice:
    n, correct = int(mask.sum()), int(right[mask].sum())
    outside = len(right) - n
    return Slice(
        name=name,
        n=n,
        correct=correct,
        accuracy_elsewhere=float(right[~mask].mean()) if outside else float("nan"),
        expected=_expected(mask, right, labels),
        p_value=p_value,
    )


def _expected(
    mask: NDArray[np.bool_], right: NDArray[np.bool_], labels: NDArray[np.int64]
) -> float:
    """Mean over the slice's images of their class's accuracy elsewhere.

    A class that has no image elsewhere counts with its own accuracy.
    """
    classes = int(labels.max()) + 1
    inside = np.bincount(labels[mask], minlength=classes)
    outside = np.bincount(labels[~mask], minlength=classes)
    own = np.bincount(labels[mask], weights=right[mask], minlength=classes)
    others = np.bincount(labels[~mask], weights=right[~mask], minlength=classes)
    rate = np.where(outside > 0, others / np.maximum(outside, 1), own / np.maximum(inside, 1))
    return float((inside * rate).sum() / inside.sum())


def _members(attribute: Attribute) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Name and members [N] of each slice; none is empty."""
    values = attribute.values
    numbers = values if isinstance(values, np.ndarray) else _as_numbers(values)
    if numbers is not None:
        yield from _of_numbers(numbers)
        return
    texts = [value or UNKNOWN for value in values]
    counts = Counter(texts)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    kept = ordered if len(ordered) <= MAX_VALUES + 1 else ordered[:MAX_VALUES]
    number = {name: k for k, name in enumerate(kept)}
    numbers_of = np.array([number.get(text, len(kept)) for text in texts])
    for k, name in enumerate(kept):
        yield name, np.asarray(numbers_of == k)
    if len(kept) < len(ordered):
        others = f"{len(ordered) - len(kept):,} other values"
        yield others, np.asarray(numbers_of == len(kept))


def _as_numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """[N] where every known text is a finite number, else None."""
    try:
        numbers = np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return None
    return None if np.isinf(numbers).any() else numbers


def _of_numbers(values: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Ranges of about equal counts, or the numbers themselves where they are few."""
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    decimals = _decimals(distinct)
    if len(distinct) <= MAX_NUMBERS:
        names = [f"{number:.{decimals}f}" for number in distinct]
        if len(set(names)) < len(names):  # they differ in digits that were rounded away
            names = [repr(float(number)) for number in distinct]
        for name, number in zip(names, distinct, strict=True):
            yield name, values == number
    else:
        cuts = np.unique(np.quantile(values[known], np.arange(1, RANGES) / RANGES, method="lower"))
        range_of = np.where(known, np.searchsorted(cuts, values, side="left"), -1)
        for number in np.unique(range_of[known]):
            mask = range_of == number
            low, high = (f"{end:.{decimals}f}" for end in (values[mask].min(), values[mask].max()))
            yield low if low == high else f"{low} to {high}", mask
    if not known.all():
        yield UNKNOWN, ~known


def _decimals(distinct: NDArray[np.float64]) -> int:
    """Number of decimals that show three digits of the largest number; 0 if all are whole."""
    if (distinct == np.round(distinct)).all():
        return 0
    return max(0, 2 - math.floor(math.log10(np.abs(distinct).max())))

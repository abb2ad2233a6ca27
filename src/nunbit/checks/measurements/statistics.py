"""Counts, sizes, and the distribution of pixel values in each part, before and after scaling.

N samples, B images in a batch, H height, W width, C channels. Only histograms are counted while
the pixels pass; everything else follows from these whole numbers, and so is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.data.inspect import Inspection
from nunbit.data.scaling import FIXED_SCALINGS, fixed_scaling
from nunbit.types import ImageFacts, Samples

PartName: TypeAlias = Literal["all", "train", "validation", "test"]
PART_NAMES: tuple[PartName, ...] = ("all", "train", "validation", "test")
_LEVELS = np.arange(256, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class PartStatistics:
    """The pixel values of one part; numbers per channel are of pixels 0..255."""

    name: PartName
    images: int
    histogram: NDArray[np.int64]
    """[C, 256] how many pixels have each value."""

    @cached_property
    def mean(self) -> tuple[float, ...]:
        """[C] of pixels 0..255; not a number without images."""
        return tuple(_mean_and_std(counts)[0] for counts in self.histogram)

    @cached_property
    def std(self) -> tuple[float, ...]:
        """[C] of pixels 0..255, over all pixels (not the sample's n - 1)."""
        return tuple(_mean_and_std(counts)[1] for counts in self.histogram)

    @cached_property
    def minimum(self) -> tuple[int, ...]:
        """[C] lowest value 0..255 that occurs; raises ValueError without images."""
        return tuple(int(np.flatnonzero(counts).min()) for counts in self.histogram)

    @cached_property
    def maximum(self) -> tuple[int, ...]:
        """[C] highest value 0..255 that occurs; raises ValueError without images."""
        return tuple(int(np.flatnonzero(counts).max()) for counts in self.histogram)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "images": self.images,
            "mean": list(self.mean),
            "std": list(self.std),
            "minimum": list(self.minimum),
            "maximum": list(self.maximum),
            "histogram": self.histogram.tolist(),
        }


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One way to scale: a pixel x of 0..255 becomes (x/255 - mean) / std."""

    name: str
    title: str
    mean: tuple[float, ...]
    """[C] of pixels 0..1."""
    std: tuple[float, ...]
    """[C] of pixels 0..1."""

    def edges(self, channel: int) -> NDArray[np.float64]:
        """[257] borders of the histogram's bins on the scaled axis, each around its value."""
        levels = np.arange(257) - 0.5
        return np.asarray((levels / 255 - self.mean[channel]) / self.std[channel])


@dataclass(frozen=True, kw_only=True)
class ScaledStatistics:
    """The values of one part after scaling, per channel."""

    part: PartName
    scaling: Scaling
    mean: tuple[float, ...]
    std: tuple[float, ...]
    minimum: tuple[float, ...]
    maximum: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = ("mean", "std", "minimum", "maximum")
        return {"part": self.part, **{name: list(getattr(self, name)) for name in names}}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Distribution of one number over the usable images."""

    minimum: float
    median: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Raises ValueError without values."""
        if not len(values):
            raise ValueError("no values")
        return cls(
            minimum=float(min(values)), median=float(np.median(values)), maximum=float(max(values))
        )

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return {"minimum": self.minimum, "median": self.median, "maximum": self.maximum}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the usable images as they are stored, before the input contract applies."""

    width: Spread
    """Pixels."""
    height: Spread
    """Pixels."""
    aspect: Spread
    """Width over height."""
    different: int
    """Number of different pairs of width and height."""
    commonest: tuple[tuple[int, int, int], ...]
    """(width, height, images), the most frequent first."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "width": self.width.to_dict(),
            "height": self.height.to_dict(),
            "aspect": self.aspect.to_dict(),
            "different": self.different,
            "commonest": [list(size) for size in self.commonest],
        }


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Statistics of the data."""

    classes: dict[str, dict[str, int]]
    """Images of each class in each of the parts, and under `all`."""
    sizes: Sizes
    parts: tuple[PartStatistics, ...]
    """Parts in the order of `PART_NAMES`, without those that have no images."""
    scalings: tuple[Scaling, ...]
    """0..1, -1..1, z-score by ImageNet, and z-score by the training part alone."""

    def part(self, name: PartName) -> PartStatistics:
        """One part. Raises KeyError where it has no images."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    def scaled(self, scaling: Scaling, name: PartName) -> ScaledStatistics:
        """The values of a part after scaling. Raises KeyError where it has no images."""
        part = self.part(name)

        def after(values: Sequence[float]) -> tuple[float, ...]:
            triples = zip(values, scaling.mean, scaling.std, strict=True)
            return tuple((value / 255 - mean) / std for value, mean, std in triples)

        return ScaledStatistics(
            part=name,
            scaling=scaling,
            mean=after(part.mean),
            std=tuple(s / 255 / by for s, by in zip(part.std, scaling.std, strict=True)),
            minimum=after(part.minimum),
            maximum=after(part.maximum),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "classes": self.classes,
            "sizes": self.sizes.to_dict(),
            "pixels": {part.name: part.to_dict() for part in self.parts},
            "scaled": {
                scaling.name: {
                    "title": scaling.title,
                    "subtracted": list(scaling.mean),
                    "divided_by": list(scaling.std),
                    "parts": [self.scaled(scaling, part.name).to_dict() for part in self.parts],
                }
                for scaling in self.scalings
            },
        }


class StatisticsObserver:
    """Counts the pixel values of each part; an `Observer`."""

    def __init__(self, *, parts: Sequence[str], channels: int) -> None:
        """`parts` [N] as in a `Split`; images of the part `excluded` count nowhere."""
        self._parts = np.array(parts, dtype=object)
        self._channels = channels
        self._seen = np.zeros(len(parts), dtype=np.bool_)
        self._histograms = {
            name: np.zeros((channels, 256), dtype=np.int64) for name in PART_NAMES[1:]
        }

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        """See `Observer.observe`."""
        self._seen[rows] = True
        part_of = self._parts[rows]
        for name, histogram in self._histograms.items():
            chosen = part_of == name
            if not chosen.any():
                continue
            images = canvases if chosen.all() else canvases[chosen]
            for channel in range(self._channels):
                values = images[..., channel].ravel()
                histogram[channel] += np.bincount(values, minlength=256)

    def statistics(self, samples: Samples, inspection: Inspection) -> Statistics:
        """Statistics so far, with the counts of classes and the sizes of files.

        Raises ValueError when no image was seen.
        """
        counted = self._seen & (self._parts != "excluded")
        rows = np.flatnonzero(counted)
        found: list[PartStatistics] = []
        for name in PART_NAMES:
            images = len(rows) if name == "all" else int((self._parts[rows] == name).sum())
            if images:
                found.append(
                    PartStatistics(name=name, images=images, histogram=self._histogram(name))
                )
        facts = [fact for fact in (inspection.facts[row] for row in rows) if fact is not None]
        own = next((part for part in found if part.name == "train"), found[0] if found else None)
        if own is None:
            raise ValueError("no images to take statistics of")
        return Statistics(
            classes=_class_counts(samples, self._parts, rows),
            sizes=_sizes(facts),
            parts=tuple(found),
            scalings=_scalings(own, self._channels),
        )

    def _histogram(self, name: PartName) -> NDArray[np.int64]:
        if name == "all":
            return np.asarray(sum(self._histograms.values()), dtype=np.int64)
        return self._histograms[name]


def _scalings(own: PartStatistics, channels: int) -> tuple[Scaling, ...]:
    titles = {
        "zero-one": "0 to 1",
        "minus-one-one": "−1 to 1",
        "imagenet": "z-score by ImageNet’s mean and standard deviation",
    }
    fixed = [
        (name, titles[name], *fixed_scaling(name, channels=channels)) for name in FIXED_SCALINGS
    ]
    source = "the training part" if own.name == "train" else "all images"
    # A channel that never changes is divided by one grey level, as the input contract does it.
    by = tuple(max(value, 1.0) / 255 for value in own.std)
    mean = tuple(value / 255 for value in own.mean)
    rows = [
        *fixed,
        ("z-score", f"z-score by the mean and standard deviation of {source}", mean, by),
    ]
    return tuple(
        Scaling(name=name, title=title, mean=mean, std=std) for name, title, mean, std in rows
    )


def _class_counts(
    samples: Samples, parts: NDArray[np.object_], rows: NDArray[np.int64]
) -> dict[str, dict[str, int]]:
    pairs = Counter(zip(samples.labels[rows].tolist(), parts[rows].tolist(), strict=True))
    counts: dict[str, dict[str, int]] = {}
    for label, name in enumerate(samples.classes):
        each: dict[str, int] = {part: pairs[label, part] for part in PART_NAMES[1:]}
        counts[name] = {"all": sum(each.values()), **each}
    return counts


def _sizes(facts: Sequence[ImageFacts]) -> Sizes:
    sizes = Counter((fact.width, fact.height) for fact in facts)
    return Sizes(
        width=Spread.of([fact.width for fact in facts]),
        height=Spread.of([fact.height for fact in facts]),
        aspect=Spread.of([fact.width / fact.height for fact in facts]),
        different=len(sizes),
        commonest=tuple((w, h, count) for (w, h), count in sizes.most_common(5)),
    )


def _mean_and_std(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Mean and deviation of the values 0..255 with these counts, in integers until the end."""
    n = int(counts.sum())
    if n == 0:
        return float("nan"), float("nan")
    total = sum(int(count) * value for value, count in enumerate(counts))
    squares = sum(int(count) * value * value for value, count in enumerate(counts))
    # n^2 times the variance, in Python's unbounded whole numbers: nothing cancels.
    return total / n, float((n * squares - total * total) ** 0.5 / n)

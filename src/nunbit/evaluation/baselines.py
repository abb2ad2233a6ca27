"""Baselines: the accuracy of simpler methods on the same test images.

Every baseline is compared with the network on the images that both have answered, in pairs.
n images, m training images, H height, W width, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_interval
from nunbit.types import ClassNames, Predictions

Kind: TypeAlias = Literal["largest-class", "nearest-neighbour", "linear-probe"]

LARGEST_SIDE = 32
"""Pixels of a side that the nearest neighbour compares; larger images are averaged down to it."""
SIGNIFICANT = 0.025
"""The network is clearly better where chance would give its lead less often: as rare as a truth
above a two-sided 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A simpler method on some test images, and the network on the same ones."""

    kind: Kind
    detail: str
    """Description in words that complete its name."""
    n: int
    """Test images that it has answered."""
    correct: int
    network_correct: int
    """Images of the same that the network has right."""
    p_value: float
    """Probability that chance alone would give the network such a lead, or a larger one."""

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct / self.n

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval."""
        return wilson_interval(self.correct, self.n)

    @property
    def network_accuracy(self) -> float:
        """The network's fraction of right answers on the same images."""
        return self.network_correct / self.n

    @property
    def answer(self) -> str:
        """Detail without its first word: of the largest class, what it always answers."""
        return self.detail.removeprefix("always ")

    @property
    def clearly_beaten(self) -> bool:
        """True if the network's lead is more than chance."""
        return self.p_value < SIGNIFICANT

    def to_dict(self) -> dict[str, Any]:
        """An entry of summary.json."""
        return {
            **asdict(self),
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.accuracy_ci95),
        }


def baseline_from_dict(entry: Mapping[str, Any]) -> Baseline:
    """The inverse of `Baseline.to_dict`. Raises KeyError for an entry that lacks something."""
    return Baseline(**{field.name: entry[field.name] for field in fields(Baseline)})


def compared(
    kind: Kind, answers: NDArray[np.int64], predictions: Predictions, *, detail: str
) -> Baseline:
    """A baseline's answers, int64 [n], held against the network's on the same n > 0 images.

    The test is McNemar's in its exact form, one-sided: of the images that only one of the two got
    right, each is the network's with probability one half if it is no better (McNemar 1947).
    """
    right = answers == predictions.labels
    network_right = predictions.predicted == predictions.labels
    only_network = int((network_right & ~right).sum())
    differ = int((network_right != right).sum())
    p_value = _chance_of_at_least(only_network, differ)
    return Baseline(
        kind=kind,
        detail=detail,
        n=len(answers),
        correct=int(right.sum()),
        network_correct=int(network_right.sum()),
        p_value=float(p_value),
    )


def _chance_of_at_least(heads: int, tosses: int) -> float:
    """The chance of so many heads, or more, in tosses of a fair coin: the binomial tail."""
    log_factorial = np.concatenate([[0.0], np.log(np.arange(1, tosses + 1)).cumsum()])
    k = np.arange(heads, tosses + 1)
    log_ways = log_factorial[tosses] - log_factorial[k] - log_factorial[tosses - k]
    return min(1.0, float(np.exp(log_ways - tosses * np.log(2)).sum()))


def largest_class(
    predictions: Predictions, classes: ClassNames, *, training_labels: NDArray[np.int64] | None
) -> Baseline:
    """Always answering the class that is most frequent in training, int64 [m].

    Where nothing is known of the training, that of the evaluated images themselves, which flatters
    the baseline.
    """
    known = predictions.labels if training_labels is None else training_labels
    answer = int(np.bincount(known, minlength=len(classes)).argmax())
    where = "" if training_labels is not None else " of these images"
    return compared(
        "largest-class",
        np.full(len(predictions), answer, dtype=np.int64),
        predictions,
        detail=f"always “{classes[answer]}”, the largest class{where}",
    )


def nearest_neighbour(
    training: Iterable[NDArray[np.float32]],
    training_labels: NDArray[np.int64],
    predictions: Predictions,
    test: NDArray[np.float32],
    *,
    detail: str,
) -> Baseline:
    """The class of the training image whose pixels are nearest, by Euclidean distance.

    Args:
        training: what `small_images` gives of m > 0 training images, block by block [b, D], of
            which one at a time is held.
        training_labels: [m]
        predictions: the network's, of n > 0 test images.
        test: [n, D] the same images as vectors.
        detail: what was compared with what.
    """
    import torch

    asked = torch.from_numpy(test)
    least = torch.full((len(asked),), torch.inf, dtype=asked.dtype)
    nearest = torch.zeros(len(asked), dtype=torch.int64)
    start = 0
    for block in training:
        distance, row = torch.cdist(asked, torch.from_numpy(block)).min(dim=1)
        nearer = distance < least
        least[nearer], nearest[nearer] = distance[nearer], start + row[nearer]
        start += len(block)
    answers = training_labels[nearest.numpy()]
    return compared("nearest-neighbour", answers, predictions, detail=detail)


def drawn(rows: NDArray[np.int64], most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """`rows`, or so many of them drawn without repetition."""
    if len(rows) <= most:
        return rows
    return np.asarray(generator.choice(rows, size=most, replace=False), dtype=np.int64)


def small_images(canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Canvases, uint8 [n, H, W, C], as vectors in 0..1, float32 [n, D].

    Sides above `LARGEST_SIDE` pixels are averaged down to it.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    pixels = torch.from_numpy(canvases).permute(0, 3, 1, 2).to(torch.float32).div_(255)
    height, width = (min(int(side), LARGEST_SIDE) for side in pixels.shape[2:])
    if (height, width) != pixels.shape[2:]:
        pixels = adaptive_avg_pool2d(pixels, (height, width))
    return np.ascontiguousarray(pixels.flatten(1).numpy())

"""The frozen values that travel from stage to stage.

N samples of a data set, K classes, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

ClassNames: TypeAlias = tuple[str, ...]
Part: TypeAlias = Literal["train", "validation", "test", "excluded"]
PARTS: tuple[Part, ...] = ("train", "validation", "test", "excluded")


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """Images that are files; `files[i]` belongs to sample i."""

    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)


@dataclass(frozen=True, kw_only=True)
class ImageArrays:
    """Images that are one array in memory: uint8 [N, H, W, C], C = 1 or 3."""

    array: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.array)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Everything a source found, in the order of `paths`, which is sorted and free of repeats.

    Nothing found is left out: what cannot be used keeps its row and says why in `reasons`.
    """

    name: str
    """Short name of the data set, used in messages and for the run's folder."""
    location: str
    """What the user gave: the path or the known name."""
    classes: ClassNames
    images: ImageFiles | ImageArrays
    paths: tuple[str, ...]
    """[N] paths relative to the source, with forward slashes; for arrays `part/00012`."""
    labels: NDArray[np.int64]
    """[N] index into `classes`; -1 where the source gives no label (always with a reason)."""
    parts: tuple[str, ...]
    """[N] 'train', 'validation' or 'test' where the source says so, else ''."""
    groups: tuple[str, ...]
    """[N] name of the group that must stay whole, else ''."""
    reasons: tuple[str, ...]
    """[N] '' for a usable sample, else why it is excluded."""
    notes: tuple[str, ...] = ()
    """Remarks for the user: what was ignored, merged or looks odd."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """[N] each: what else a table says about the images, as text, '' where it says nothing."""

    def __post_init__(self) -> None:
        lengths = {
            len(column)
            for column in (
                self.images,
                self.paths,
                self.labels,
                self.parts,
                self.groups,
                self.reasons,
                *self.columns.values(),
            )
        }
        if len(lengths) != 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.paths)

    def label_name(self, index: int) -> str:
        """Class name of one sample, '' where it has none."""
        label = int(self.labels[index])
        return self.classes[label] if label >= 0 else ""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which part every found sample belongs to; row i is sample i of the `Samples`."""

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    """[N] one of `PARTS`."""
    groups: tuple[str, ...]
    sha256: tuple[str, ...]
    """[N] of the image's bytes; '' where the file could not be read."""
    reasons: tuple[str, ...]
    """[N] why a sample is excluded, else ''."""

    def __len__(self) -> int:
        return len(self.paths)

    def indices(self, part: Part) -> NDArray[np.int64]:
        """Row numbers of one part, ascending."""
        return np.flatnonzero(np.array(self.parts, dtype=object) == part).astype(np.int64)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of samples in each part; the sum is the number of samples found."""
        counter = Counter(self.parts)
        return {part: counter[part] for part in PARTS}

    @cached_property
    def leaked_test_indices(self) -> NDArray[np.int64]:
        """Test rows whose bytes also stand in the training or validation part."""
        seen = {
            digest
            for digest, part in zip(self.sha256, self.parts, strict=True)
            if part in ("train", "validation")
        }
        leaked = [i for i in self.indices("test") if self.sha256[i] in seen]
        return np.array(leaked, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One batch on the device, ready for the network."""

    images: Tensor
    """float32 [B, C, H, W], normalised."""
    targets: Tensor
    """int64 [B], index of the class; float32 [B, K], shares of classes, where images are mixed."""
    indices: NDArray[np.int64]
    """[B] row numbers in the `Samples`."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What the network said about some samples."""

    logits: NDArray[np.float32]
    """[N, K]"""
    labels: NDArray[np.int64]
    """[N] true class, -1 where unknown."""
    indices: NDArray[np.int64]
    """[N] row numbers in the `Samples`."""
    temperature: float = 1.0
    """The logits are divided by it before the softmax; the bundle's, once it has one."""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Softmax of the logits over the temperature, float64 [N, K]."""
        from scipy.special import softmax

        return np.asarray(softmax(self.logits.astype(np.float64) / self.temperature, axis=1))

    @cached_property
    def log_probabilities(self) -> NDArray[np.float64]:
        """Logarithms of the probabilities, finite for finite logits of any size, [N, K]."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(self.logits.astype(np.float64) / self.temperature, axis=1))

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """[N] index of the most probable class."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int64)

    def subset(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Predictions:
        """The predictions at some rows of this value."""
        return Predictions(
            logits=self.logits[rows],
            labels=self.labels[rows],
            indices=self.indices[rows],
            temperature=self.temperature,
        )

    def at_temperature(self, temperature: float) -> Predictions:
        """The same logits, with probabilities at another temperature."""
        return Predictions(
            logits=self.logits,
            labels=self.labels,
            indices=self.indices,
            temperature=temperature,
        )

"""The frozen values that travel from stage to stage.

N samples of a data set, K classes, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunk_slices

if TYPE_CHECKING:
    from torch import Tensor

ClassNames: TypeAlias = tuple[str, ...]
Part: TypeAlias = Literal["train", "validation", "test", "excluded"]
PARTS: tuple[Part, ...] = ("train", "validation", "test", "excluded")


@dataclass(frozen=True)
class ImageFacts:
    """Facts from an image's header; no pixel is decoded."""

    width: int
    """Pixels, after EXIF rotation."""
    height: int
    """Pixels, after EXIF rotation."""
    mode: str
    """Pillow's mode, such as L, RGB, CMYK, P or I;16."""
    format: str
    """Pillow's name of the content's format, such as JPEG; 'array' for pixels in memory."""
    frames: int
    bytes: int
    rotated: bool
    """EXIF asks for a turn or a mirroring."""
    transparent: bool
    """True for an alpha channel, a transparent colour or a palette with transparency."""
    camera: str = ""
    """EXIF maker and model in one line; '' where absent."""
    taken: str = ""
    """EXIF date and time, as 2024-05-31T12:00:00; '' where absent or not a date."""
    bits: int = 8
    """Bits of a stored sample; above 8, the contract's range says what becomes black and white."""
    channels: int = 0
    """Stored samples of a pixel where the header tells of more than Pillow's mode; else 0."""
    layers: str = ""
    """Kind of the frames, such as '2 channels, 5 z-planes'; '' for one, or an animation."""
    range_low: float = 0.0
    range_high: float = 0.0
    """Values that the header states as black and white of more than 8 bits; equal where it does
    not."""
    profile: str = ""
    """Name of an RGB colour profile other than sRGB; '' for none."""
    patient: str = ""
    """Digest of a DICOM file's PatientID; '' where absent."""

    @property
    def wide(self) -> bool:
        """True for samples of more than 8 bits, which the contract's range makes bytes."""
        return self.bits > 8


@dataclass(frozen=True)
class FileRecord:
    """Result of inspecting one image."""

    sha256: str
    """SHA-256 of its content; '' where it could not be read."""
    facts: ImageFacts | None
    """None where the content is not an image."""
    reason: str
    """Reason why it cannot be used; '' where it can."""


class ImageStore(Protocol):
    """The images of a data set, wherever they are kept; `nunbit.data.storage` has the kinds."""

    @property
    def decoded(self) -> bool:
        """True if `read` gives pixels of images that have no file, no header and no name.

        Reading these costs nothing worth doing side by side.
        """
        ...

    def __len__(self) -> int: ...

    def read(self, row: int) -> bytes | NDArray[np.uint8]:
        """The bytes of an image file, or the pixels uint8 [H, W, C]; for several threads at once.

        Raises `UnusableImage` where the image cannot be had.
        """
        ...

    def facts(self, row: int) -> FileRecord:
        """Digest and header of one image; never raises for an image."""
        ...

    def name(self, row: int) -> str:
        """File name of one image, with its extension."""
        ...

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ImageStore:
        """A storage of some of the images, in the order of `rows`, that can be pickled."""
        ...

    def file(self, row: int) -> Path | None:
        """The file whose change may change the image; several images may share one."""
        ...

    def whole(self) -> NDArray[np.uint8] | None:
        """All images as one array uint8 [N, H, W, C] where they are kept so, else None."""
        ...

    def write(self, row: int, target: Path) -> None:
        """Write one image to a new file. Raises `OSError` or `UnusableImage`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Everything a source found, in the order of `paths`, which is sorted and free of repeats.

    Nothing found is left out: what cannot be used keeps its row and says why in `reasons`.
    """

    name: str
    """Short name of the data set, used in messages and for the run's folder."""
    location: str
    """Path or known name, as the user gave it."""
    classes: ClassNames
    images: ImageStore
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
    warnings: tuple[str, ...] = ()
    """The same for what may make a result wrong, or is left out on nobody's request."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """[N] each: what else a table says about the images, as text, '' where it says nothing."""
    former_labels: Mapping[str, str] = field(default_factory=dict)
    """Classes before the corrections gave others, by path; '' for none."""

    def __post_init__(self) -> None:
        columns: tuple[Sized, ...] = (
            self.images,
            self.paths,
            self.labels,
            self.parts,
            self.groups,
            self.reasons,
            *self.columns.values(),
        )
        lengths = {len(column) for column in columns}
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
    """Part of every found sample; row i is sample i of the `Samples`."""

    paths: tuple[str, ...]
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    """[N] one of `PARTS`; '' where nobody has decided yet."""
    groups: tuple[str, ...]
    sha256: tuple[str, ...]
    """[N] of the image's bytes; '' where the file could not be read."""
    reasons: tuple[str, ...]
    """[N] why a sample is excluded, else ''."""
    trained_elsewhere: frozenset[str] = frozenset()
    """Digests of the images that the evaluated model was trained and chosen on, where these are
    other data than its own; not written to split.csv."""
    near_trained: frozenset[str] = frozenset()
    """Digests of these images that show the picture of one in `trained_elsewhere`, though their
    bytes differ; not written to split.csv."""

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
        """Test rows that the model has seen in training or validation, also as a near-duplicate."""
        seen = (
            self.trained_elsewhere
            | self.near_trained
            | {
                digest
                for digest, part in zip(self.sha256, self.parts, strict=True)
                if part in ("train", "validation")
            }
        )
        leaked = [i for i in self.indices("test") if self.sha256[i] in seen]
        return np.array(leaked, dtype=np.int64)

    @cached_property
    def near_copies(self) -> int:
        """Number of the leaked test rows whose bytes differ from those that were seen."""
        return sum(self.sha256[i] in self.near_trained for i in self.leaked_test_indices)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One batch on the device, ready for the network."""

    images: Tensor
    """float32 [B, C, H, W], normalised."""
    targets: Tensor
    """int64 [B], index of the class; float32 [B, K], class probabilities where images are mixed."""
    indices: NDArray[np.int64]
    """[B] row numbers in the `Samples`."""


@dataclass(frozen=True, kw_only=True)
class CanvasBatch:
    """One batch on the device as it is stored, for a deployed bundle."""

    canvases: Tensor
    """uint8 [B, H, W, C]."""
    targets: Tensor
    """int64 [B], index of the class; -1 where unknown."""
    indices: NDArray[np.int64]
    """[B] row numbers in the `Samples`."""


_LOSS_CHUNK_SIZE = 4096


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Outputs of the network for some samples."""

    logits: NDArray[np.float32]
    """[N, K]"""
    labels: NDArray[np.int64]
    """[N] true class, -1 where unknown."""
    indices: NDArray[np.int64]
    """[N] row numbers in the `Samples`."""
    temperature: float = 1.0
    """The logits are divided by it before the softmax; the bundle's, once it has one."""
    deployed: NDArray[np.float64] | None = None
    """[N, K], the probabilities that a deployed bundle gave with the logits; None for a network
    that has no bundle yet."""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Answers of the deployed model, else softmax of logits / temperature; float64 [N, K]."""
        if self.deployed is not None:
            return self.deployed
        # In place: of 100,000 images in 1,000 classes, each copy is 800 MB.
        found = self.logits.astype(np.float64)
        found /= self.temperature
        found -= found.max(axis=1, keepdims=True)
        np.exp(found, out=found)
        found /= found.sum(axis=1, keepdims=True)
        return found

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """[N] cross entropy of known labels in nats, finite for finite logits of any size."""
        found = np.empty(len(self))
        for some in chunk_slices(len(self), _LOSS_CHUNK_SIZE):
            logits = self.logits[some].astype(np.float64) / self.temperature
            logits -= logits.max(axis=1, keepdims=True)
            true = logits[np.arange(len(logits)), self.labels[some]]
            found[some] = np.log(np.exp(logits).sum(axis=1)) - true
        return found

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
            deployed=None if self.deployed is None else self.deployed[rows],
        )

    def at_temperature(self, temperature: float) -> Predictions:
        """The same logits, with probabilities at another temperature."""
        if temperature == self.temperature:
            return self
        return Predictions(
            logits=self.logits,
            labels=self.labels,
            indices=self.indices,
            temperature=temperature,
        )

"""The data set that every stage after the decoding receives: one value, one row for each image.

N images of the data set, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from numpy.typing import NDArray

from nunbit.data.batches import Batches, TrainingBatches, inference_batch_size
from nunbit.data.inspect import Inspection
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.types import ClassNames, ImageFacts, Part, Samples, Split

if TYPE_CHECKING:
    import numpy as np

    from nunbit.data.augment import Augmentation


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled images under an input contract: a table of columns [N], and their canvases."""

    samples: Samples
    """Samples as the source has them."""
    inspection: Inspection
    """Inspection of the files' bytes and headers."""
    pixels: Pixels
    """The canvases, uint8 [H, W, C] each."""
    split: Split
    """The table with the parts; before the split, these are '' where the data give none."""
    preprocess: Preprocess
    """The contract of the canvases; before the split, its statistics may be open."""
    device: torch.device
    """Device to which batches go."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def name(self) -> str:
        """Short name of the data set."""
        return self.samples.name

    @property
    def classes(self) -> ClassNames:
        """[K] names, in the order of the network's outputs."""
        return self.samples.classes

    @property
    def paths(self) -> tuple[str, ...]:
        """[N] paths relative to the source."""
        return self.samples.paths

    @property
    def labels(self) -> NDArray[np.int64]:
        """[N] index into `classes`, -1 for none."""
        return self.samples.labels

    @property
    def parts(self) -> tuple[str, ...]:
        """[N] one of `PARTS`; '' before the split where the data give none."""
        return self.split.parts

    @property
    def groups(self) -> tuple[str, ...]:
        """[N] name of the group that stays whole, else ''."""
        return self.split.groups

    @property
    def sha256(self) -> tuple[str, ...]:
        """[N] digest of each image's content, '' where it could not be read."""
        return self.split.sha256

    @property
    def reasons(self) -> tuple[str, ...]:
        """[N] '' for a usable image, else why it is excluded: the one place that counts."""
        return self.split.reasons

    @property
    def facts(self) -> tuple[ImageFacts | None, ...]:
        """[N] what each header says."""
        return self.inspection.facts

    def rows(self, part: Part) -> NDArray[np.int64]:
        """Row numbers of a part, ascending. Raises ValueError before the split."""
        if "" in self.parts:
            raise ValueError("the data set is not split yet")
        return self.split.indices(part)

    def batches(self, part: Part) -> Batches | None:
        """A part as it is, in order; None when it is empty."""
        rows = self.rows(part)
        if len(rows) == 0:
            return None
        contract = self.preprocess
        return Batches(
            pixels=self.pixels,
            preprocess=contract,
            rows=rows,
            labels=self.labels,
            batch_size=inference_batch_size(contract.height, contract.width, self.device),
            device=self.device,
        )

    def training_batches(
        self, *, batch_size: int, seed: int, augmentation: Augmentation, balanced: bool = False
    ) -> TrainingBatches:
        """The training part, shuffled and augmented: the only one that is.

        `balanced` shows every class equally often.
        """
        return TrainingBatches(
            pixels=self.pixels,
            preprocess=self.preprocess,
            rows=self.rows("train"),
            labels=self.labels,
            classes=len(self.classes),
            batch_size=batch_size,
            device=self.device,
            seed=seed,
            augmentation=augmentation,
            balanced=balanced,
        )

    def with_split(self, split: Split) -> Dataset:
        """The same images in other parts."""
        return replace(self, split=split)

    def with_statistics(
        self, statistics: tuple[tuple[float, ...], tuple[float, ...]] | None
    ) -> Dataset:
        """The same images under a contract with this mean and standard deviation; None keeps it."""
        if statistics is None:
            return self
        return replace(self, preprocess=self.preprocess.with_statistics(*statistics))

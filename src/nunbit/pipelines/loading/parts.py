"""The parts of the data as batches, under one input contract."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nunbit.bundle import Bundle
from nunbit.data.augment import Augmentation
from nunbit.data.batches import Batches, TrainingBatches
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import Deployed, predict_canvases
from nunbit.inference import images_at_once
from nunbit.pipelines.loading.prepare import Prepared
from nunbit.types import Part, Predictions, Split


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Decoded samples, their division and the contract that turns them into batches."""

    prepared: Prepared
    split: Split
    preprocess: Preprocess
    device: torch.device

    def training(
        self, *, batch_size: int, seed: int, augmentation: Augmentation
    ) -> TrainingBatches:
        """The training part, shuffled and augmented: the only one that is."""
        return TrainingBatches(
            pixels=self.prepared.pixels,
            preprocess=self.preprocess,
            rows=self.split.indices("train"),
            labels=self.prepared.samples.labels,
            classes=len(self.prepared.samples.classes),
            batch_size=batch_size,
            device=self.device,
            seed=seed,
            augmentation=augmentation,
        )

    def batches(self, part: Part) -> Batches | None:
        """A part as it is, or None when it is empty."""
        rows = self.split.indices(part)
        if len(rows) == 0:
            return None
        return Batches(
            pixels=self.prepared.pixels,
            preprocess=self.preprocess,
            rows=rows,
            labels=self.prepared.samples.labels,
            batch_size=images_at_once(self.preprocess.height, self.preprocess.width, self.device),
            device=self.device,
        )

    def predict(self, bundle: Bundle, part: Part) -> Predictions | None:
        """What a bundle's network says about a part; None when the part is empty.

        The probabilities are those at the bundle's temperature.
        """
        batches = self.batches(part)
        if batches is None:
            return None
        return predict_canvases(Deployed.of(bundle, device=self.device), batches.canvases())

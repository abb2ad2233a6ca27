"""Inputs of the adviser: a pretrained network and the images that it may be trained on.

N samples of a data set, n of them given to the adviser, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import interpolate

from nunbit.chunks import chunks
from nunbit.data.batches import Batches, inference_batch_size
from nunbit.data.pixels import ArrayPixels, Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.finetune.heads import PLAIN, HeadObjective
from nunbit.training.losses import Loss, make_loss


@dataclass(frozen=True, kw_only=True)
class Images:
    """Some labelled images under an input contract."""

    pixels: Pixels
    preprocess: Preprocess
    rows: NDArray[np.int64]
    """[n] row numbers in the `Samples`."""
    all_labels: NDArray[np.int64]
    """[N] class of every sample of the data set."""
    device: torch.device

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def labels(self) -> NDArray[np.int64]:
        """[n] class of each image."""
        return self.all_labels[self.rows]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.preprocess.shape

    @property
    def side(self) -> int:
        """Longer side in pixels."""
        return max(self.shape[1:])

    def batches(self) -> Batches:
        """The images in order, in batches that suit the device."""
        return Batches(
            pixels=self.pixels,
            preprocess=self.preprocess,
            rows=self.rows,
            labels=self.all_labels,
            batch_size=inference_batch_size(*self.shape[1:], self.device),
            device=self.device,
        )

    def take(self, positions: NDArray[np.int64]) -> Images:
        """Some of the images, by their position among these."""
        return replace(self, rows=self.rows[positions])

    def resized(self, height: int, width: int) -> Images:
        """The same images as an array of smaller or larger canvases, antialiased, in memory.

        The contract's mean and standard deviation stay. Rows are counted from 0 again.
        """
        canvases = np.empty((len(self), height, width, self.shape[0]), dtype=np.uint8)
        batches, start = self.batches(), 0
        groups = list(chunks(self.rows, batches.batch_size))
        for pixels in self.pixels.stream(groups):
            resized = interpolate(
                pixels.permute(0, 3, 1, 2).float(), (height, width), mode="bilinear", antialias=True
            )
            stop = start + len(pixels)
            canvases[start:stop] = resized.round_().clamp_(0, 255).permute(0, 2, 3, 1).numpy()
            start = stop
        contract = replace(self.preprocess, height=height, width=width)
        return Images(
            pixels=ArrayPixels(canvases, reasons=("",) * len(self), preprocess=contract),
            preprocess=contract,
            rows=np.arange(len(self)),
            all_labels=self.labels,
            device=self.device,
        )


@dataclass(frozen=True, kw_only=True)
class ScratchBaseline:
    """The network that training from scratch would take, and its image size in pixels."""

    name: str
    build: Callable[[int, int], nn.Module]
    """The network from height and width; trials may ask for less than the training would."""
    height: int
    width: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class AdvisorInput:
    """All that the adviser looks at; the test part is not among it."""

    data: str
    model: str
    weights: str
    classes: int
    network: nn.Module
    """The network with pretrained weights and a head for these classes; it is not changed."""
    untrained: Callable[[], nn.Module]
    """The same network with random weights."""
    scratch: ScratchBaseline
    images: Images
    """Images of the training and validation parts."""
    groups: NDArray[np.int64]
    """[n] images of one number (copies, groups of the user) are judged together."""
    training_images: int
    """Number of images the training will learn from; the others are for validation."""
    epochs: int
    """Epochs of fine-tuning with so many images."""
    stage_decay: float
    """Factor on the learning rate of each stage before the next, in fine-tuning."""
    augmented: bool
    """True if fine-tuning changes images at random, so that a frozen part has to see each again."""
    seed: int
    loss: Loss = field(default_factory=lambda: make_loss("cross-entropy"))
    """Loss that trainings minimise."""
    balanced: bool = False
    """True if trainings show every class equally often."""
    head_objective: HeadObjective = PLAIN
    """Objective that heads on features minimise."""

    def subset(self, positions: Sequence[int] | NDArray[np.int64]) -> AdvisorInput:
        """The case on some of its images."""
        chosen = np.asarray(positions, dtype=np.int64)
        return replace(self, images=self.images.take(chosen), groups=self.groups[chosen])

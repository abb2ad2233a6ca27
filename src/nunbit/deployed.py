"""The one answer: from uint8 canvases to calibrated probabilities.

Normalising, the network, its second pass over mirror images and the temperature lie in one module.
Prediction, evaluation, explanation, comparison, export and serving use it, or what was exported
from it; nothing else turns the logits of a bundle into probabilities. What comes before, from the
bytes of a file to a canvas, is `Preprocess.canvas`, and stays outside: Pillow resizes.

B images in a batch, N in all, H height, W width, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.bundle import Bundle
from nunbit.data.preprocess import Preprocess, scaled_and_shifted
from nunbit.models.mode import evaluation_mode
from nunbit.models.tta import HorizontalFlipTTA
from nunbit.predictor import check_finite
from nunbit.types import CanvasBatch, Predictions

_WITHOUT_FLOAT64 = ("mps",)
"""Types of devices that cannot compute in float64."""


class Answers(NamedTuple):
    """Answers of a deployed bundle for a batch."""

    logits: Tensor
    """Float32 [B, K]; means over an image and its mirror image where these are asked about."""
    probabilities: Tensor
    """[B, K] at the bundle's temperature, float64 unless the module was made for another type."""


class Deployed(nn.Module):
    """A network together with all that makes its answers: uint8 [B, H, W, C] -> `Answers`.

    Its forward pass holds no Python that depends on values, so that `torch.export` and
    `torch.onnx.export` can follow it with a batch of any size.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        preprocess: Preprocess,
        temperature: float = 1.0,
        mirrored: bool = False,
        probability_dtype: torch.dtype = torch.float64,
    ) -> None:
        """Put the parts together; the network is shared, not copied.

        Args:
            network: from normalised float32 [B, C, H, W] to logits [B, K].
            preprocess: the input contract that the canvases were made under.
            temperature: logits are divided by it before the softmax.
            mirrored: whether logits are means over an image and its mirror image.
            probability_dtype: what the softmax is computed in. Float32 is for runtimes that know
                no float64; there the probabilities of an image add up to 1 but for 1e-7.
        """
        super().__init__()
        self.answering = HorizontalFlipTTA(network) if mirrored else network
        self.preprocess = preprocess
        self.temperature = temperature
        self.mirrored = mirrored
        self.probability_dtype = probability_dtype
        # Buffers rather than calls of Preprocess.normalise, so that an export holds them as
        # constants; not in the state, which is the network's alone.
        device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
        scale, shift = preprocess.scale_and_shift(device)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    @classmethod
    def of(cls, bundle: Bundle, *, device: torch.device | None = None) -> Deployed:
        """Deploy a bundle; its network is moved to `device` if one is given."""
        if device is not None:
            bundle.model.to(device)
        return cls(
            bundle.model,
            preprocess=bundle.preprocess,
            temperature=bundle.temperature,
            mirrored=bundle.mirrored,
        )

    def with_network(self, network: nn.Module) -> Deployed:
        """The same with another network, such as one that computes the same and faster."""
        return Deployed(
            network,
            preprocess=self.preprocess,
            temperature=self.temperature,
            mirrored=self.mirrored,
            probability_dtype=self.probability_dtype,
        ).to(self.device)

    @property
    def network(self) -> nn.Module:
        """Network from normalised float32 [B, C, H, W] to logits [B, K], without mirror pass."""
        answering = self.answering
        return answering.network if isinstance(answering, HorizontalFlipTTA) else answering

    @property
    def device(self) -> torch.device:
        """Device of the canvases."""
        return self.scale.device

    def forward(self, canvases: Tensor) -> Answers:
        """uint8 [B, H, W, C], in evaluation mode, to the answers."""
        logits = self.answering(self.images(canvases)).float()
        dtype = self.probability_dtype
        if logits.device.type in _WITHOUT_FLOAT64 and dtype == torch.float64:
            dtype = torch.float32
        return Answers(logits, calibrated(logits, self.temperature, dtype=dtype))

    def images(self, canvases: Tensor) -> Tensor:
        """Canvases, uint8 [B, H, W, C], as the network sees them: float32 [B, C, H, W]."""
        return scaled_and_shifted(canvases.permute(0, 3, 1, 2), self.scale, self.shift)

    def answer(self, canvases: Tensor) -> Answers:
        """`forward` as a caller wants it: evaluation mode, float32, no gradients, own device."""
        with (
            evaluation_mode(self),
            torch.no_grad(),
            torch.autocast(self.device.type, enabled=False),
        ):
            answers: Answers = self(canvases.to(self.device, non_blocking=True))
        return answers


def calibrated(logits: Tensor, temperature: float, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Probabilities [B, K] of logits [B, K]: the softmax at a temperature."""
    return (logits.to(dtype) / temperature).softmax(dim=1)


def predict_canvases(deployed: Deployed, batches: Iterable[CanvasBatch]) -> Predictions:
    """Predict every image with a deployed bundle, in the order of the batches.

    Raises ValueError if there is no image at all; BundleError for an answer that is not finite.
    """
    predictions = collect_answers(deployed, batches)
    check_finite(predictions.logits)
    return predictions


def collect_answers(deployed: Deployed, batches: Iterable[CanvasBatch]) -> Predictions:
    """`predict_canvases` for who looks at each answer: some may be infinite or not a number."""
    answers: list[Answers] = []
    targets: list[Tensor] = []
    indices: list[NDArray[np.int64]] = []
    for batch in batches:
        answers.append(deployed.answer(batch.canvases))
        targets.append(batch.targets)
        indices.append(batch.indices)
    if sum(map(len, indices)) == 0:
        raise ValueError("nothing to predict: the batches hold no image")
    # One transfer at the end: one per batch would make an accelerator wait for the host each time.
    return Predictions(
        logits=torch.cat([answer.logits for answer in answers]).cpu().numpy(),
        labels=torch.cat(targets).cpu().numpy(),
        indices=np.concatenate(indices),
        temperature=deployed.temperature,
        deployed=torch.cat([answer.probabilities for answer in answers]).cpu().double().numpy(),
    )

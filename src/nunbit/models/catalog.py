"""Every model by name: nunbit's own in one table, torchvision's and timm's passed through.

A new model is one file beside this one and one entry of `CATALOGUE`.
"""

from __future__ import annotations

from nunbit.models import fashion, smallcnn
from nunbit.models.info import ModelInfo, Shape

CATALOGUE: dict[str, ModelInfo] = {
    info.name: info
    for info in (
        ModelInfo(
            name="smallcnn",
            origin="nunbit",
            build=smallcnn.smallcnn,
            input=Shape(1, 28, 28),
            dropouts=1,
            follows_data=True,
            source="nunbit's default for images up to 64 pixels",
        ),
        ModelInfo(
            name="fashion-dnn",
            origin="nunbit",
            build=fashion.fashion_dnn,
            input=Shape(1, 28, 28),
            dropouts=2,
            parameters=235_146,
            source="course notes, Fashion-MNIST with linear layers",
        ),
        ModelInfo(
            name="fashion-cnn",
            origin="nunbit",
            build=fashion.fashion_cnn,
            input=Shape(1, 28, 28),
            dropouts=1,
            parameters=1_475_338,
            source="course notes, Fashion-MNIST with convolutions",
        ),
    )
}


def model_info(name: str) -> ModelInfo:
    """What is known of the model called `name`."""
    return CATALOGUE[name]

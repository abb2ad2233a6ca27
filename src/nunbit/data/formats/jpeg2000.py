"""JPEG 2000 in colours of more than 8 bits, whose white Pillow turns into black.

h height, w width of an image, C components.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.formats.foreign import ForeignImage, check_extra
from nunbit.data.formats.headers import Jpeg2000Header
from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts


def open_jpeg2000(data: bytes, size: tuple[int, int], header: Jpeg2000Header) -> ForeignImage:
    """A picture of `size` (width, height) that imagecodecs decodes; samples fill 16 bits.

    Raises `UnusableImage` naming the extra where it is missing.
    """
    described = f"a JPEG 2000 of {header.components} components of {header.bits} bits"
    check_extra("tiff", "imagecodecs", what=f"{described}, which Pillow reads wrongly")

    def plane(number: int) -> NDArray[Any]:
        del number
        import imagecodecs

        try:
            values = np.asarray(imagecodecs.jpeg2k_decode(data))
        except MemoryError:
            raise
        except Exception as error:  # imagecodecs' errors have no common root
            raise UnusableImage(f"damaged: {error}") from None
        if values.ndim == 3:
            values = values[..., 0] if values.shape[2] == 2 else values[..., :3]
        return values << (16 - header.bits) if header.bits < 16 else values

    grey = header.components in (1, 2)
    return ForeignImage(
        plane=plane,
        facts=ImageFacts(
            width=size[0],
            height=size[1],
            mode="I;16" if grey else "RGB",
            format="JPEG2000",
            frames=1,
            bytes=len(data),
            rotated=False,
            transparent=False,
            bits=16,
            channels=header.components,
        ),
    )

"""Pictures inside a page, as data addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PictureGetter: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.uint8]]
"""Row numbers of the data set [B] to pictures as the network sees them, uint8 [B, H, W, C]."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """An image as it was found, before the input contract shaped it."""

    picture: NDArray[np.uint8] | None = None
    """[h, w] or [h, w, 1 or 3], upright, scaled down where it is large; None with a fault."""
    height: int = 0
    """Pixels, before it was scaled down."""
    width: int = 0
    fault: str = ""
    """Reason why there is no picture, such as a file that has vanished since."""


OriginalGetter: TypeAlias = Callable[[int], Original]
"""Row number of the data set to the image as it was found; never raises for a bad file."""

MAX_SIDE = 128
"""Pixels of a picture's longer side in the page; larger ones are scaled down to it."""
PIXELATED_BELOW = 64
"""Pictures with a longer side below this many pixels are shown as sharp squares."""


def png_address(picture: NDArray[np.uint8], *, max_side: int = MAX_SIDE) -> str:
    """A picture, uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], as a data: address.

    Its longer side has at most `max_side` pixels.
    """
    return _address(_scaled(picture, max_side), "PNG")


def thumbnail_address(picture: NDArray[np.uint8], *, max_side: int = MAX_SIDE) -> str:
    """The same in fewer bytes, for pages of many: small ones exactly, larger ones as JPEG.

    Raises OSError for a picture with transparency, [H, W, 4], that is not small.
    """
    kind = "PNG" if is_pixelated(picture) else "JPEG"
    return _address(_scaled(picture, max_side), kind)


def exact_png_address(picture: NDArray[np.uint8]) -> str:
    """A picture, uint8 [H, W], [H, W, 3] or [H, W, 4], of whatever size, without scaling."""
    return _address(Image.fromarray(picture), "PNG")


def is_pixelated(picture: NDArray[np.uint8]) -> bool:
    """Tell whether a picture [H, W, ...] is so small that its pixels should be shown as squares."""
    return bool(max(picture.shape[:2]) < PIXELATED_BELOW)


def _scaled(picture: NDArray[np.uint8], max_side: int) -> Image.Image:
    image = Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return image


def _address(image: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    # Optimising a PNG saves 3 % of it and takes most of a report's time.
    image.save(buffer, format=kind, **({"quality": 85, "optimize": True} if kind == "JPEG" else {}))
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{encoded}"

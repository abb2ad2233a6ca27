"""Any array that may hold images, turned into uint8 [N, H, W, C], or an error with the reason.

N images, H height, W width, C channels. A guess about the range of values would spoil a training
without a word, so what is neither bytes, 0..1 nor 0..255 is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import DataError

_CHANNELS = (1, 3)
_BRIGHT = 128
"""Values meant as 0..255 reach beyond this somewhere in any real set of images."""


def to_images(array: NDArray[Any], *, name: str, path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """uint8 [N, H, W, 1 or 3] and remarks on what was changed.

    Accepts [N, H, W], [N, H, W, C] with C of 1, 3 or 4 (opaque) and [N, C, H, W] with C of 1
    or 3; uint8, bool, and other numbers in 0..1 or 0..255. Raises DataError otherwise.
    """
    shaped, notes = _channels_last(array, name=name, path=path)
    pixels, remarks = _to_bytes(shaped, name=name, path=path)
    notes += remarks
    if pixels.shape[3] == 4:
        if not (pixels[..., 3] == 255).all():
            raise DataError(
                f"'{name}' has transparent pixels in its fourth channel",
                path=path,
                remedy="put the images on a background first, and save three channels",
            )
        pixels = pixels[..., :3]
        notes.append(f"'{name}': the fourth channel is opaque everywhere and left out")
    return np.ascontiguousarray(pixels), notes


def _channels_last(array: NDArray[Any], *, name: str, path: Path) -> tuple[NDArray[Any], list[str]]:
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise DataError(
            f"'{name}' has shape {array.shape}, which is not a list of images",
            path=path,
            remedy="give it the shape N x height x width, or N x height x width x channels",
        )
    if array.ndim == 3:
        if array.shape[2] in _CHANNELS:
            raise DataError(
                f"'{name}' has shape {array.shape}, which looks like one image, not a list",
                path=path,
                remedy="give it the shape N x height x width x channels",
            )
        return array[..., np.newaxis], []
    last, first = array.shape[3] in (*_CHANNELS, 4), array.shape[1] in _CHANNELS
    if last and not first:
        return array, []
    if first and not last:
        return array.transpose(0, 2, 3, 1), [f"'{name}' is read as N x channels x height x width"]
    why = "either side could be the channels" if last else "no side is 1 or 3 channels"
    raise DataError(
        f"'{name}' has shape {array.shape}: {why}",
        path=path,
        remedy="give it the shape N x height x width x channels, with 1 or 3 channels",
    )


def _to_bytes(array: NDArray[Any], *, name: str, path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    if array.dtype == np.uint8:
        largest = int(array.max())
        dark = f"'{name}': its largest value is {largest} of 255, so the images are nearly black"
        return array, [dark] if largest < 32 else []
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255), [f"'{name}': false is black, true is white"]
    if array.dtype.kind not in "iuf":
        raise DataError(f"'{name}' holds {array.dtype} values, which are not pixels", path=path)
    smallest, largest = array.min(), array.max()
    remedy = "save it as uint8 with values 0..255"
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise DataError(f"'{name}' holds values that are not finite", path=path, remedy=remedy)
    described = f"'{name}' holds {array.dtype} values from {smallest:g} to {largest:g}"
    if smallest < 0:
        raise DataError(
            f"{described}: values below 0 look like images that were normalised already",
            path=path,
            remedy=remedy,
        )
    if array.dtype.kind == "f" and largest <= 1:
        return _rounded(array, 255.0), [f"{described}: read as 0..1"]
    if _BRIGHT <= largest <= 255:
        return _rounded(array, 1.0), [f"{described}: read as 0..255"]
    raise DataError(
        f"{described}, which is neither 0..1 nor 0..255",
        path=path,
        remedy=f"scale it to 0..255 and save it as uint8, e.g. (x * (255 / {largest:g})).round()"
        ".astype('uint8')",
    )


def _rounded(array: NDArray[Any], factor: float) -> NDArray[np.uint8]:
    """`array * factor` rounded to bytes, image by image to spare memory."""
    pixels = np.empty(array.shape, dtype=np.uint8)
    for image, source in zip(pixels, array, strict=True):
        image[...] = np.round(source.astype(np.float64) * factor)
    return pixels

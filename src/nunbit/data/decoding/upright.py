"""The upright picture of an image file, and the samples that its bytes are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from nunbit.data.decoding.eight_bits import (
    WITH_ALPHA,
    Transparency,
    has_fourth_band,
    narrowed,
    opened_again,
    to_grey_or_rgb,
    wide_samples,
    without_alpha,
)
from nunbit.data.decoding.exif import SIDEWAYS, TURNS, exif_of, orientation_of
from nunbit.data.decoding.frames import Frame, chosen, combined, pages
from nunbit.data.decoding.opening import check_size, failures_as_damage, open_image
from nunbit.data.decoding.pillow_state import pillow_held
from nunbit.data.formats.foreign import ForeignImage
from nunbit.data.formats.wide import WIDE_GREY, ValueRange, to_bytes


def decode(
    data: bytes,
    *,
    max_pixels: int,
    background: int,
    value_range: ValueRange = "full",
    frame: Frame = "first",
    transparency: Transparency = "show",
    enough: tuple[int, int] | None = None,
) -> Image.Image:
    """The upright picture of an image file as Pillow mode L or RGB, transparency resolved.

    Args:
        data: the file's content.
        max_pixels: more of them are refused before they are decoded.
        background: grey value that transparency shows.
        value_range: what becomes black and white in samples of more than 8 bits.
        frame: which of several frames, or how they become one.
        transparency: show the background through it, or ignore it, as a band of a map.
        enough: (height, width): a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as
            both sides stay at least that long.

    Raises:
        UnusableImage: with the reason.
    """
    with pillow_held():
        image = open_image(data)
        if isinstance(image, ForeignImage):
            check_size((image.facts.width, image.facts.height), max_pixels)
            numbers = chosen(image.facts.frames, frame)
            return combined((_plane(image, n, value_range) for n in numbers), frame)
        with image:
            check_size(image.size, max_pixels)  # before frames are sought, which decodes some
            draft = None
            if enough is not None and isinstance(image, ImageFile.ImageFile):
                turned = orientation_of(exif_of(image)) in SIDEWAYS
                draft = enough if turned else enough[::-1]
            return combined(
                (
                    _upright(
                        page,
                        background=background,
                        draft=draft,
                        value_range=value_range,
                        opaque=transparency == "ignore",
                        data=data,
                    )
                    for page in pages(image, frame)
                ),
                frame,
            )


def decode_opened(
    image: Image.Image, *, max_pixels: int, background: int, value_range: ValueRange = "full"
) -> Image.Image:
    """An image that Pillow has opened or made, as `decode` gives it; it is only read.

    Of several frames it is the one that the image stands at. Of colours that Pillow has made
    8 bits of already, the upper 8 of 16 are what it kept. Raises `UnusableImage`.
    """
    with pillow_held():
        check_size(image.size, max_pixels)
        return _upright(image, background=background, value_range=value_range)


def _plane(image: ForeignImage, number: int, value_range: ValueRange) -> Image.Image:
    values = image.plane(number)
    narrow = to_bytes(values, value_range) if image.facts.wide else values
    return Image.fromarray(np.ascontiguousarray(narrow))


def _upright(
    image: Image.Image,
    *,
    background: int,
    value_range: ValueRange,
    draft: tuple[int, int] | None = None,
    data: bytes | None = None,
    opaque: bool = False,
) -> Image.Image:
    """Mode L or RGB; `draft` (width, height) is what a JPEG's reduced decoding must reach.

    `data` is the file, for the lower bytes of wide colours; `opaque` leaves the alpha channel out.
    """
    with failures_as_damage():
        again = None if data is None or value_range == "full" else opened_again(data, image)
        if draft is not None:
            image.draft(None, draft)
        image.load()
        turn = TURNS.get(orientation_of(exif_of(image)))
        opaque = opaque or has_fourth_band(image)
        if value_range != "full" or image.mode in WIDE_GREY:
            image = narrowed(image, again, background, value_range)
        if opaque and image.mode in WITH_ALPHA:
            image = without_alpha(image)
        upright = image if turn is None else image.transpose(turn)
        return to_grey_or_rgb(upright, background)


def wide_values(data: bytes, *, max_pixels: int, frame: Frame) -> list[NDArray[Any]]:
    """The samples of more than 8 bits that `decode` would make bytes: those of each used frame.

    [h, w] or [h, w, 3] each, upright or not. None of a file of 8 bits. Raises `UnusableImage`.
    """
    with pillow_held():
        image = open_image(data)
        if isinstance(image, ForeignImage):
            check_size((image.facts.width, image.facts.height), max_pixels)
            if not image.facts.wide:
                return []
            return [image.plane(n) for n in chosen(image.facts.frames, frame)]
        with image:
            check_size(image.size, max_pixels)
            found = []
            for page in pages(image, frame):
                with failures_as_damage():
                    again = opened_again(data, page)
                    page.load()
                    values = wide_samples(page, again)
                if values is not None:
                    found.append(values if values.ndim == 2 else values[..., :3])
            return found

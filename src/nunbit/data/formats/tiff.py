"""TIFF beyond Pillow: planar and floating point samples, many channels, inverted grey, GeoTIFF.

h height, w width of an image, C channels.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from nunbit.data.formats.foreign import ForeignImage, check_extra
from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts

BEGINNINGS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _DESCRIPTION = 256, 257, 258, 262, 270
_ORIENTATION, _CHANNELS, _PLANAR, _EXTRA, _FORMAT = 274, 277, 284, 338, 339
_MAX_VALUE = 281
_GEO = (33550, 33922, 34264, 34735)
"""Tags of GeoTIFF: pixel scale, tie points, transformation, key directory."""
_NO_PAGE = "its pages cannot be listed"
_AXES = (("SizeC", "channels"), ("SizeZ", "z-planes"), ("SizeT", "times"))
_IMAGEJ = (("channels", "channels"), ("slices", "z-planes"), ("frames", "times"))


def first_tags(data: bytes) -> Any:
    """The tags of the first page; None where they cannot be read."""
    file = io.BytesIO(data)
    big = data[2:4] in (b"+\x00", b"\x00+")
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(16 if big else 8))
        file.seek(tags.next)
        tags.load(file)
    except Exception:  # whatever breaks, there is no header
        return None
    return tags


def leaves_pillow(tags: Any) -> str:
    """Tell why a page that Pillow opens must be read otherwise; '' where it need not."""
    if tags.get(_PLANAR, 1) == 2 and tags.get(_CHANNELS, 1) > 1 and _bits(tags) > 8:
        return "its colours of more than 8 bits lie in planes, which Pillow mixes up"
    return ""


def is_inverted(tags: Any) -> bool:
    """Grey of more than 8 bits in which 0 is white; Pillow inverts that at 8 bits only."""
    return bool(tags.get(_PHOTOMETRIC) == 0 and _bits(tags) > 8)


def inverted(values: NDArray[Any], tags: Any) -> NDArray[Any]:
    """Samples of a page in which 0 is white, with 0 as black."""
    if values.dtype.kind == "f":
        return -values
    if _format(tags) == 2:
        return -1 - values
    return np.asarray((2 ** _bits(tags) - 1) - values.astype(np.int64)).astype(values.dtype)


def is_geographic(tags: Any) -> bool:
    """A GeoTIFF, whose further bands are measurements, not transparency."""
    return any(tag in tags for tag in _GEO)


def largest_value(tags: Any) -> int:
    """The largest value that the header promises for samples of 9 to 16 bits; 0 for unknown."""
    bits = _bits(tags)
    if 8 < bits < 16:
        return int(2**bits - 1)
    said = tags.get(_MAX_VALUE, 0)
    said = said[0] if isinstance(said, tuple) and said else said
    return int(said) if bits == 16 and isinstance(said, int) and 255 < said < 65535 else 0


def channels_of(tags: Any) -> int:
    """Samples of a pixel."""
    return int(tags.get(_CHANNELS, 1))


def told_layers(tags: Any, pages: int) -> str:
    """Name what the pages are, such as '2 channels, 5 z-planes', else 'n pages'."""
    text = tags.get(_DESCRIPTION, "")
    text = text if isinstance(text, str) else ""
    told = []
    if "<OME" in text[:500]:
        for name, word in _AXES:
            found = re.search(rf'\b{name}="(\d{{1,6}})"', text)
            told += [f"{found[1]} {word}"] if found and int(found[1]) > 1 else []
    elif text.startswith("ImageJ="):
        for name, word in _IMAGEJ:
            found = re.search(rf"^{name}=(\d{{1,6}})", text, re.MULTILINE)
            told += [f"{found[1]} {word}"] if found and int(found[1]) > 1 else []
    return ", ".join(told) or (f"{pages} pages" if pages > 1 else "")


def foreign_tiff(data: bytes, tags: Any, why: str) -> ForeignImage:
    """A TIFF that tifffile reads. Raises `UnusableImage` where it is missing, or fails too."""
    tags = first_tags(data) if tags is None else tags
    if tags is None or not tags.get(_WIDTH) or not tags.get(_HEIGHT):
        raise UnusableImage("damaged: it begins like TIFF, but its header cannot be read")
    described = f"a TIFF of {_described(tags)}" + (f"; {why}" if why else "")
    check_extra("tiff", "tifffile", "imagecodecs", what=described)
    import tifffile

    try:
        file = tifffile.TiffFile(io.BytesIO(data))
        first = file.pages[0]
        alike = [page for page in file.pages if page.shape == first.shape]
    except MemoryError:
        raise
    except Exception as error:
        raise UnusableImage(f"damaged: {described}; {_NO_PAGE} ({error})") from None
    channels = channels_of(tags)
    colour = tags.get(_PHOTOMETRIC) == 2 and channels >= 3
    if not colour and channels > 1 and tags.get(_EXTRA, (0,))[0] in (1, 2):
        raise UnusableImage(f"{described}: save it as 8 bits, or without transparency")
    each = 1 if colour else channels
    turned = tags.get(_ORIENTATION, 1)

    def plane(number: int) -> NDArray[Any]:
        try:
            values = _channels_last(alike[number // each].asarray(), tags)
        except MemoryError:
            raise
        except Exception as error:  # tifffile's and its codecs' errors have no common root
            raise UnusableImage(f"damaged: {error}") from None
        values = values[..., :3] if colour else values[..., number % each]
        if is_inverted(tags) or tags.get(_PHOTOMETRIC) == 0:
            values = inverted(values, tags)
        return _upright(values if _bits(tags) > 8 else _eight_bits(values, tags), turned)

    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    if turned in (5, 6, 7, 8):
        width, height = height, width
    frames = len(alike) * each
    layers = f"{channels} channels" if each > 1 else told_layers(tags, frames)
    return ForeignImage(
        plane=plane,
        facts=ImageFacts(
            width=width,
            height=height,
            mode="RGB" if colour else "F" if _format(tags) == 3 else "I;16",
            format="TIFF",
            frames=frames,
            bytes=len(data),
            rotated=turned in range(2, 9),
            transparent=False,
            bits=_bits(tags),
            channels=channels,
            layers=layers,
            range_high=float(largest_value(tags)),
        ),
    )


def _bits(tags: Any) -> int:
    bits = tags.get(_BITS, (1,))
    return int(max(bits) if isinstance(bits, tuple) else bits)


def _format(tags: Any) -> int:
    kind = tags.get(_FORMAT, (1,))
    return int(kind[0] if isinstance(kind, tuple) else kind)


def _described(tags: Any) -> str:
    kinds = {2: "signed ", 3: "floating point "}
    channels = channels_of(tags)
    one = f"{_bits(tags)}-bit {kinds.get(_format(tags), '')}samples"
    return f"{channels} channels of {one}" if channels > 1 else one


def _channels_last(values: NDArray[Any], tags: Any) -> NDArray[Any]:
    """[h, w, C] of what tifffile gives for a page."""
    if values.ndim == 2:
        return values[..., np.newaxis]
    if values.ndim == 3:
        return np.moveaxis(values, 0, -1) if tags.get(_PLANAR, 1) == 2 else values
    raise UnusableImage("a TIFF whose pages have depth: save each slice as an image")


def _eight_bits(values: NDArray[Any], tags: Any) -> NDArray[np.uint8]:
    """Samples of at most 8 bits over 0..255."""
    largest = 2 ** _bits(tags) - 1
    return np.asarray(values.astype(np.uint16) * (255 // largest)).astype(np.uint8)


def _upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """[h, w, ...] turned and mirrored as the TIFF's orientation tag asks."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values

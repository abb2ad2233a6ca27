"""HEIC and HEIF, the photographs of many telephones, read with pillow-heif (the extra heif)."""

from __future__ import annotations

from PIL import Image

from nunbit.data.formats.foreign import check_extra
from nunbit.errors import UnusableImage

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")


def is_heif(data: bytes) -> bool:
    """Tell by the brand of the file's first box."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def open_heif(data: bytes) -> Image.Image:
    """The primary picture in 8 bits, upright already, as libheif gives it.

    Raises `UnusableImage` naming the extra where it is missing, or what is wrong with the file.
    """
    check_extra("heif", "pillow_heif", what="format HEIC is not read by Pillow")
    import pillow_heif

    try:
        # No opener is registered with Pillow, which would change it for the user's own program.
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        image: Image.Image = file.to_pillow()
    except MemoryError:
        raise
    except Exception as error:  # libheif's errors come as several types
        raise UnusableImage(f"damaged: a HEIC whose picture cannot be read ({error})") from None
    image.format = "HEIF"
    return image

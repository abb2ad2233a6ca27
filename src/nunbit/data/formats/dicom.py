"""DICOM, the files of medical devices, read with pydicom (the extra dicom).

h height, w width of an image.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.formats.foreign import ForeignImage, check_extra
from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts

_GREY = ("MONOCHROME1", "MONOCHROME2")


def is_dicom(data: bytes) -> bool:
    """Tell by the word behind the preamble of 128 bytes."""
    return data[128:132] == b"DICM"


def open_dicom(data: bytes) -> ForeignImage:
    """The picture: slope and intercept applied, MONOCHROME1 inverted, palettes made colour.

    No window is applied here: one for the whole data set belongs to the input contract. Raises
    `UnusableImage` naming the extra where it is missing, or what is wrong with the file.
    """
    check_extra("dicom", "pydicom", what="format DICOM is not read by Pillow")
    import pydicom

    try:
        file = pydicom.dcmread(io.BytesIO(data))
        kind = str(getattr(file, "PhotometricInterpretation", ""))
        height, width = int(file.Rows), int(file.Columns)
        frames = int(getattr(file, "NumberOfFrames", None) or 1)
        bits = int(file.BitsStored)
        channels = int(getattr(file, "SamplesPerPixel", 1))
    except Exception as error:  # whatever is missing, there is no picture
        raise UnusableImage(f"a DICOM file without a picture, or damaged ({error})") from None
    grey = kind in _GREY
    low, high = _window(file) if grey else (0.0, 0.0)
    patient = str(getattr(file, "PatientID", "") or "")
    kept: list[Any] = []

    def plane(number: int) -> NDArray[Any]:
        if not kept:
            kept.append(_values(file, kind))
        return np.asarray(kept[0][number] if frames > 1 else kept[0])

    return ForeignImage(
        plane=plane,
        facts=ImageFacts(
            width=width,
            height=height,
            mode="I" if grey else "RGB",
            format="DICOM",
            frames=frames,
            bytes=len(data),
            rotated=False,
            transparent=False,
            camera=" ".join(
                str(getattr(file, name, "") or "")
                for name in ("Manufacturer", "ManufacturerModelName")
            ).strip(),
            bits=max(bits, 9) if grey else 8,
            channels=channels,
            layers=f"{frames} frames" if frames > 1 else "",
            range_low=low,
            range_high=high,
            # Names the patient to nobody, and the same patient alike in every file.
            patient=hashlib.sha256(patient.encode()).hexdigest()[:12] if patient else "",
        ),
    )


def _window(file: Any) -> tuple[float, float]:
    """Low and high of the first linear window that the file states; equal where there is none."""
    try:
        center, width = file.get("WindowCenter"), file.get("WindowWidth")
        first = [each[0] if isinstance(each, list | tuple) or hasattr(each, "__len__") else each
                 for each in (center, width)]  # fmt: skip
        center, width = float(first[0]), float(first[1])
    except (TypeError, ValueError, IndexError):
        return 0.0, 0.0
    if width <= 1 or str(file.get("VOILUTFunction") or "LINEAR").upper() == "SIGMOID":
        return 0.0, 0.0
    low, high = center - width / 2, center + width / 2
    # Of MONOCHROME1, samples are turned round, and so is the window.
    return (-high, -low) if file.PhotometricInterpretation == "MONOCHROME1" else (low, high)


def _values(file: Any, kind: str) -> NDArray[Any]:
    """Samples of all frames, [frames, h, w], [h, w] or with 3 channels last."""
    from pydicom.pixels.processing import apply_color_lut

    try:
        values: NDArray[Any] = file.pixel_array  # pydicom makes YCbCr RGB
        if kind == "PALETTE COLOR":
            return _eight_bits(apply_color_lut(values, file))
    except MemoryError:
        raise
    except Exception as error:  # pydicom's decoders raise what they like
        raise UnusableImage(f"a DICOM whose picture cannot be decoded: {error}") from None
    if kind not in _GREY:
        if values.shape[-1] != 3:
            raise UnusableImage(f"a DICOM in {kind or 'an unknown colour space'} is not read")
        return _eight_bits(values)
    slope = float(file.get("RescaleSlope") or 1)
    intercept = float(file.get("RescaleIntercept") or 0)
    whole = slope.is_integer() and intercept.is_integer()
    scaled = values.astype(np.int64 if whole else np.float64) * (int(slope) if whole else slope)
    scaled = scaled + (int(intercept) if whole else intercept)
    if kind == "MONOCHROME1":
        scaled = -scaled
    return scaled.astype(np.int32) if whole else scaled


def _eight_bits(values: NDArray[Any]) -> NDArray[Any]:
    """Colours of 8 bits as they are, of 16 bits by their upper byte."""
    return values if values.dtype == np.uint8 else (values >> 8).astype(np.uint8)

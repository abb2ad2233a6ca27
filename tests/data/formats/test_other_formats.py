"""HEIC and DICOM by the programs that write them; all else is named with what converts it."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from nunbit.config import load_config
from nunbit.data.decoding import as_stored, facts
from nunbit.data.formats import foreign
from nunbit.errors import UnusableImage
from nunbit.pipelines.dataset import inspect_data
from tests.data.formats.test_wide import HEIGHT, WIDTH, _measured, contract, expected, grey


def heic(picture: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=-1, **options)
    return buffer.getvalue()


def test_a_telephones_picture() -> None:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([rows * 8, columns * 5, 255 - rows * 8], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "Telephone 7"
    # The orientation of the EXIF block must not be applied a second time.
    data = heic(Image.fromarray(pixels), exif=exif.tobytes())
    said = facts(data)
    shape = contract().canvas(data).shape
    assert (said.format, said.camera) == ("HEIF", "Telephone 7")
    assert (said.height, said.width) in ((HEIGHT, WIDTH), (WIDTH, HEIGHT))
    assert shape == (HEIGHT, WIDTH, 3)
    upright = np.asarray(contract().picture(heic(Image.fromarray(pixels))))
    assert np.abs(upright.astype(int) - pixels).mean() < 6


def jpegxl(values: np.ndarray[Any, Any], **options: Any) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(values, lossless=True, **options))


@pytest.mark.parametrize("boxed", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_xl(boxed: bool, channels: int) -> None:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [rows * 8, columns * 5, 255 - rows * 8, np.full_like(rows, 255)]
    chosen = planes[:channels] if channels != 2 else [planes[0], planes[3]]
    pixels = np.stack(chosen, axis=2).astype(np.uint8)
    data = jpegxl(pixels[..., 0] if channels == 1 else pixels, usecontainer=boxed)
    said = facts(data)
    assert (said.format, said.width, said.height) == ("JPEG XL", WIDTH, HEIGHT)
    assert said.transparent == (channels in (2, 4))
    colours = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    np.testing.assert_array_equal(contract().canvas(data), colours)


def test_jpeg_xl_of_many_bits_keeps_its_levels() -> None:
    data = jpegxl(grey(4095))
    assert facts(data).bits == 16
    canvas = contract(1, range=(0.0, 4095.0)).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], expected(grey(4095), 0, 4095))


@pytest.mark.parametrize("cut", [2, 12, 60])
def test_a_cut_jpeg_xl_is_damaged(cut: int) -> None:
    data = jpegxl(grey(255, np.uint8), usecontainer=True)
    with pytest.raises(UnusableImage, match="damaged"):
        facts(data[:cut] if cut > 11 else b"\xff\x0a")


def test_an_enormous_jpeg_xl_is_not_decoded() -> None:
    """One bit says that the sides are multiples of 8, else two bits how long each number is."""
    side = (1 << 30) - 1  # written in 30 bits, twice, with ratio 0
    number = 0 | (3 << 1) | (side << 3) | (0 << 33) | (3 << 36) | (side << 38)
    with pytest.raises(UnusableImage, match="enormous: 1073741824 × 1073741824 pixels"):
        facts(b"\xff\x0a" + number.to_bytes(16, "little"))


def dicom(values: np.ndarray[Any, Any], **tags: Any) -> bytes:
    """A file as devices write it: pixels of 12 bits in 16, and what `tags` say."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, generate_uid()
    height, width = values.shape[-2:] if values.ndim == 2 or values.shape[-1] != 3 else (
        values.shape[:2])  # fmt: skip
    file.Rows, file.Columns = height, width
    colours = values.ndim == 3 and values.shape[-1] == 3
    file.SamplesPerPixel = 3 if colours else 1
    if colours:
        file.PlanarConfiguration = 0
    file.PhotometricInterpretation = "RGB" if colours else "MONOCHROME2"
    file.BitsAllocated = 8 * values.dtype.itemsize
    file.BitsStored = 8 if values.dtype == np.uint8 else 12
    file.HighBit = file.BitsStored - 1
    file.PixelRepresentation = 0
    if values.ndim == 3 and not colours:
        file.NumberOfFrames = len(values)
    for name, value in tags.items():
        setattr(file, name, value)
    file.PixelData = values.tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, file, enforce_file_format=True)
    return buffer.getvalue()


def test_slope_intercept_and_window_of_a_slice(tmp_path: Path) -> None:
    values = grey(4095)
    data = dicom(
        values, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400,
        PatientID="7", Manufacturer="Maker", ManufacturerModelName="Model"
    )  # fmt: skip
    said = facts(data)
    assert (said.format, said.camera, said.height) == ("DICOM", "Maker Model", HEIGHT)
    assert said.patient
    assert said.patient != "7"
    (tmp_path / "a.dcm").write_bytes(data)
    other = dicom(values, WindowCenter=40, WindowWidth=400, PatientID="8")
    (tmp_path / "b").write_bytes(other)
    assert facts(other).patient != said.patient
    measured = _measured(tmp_path)
    assert measured.value == (-160, 240)
    canvas = contract(1, range=measured.value).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], expected(values.astype(int) - 1024, -160, 240))
    assert as_stored(data, longest=20)[1] == (WIDTH, HEIGHT)


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    values = grey(4095)
    data = dicom(
        values, PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=2000
    )
    (tmp_path / "a.dcm").write_bytes(data)
    measured = _measured(tmp_path)
    canvas = contract(1, range=measured.value).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], expected(-values.astype(int), -2000, 0))
    assert canvas[0, 0, 0] == 255


def test_without_a_window_the_values_are_measured(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(dicom(grey(4095)))
    assert _measured(tmp_path).value == (0, 4095)


def test_colours_and_frames() -> None:
    colours = np.stack([grey(255, np.uint8)] * 2 + [grey(9, np.uint8)], axis=2)
    np.testing.assert_array_equal(contract().canvas(dicom(colours)), colours)
    frames = np.stack([np.roll(grey(4095), n, axis=0) for n in range(3)])
    data = dicom(frames)
    assert (facts(data).frames, facts(data).layers) == (3, "3 frames")
    canvas = contract(1, frame="middle", range=(0.0, 4095.0)).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], expected(frames[1], 0, 4095))


@pytest.mark.parametrize(
    ("make", "extra", "name"),
    [
        (lambda: heic(Image.new("RGB", (20, 20))), "heif", "HEIC"),
        (lambda: dicom(grey(4095)), "dicom", "DICOM"),
        (lambda: jpegxl(grey(255, np.uint8)), "jpegxl", "JPEG XL"),
    ],
)
def test_without_the_extra_the_file_names_it(
    make: Any, extra: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()
    monkeypatch.setattr(foreign, "_installed", lambda module: False)
    with pytest.raises(UnusableImage, match=f"format {name} is not read by Pillow") as refusal:
        facts(data)
    assert refusal.value.what.endswith(f"python -m pip install 'nunbit[{extra}]'")


def _nifti() -> bytes:
    return struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(100)


UNREAD: dict[str, tuple[bytes, str]] = {
    "NIfTI": (_nifti(), "NIfTI.*nibabel"),
    "NIfTI, packed": (b"\x1f\x8b\x08" + bytes(50), "gunzip"),
    "FITS": (b"SIMPLE  =                    T", "FITS.*fitspng"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5.*h5py"),
    "NumPy": (b"\x93NUMPY\x01\x00", "NumPy"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="x"></svg>', "SVG.*rsvg-convert"),
    "PDF": (b"%PDF-1.7\n", "PDF.*pdftoppm"),
    "page": (b"\n<!DOCTYPE html><html></html>", "web page.*download it again"),
    "message": (b'{"error": "not found"}', "error message"),
    "JPEG-LS": (imagecodecs.jpegls_encode(grey(4095)), "JPEG-LS.*ffmpeg"),
    "JPEG, 12 bits": (imagecodecs.jpeg8_encode(grey(4095), bitspersample=12), "JPEG of 12 bits"),
    "JPEG, lossless": (imagecodecs.ljpeg_encode(grey(4095), bitspersample=12), "lossless JPEG"),
    "CR3": (b"\0\0\0\x18ftypcrx \0\0\0\0", "raw file.*dcraw"),
    "CR2": (b"II*\0\x10\0\0\0CR\x02\0", "raw file.*dcraw"),
    "RAF": (b"FUJIFILMCCD-RAW 0201", "raw file.*dcraw"),
    "video": (b"\0\0\0\x18ftypmp42\0\0\0\0", "video.*ffmpeg"),
    "zip": (b"PK\x03\x04" + bytes(50), "unzip"),
    "tar": (bytes(257) + b"ustar\x0000", "tar xf"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "Photoshop": (b"8BPS\0\1" + bytes(50), "PSD.*magick"),
    "EXR": (b"\x76\x2f\x31\x01" + bytes(50), "OpenEXR.*magick"),
    "CZI": (b"ZISRAWFILE" + bytes(50), "CZI.*bfconvert"),
}


@pytest.mark.parametrize("kind", UNREAD)
def test_what_is_not_read_is_named_with_what_converts_it(kind: str) -> None:
    data, words = UNREAD[kind]
    with pytest.raises(UnusableImage, match=words) as refusal:
        facts(data)
    assert "damaged" not in refusal.value.what
    assert refusal.value.what != "not an image"


def test_usual_pictures_load_no_extra() -> None:
    script = """
import io, sys
from PIL import Image
from nunbit.data.decoding import facts
from nunbit.data.preprocess import Preprocess
for kind in ("PNG", "JPEG", "TIFF"):
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, kind)
    facts(file.getvalue())
    Preprocess(height=5, width=5, channels=3, mean=(0,) * 3, std=(1,) * 3).canvas(file.getvalue())
print([n for n in ("tifffile", "imagecodecs", "pillow_heif", "pydicom") if n in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_images_of_one_patient_are_a_group(tmp_path: Path) -> None:
    for name in ("ill", "well"):
        (tmp_path / name).mkdir()
        for number in range(6):
            data = dicom(grey(4095), PatientID=f"{name}{number // 3}")
            (tmp_path / name / f"{number}").write_bytes(data)
    config = load_config(data=str(tmp_path), recipe=None, settings={"pixels.disk_budget_bytes": 0})
    samples, inspection = inspect_data(config)
    assert inspection.bad == 0
    assert len(set(samples.groups)) == 4
    assert "" not in samples.groups
    assert "4 patients" in samples.notes[-1]
    # Groups that the user names win.
    named = config.with_settings({"data.group_from": r"^(\w+)/"})
    assert set(inspect_data(named)[0].groups) == {"ill", "well"}

"""The input contract: how the bytes of an image become what the network sees.

B images in a batch, C channels, H height, W width. A canvas is uint8 [H, W, C].
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nunbit.data.decoding import LARGEST_MAX_PIXELS, Frame, Transparency, decode, decode_opened
from nunbit.data.formats.wide import ValueRange, to_bytes
from nunbit.errors import ConfigError
from nunbit.suggest import suggest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Fit = Literal["crop", "pad", "squash"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
JpegDecoding = Literal["reduced", "full"]

_DECODER_VERSION = 2
"""Raised whenever this file or decoding/ changes the pixels of a canvas."""
_REDUCED = 3
"""Sizes of the canvas that a JPEG decoded at reduced size keeps at least."""
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """The one value that says how bytes become pixels, in training and ever after.

    What is done with each kind of image:

    - content decides the format; a wrong file name extension changes nothing;
    - EXIF rotation and mirroring are applied;
    - samples of more than 8 bits become bytes over `range`, which is one for all images: nothing
      is stretched image by image, for brightness may matter; under the full range 65535 becomes
      255, and colour keeps its upper byte;
    - grey in which 0 is white is inverted, at every depth;
    - palettes are expanded, 1-bit images become black and white;
    - transparency (alpha channel, transparent colour or palette entry) shows `background`;
    - CMYK, YCCK and YCbCr become RGB by Pillow's plain formula; colour profiles are not applied;
    - of an animation, or a file with several pages, planes or channels that are not colours,
      `frame` says which is taken, or how they become one;
    - the fourth band of a GeoTIFF is not transparency, and is left out;
    - an image of more than `max_pixels` is refused before its pixels are decoded;
    - truncated or damaged files, empty files, what is not an image, LAB, and, under the full
      range, floating point and values outside of 0..65535 are refused; `UnusableImage` says why.
      Nothing is guessed.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that leaves at least three times the
    canvas, before the antialiased resize: five times faster for a camera's photographs, and on
    two photographs at five sizes 0.5 grey levels away on average from decoding in full, which is
    what all other programs do and `decoding` may ask for.

    Raises `ConfigError` for impossible values.
    """

    height: int
    """Pixels of the canvas."""
    width: int
    """Pixels of the canvas."""
    channels: Literal[1, 3]
    """1 grey, 3 RGB."""
    fit: Fit = "crop"
    """crop: scale to cover the canvas and keep the centre; pad: scale to lie within it and fill
    the rest with `background`; squash: scale both sides independently."""
    interpolation: Interpolation = "bilinear"
    """Filter of the resize; all but nearest are antialiased."""
    mean: tuple[float, ...]
    """Per channel, of pixels scaled to 0..1."""
    std: tuple[float, ...]
    """Per channel, of pixels scaled to 0..1."""
    crop_share: float = 1.0
    """Share of the image's shorter side that crop keeps, or of both sides that squash keeps,
    around the centre; 0.875 is the usual "resize to 256, crop 224". Of pad always 1."""
    background: int = 255
    """Grey value 0..255 of what transparency and padding show."""
    max_pixels: int = 100_000_000
    """Width times height above which an image is refused as enormous."""
    frame: Frame = "first"
    """Frame, page or plane that is used: first or middle; max and mean are over all of them."""
    range: ValueRange = "full"
    """Values that become black and white in samples of more than 8 bits; full: 0 and 65535.
    Contracts written before it was stated mean full."""
    decoding: JpegDecoding = "reduced"
    """reduced: large JPEGs at a part of their size, several times faster; full: every JPEG whole,
    as other programs decode it."""
    transparency: Transparency = "show"
    """show: the background shows through; ignore: the colours as they are stored, for files whose
    fourth channel is a measurement, such as near infrared."""

    def __post_init__(self) -> None:
        checks = {
            "height": _whole(self.height) and self.height >= 1,
            "width": _whole(self.width) and self.width >= 1,
            "channels": self.channels in (1, 3),
            "fit": self.fit in get_args(Fit),
            "interpolation": self.interpolation in get_args(Interpolation),
            "mean": len(self.mean) == self.channels and bool(np.isfinite(self.mean).all()),
            "std": len(self.std) == self.channels and all(0 < s < np.inf for s in self.std),
            "crop_share": 0 < self.crop_share <= 1 and (self.fit != "pad" or self.crop_share == 1),
            "background": _whole(self.background) and 0 <= self.background <= 255,
            "max_pixels": _whole(self.max_pixels) and 1 <= self.max_pixels <= LARGEST_MAX_PIXELS,
            "frame": self.frame in get_args(Frame),
            "range": self.range == "full" or _is_range(self.range),
            "transparency": self.transparency in get_args(Transparency),
            "decoding": self.decoding in get_args(JpegDecoding),
        }
        for name, possible in checks.items():
            if not possible:
                raise ConfigError(
                    f"impossible value in the input contract: {name} = {getattr(self, name)!r}",
                    remedy=_POSSIBLE[name],
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what the network sees of one image."""
        return self.channels, self.height, self.width

    def canvas(self, data: bytes) -> NDArray[np.uint8]:
        """Bytes of an image file to a canvas, uint8 [H, W, C]. Raises `UnusableImage`."""
        return self._canvas_of(self._decoded(data))

    def picture(self, data: bytes, *, full: bool = False) -> NDArray[np.uint8]:
        """Bytes of an image file, decoded and upright but not resized, uint8 [h, w, 3].

        `full` decodes every JPEG at its whole size, as other runtimes than nunbit do. Raises
        `UnusableImage`.
        """
        return np.array(self._decoded(data, full=full).convert("RGB"), dtype=np.uint8)

    def shown(self, data: bytes, *, longest: int) -> Image.Image:
        """Bytes of an image file as `picture` gives them, for people to look at.

        Mode L or RGB; a JPEG may be smaller, but both sides stay at least `longest` pixels. Raises
        `UnusableImage`.
        """
        return self._decode(data, enough=(longest, longest))

    def _decoded(self, data: bytes, *, full: bool = False) -> Image.Image:
        """Mode L or RGB, upright; a JPEG at a reduced size unless `full` or the contract says."""
        enough = (
            math.ceil(_REDUCED * self.height / self.crop_share),
            math.ceil(_REDUCED * self.width / self.crop_share),
        )
        return self._decode(data, enough=None if full or self.decoding == "full" else enough)

    def _decode(self, data: bytes, *, enough: tuple[int, int] | None) -> Image.Image:
        return decode(
            data,
            max_pixels=self.max_pixels,
            background=self.background,
            value_range=self.range,
            frame=self.frame,
            transparency=self.transparency,
            enough=enough,
        )

    def canvas_from_image(self, image: Image.Image) -> NDArray[np.uint8]:
        """An image that Pillow has opened or made, to a canvas, uint8 [H, W, C].

        As its file would be, but always decoded in full; the image is left as it is. Raises
        `UnusableImage`.
        """
        decoded = decode_opened(
            image,
            max_pixels=self.max_pixels,
            background=self.background,
            value_range=self.range,
        )
        return self._canvas_of(decoded)

    def canvas_from_array(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """One image in memory, [h, w, 1 or 3] or [h, w], to a canvas, uint8 [H, W, C].

        Its samples are uint8, or uint16, which become bytes over the contract's range. Raises
        ValueError for another shape or type, and for an image without pixels.
        """
        if image.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"an image in memory must be uint8 or uint16, not {image.dtype}")
        if 0 in image.shape:
            raise ValueError(f"an image in memory has pixels, and this one is {image.shape}")
        grey = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1)
        if not grey and not (image.ndim == 3 and image.shape[2] == 3):
            raise ValueError(f"an image in memory must be [h, w, 1 or 3], not {image.shape}")
        plane = image.reshape(image.shape[:2]) if grey else image
        if plane.dtype == np.uint16:
            plane = self._bytes_of(plane)
        return self._canvas_of(Image.fromarray(np.ascontiguousarray(plane)))

    def _bytes_of(self, samples: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Wide samples of an array, as those of a file become bytes.

        Under the full range colour keeps its upper byte, and grey is rounded.
        """
        if self.range == "full" and samples.ndim == 3:
            return (samples >> 8).astype(np.uint8)
        return to_bytes(samples, self.range)

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 [B, C, H, W] of any memory format to float32 of the same: (x/255 - mean) / std."""
        return scaled_and_shifted(pixels, *self.scale_and_shift(pixels.device))

    def network_input(self, canvases: Tensor, device: torch.device) -> Tensor:
        """Canvases, uint8 [B, H, W, C], as a network on `device` sees them.

        Float32 [B, C, H, W], normalised; the channels of a pixel stay side by side in memory.
        """
        return self.normalise(canvases.to(device, non_blocking=True).permute(0, 3, 1, 2))

    def scale_and_shift(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Factor and offset with which `normalise` maps pixels: float32 [1, C, 1, 1] each."""
        return _scale_and_shift(self.mean, self.std, device)

    def denormalise(self, images: Tensor) -> Tensor:
        """Pictures of float [B, C, H, W], the inverse of `normalise`: uint8 [B, H, W, C]."""
        import torch

        scale, shift = _scale_and_shift(self.mean, self.std, images.device)
        pixels = images.to(torch.float32).sub(shift).div_(scale).round_().clamp_(0, 255)
        return pixels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def with_statistics(self, mean: Sequence[float], std: Sequence[float]) -> Preprocess:
        """The same contract with another mean and standard deviation per channel."""
        return replace(self, mean=tuple(map(float, mean)), std=tuple(map(float, std)))

    @cached_property
    def canvas_key(self) -> str:
        """Short hash of everything that shapes a canvas; mean and std do not."""
        shaping = {k: v for k, v in self.to_dict().items() if k not in ("mean", "std")}
        text = json.dumps({**shaping, "decoder": _DECODER_VERSION}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocess:
        """The inverse of `to_dict`. Raises `ConfigError` for unknown, missing or wrong values."""
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                remedy = suggest(key, known) or f"known are {', '.join(known)}"
                raise ConfigError(f"unknown key in the input contract: {key}", remedy=remedy)
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        missing = [n for n in ("height", "width", "channels", "mean", "std") if n not in plain]
        if missing:
            raise ConfigError(f"the input contract lacks {', '.join(missing)}")
        try:
            return cls(**plain)
        except TypeError as error:
            raise ConfigError(f"wrong type in the input contract: {error}") from None

    def _canvas_of(self, image: Image.Image) -> NDArray[np.uint8]:
        """Mode L or RGB, of any size, to uint8 [H, W, C]."""
        if self.channels == 1 and image.mode != "L":
            image = image.convert("L")
        image = self._resized(image)
        # Grey becomes RGB only here, because resizing one channel costs a third of three.
        if self.channels == 3 and image.mode != "RGB":
            image = image.convert("RGB")
        canvas = np.array(image, dtype=np.uint8)
        return canvas.reshape(self.height, self.width, self.channels)

    def _resized(self, image: Image.Image) -> Image.Image:
        """An image of exactly the canvas's size."""
        size = (self.width, self.height)
        resample = _FILTERS[self.interpolation]
        if image.size == size and self.crop_share == 1:
            return image
        margin = (1 - self.crop_share) / 2
        if self.fit == "crop":
            return ImageOps.fit(image, size, method=resample, bleed=margin)
        if self.fit == "squash":
            left, upper = margin * image.width, margin * image.height
            kept = (left, upper, image.width - left, image.height - upper)
            return image.resize(size, resample, box=kept)
        scale = min(self.width / image.width, self.height / image.height)
        within = (
            min(self.width, max(1, round(image.width * scale))),
            min(self.height, max(1, round(image.height * scale))),
        )
        fill = self.background if image.mode == "L" else (self.background,) * 3
        padded = Image.new(image.mode, size, fill)
        corner = ((self.width - within[0]) // 2, (self.height - within[1]) // 2)
        padded.paste(image if image.size == within else image.resize(within, resample), corner)
        return padded


_POSSIBLE = {
    "height": "a whole number of pixels, at least 1",
    "width": "a whole number of pixels, at least 1",
    "channels": "1 (grey) or 3 (RGB)",
    "fit": "one of crop, pad, squash",
    "interpolation": "one of nearest, bilinear, bicubic, lanczos",
    "mean": "one finite number per channel",
    "std": "one positive number per channel",
    "crop_share": "more than 0, at most 1; always 1 for the fit pad",
    "background": "a whole number from 0 (black) to 255 (white)",
    "max_pixels": f"a whole number from 1 to {LARGEST_MAX_PIXELS:,}",
    "frame": "one of first, middle, max, mean",
    "range": "full, or two finite numbers, of which the second is larger",
    "decoding": "reduced or full",
    "transparency": "show or ignore",
}


def _is_range(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        and bool(np.isfinite(value).all())
        and value[0] < value[1]
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def scaled_and_shifted(pixels: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """uint8 [B, C, H, W] to float32 of the same memory format: x * scale + shift."""
    import torch

    return pixels.to(torch.float32).mul_(scale).add_(shift)


@lru_cache(maxsize=32)
def _scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Scale and shift with x * scale + shift = (x/255 - mean) / std, float32 [1, C, 1, 1]."""
    import torch

    # Kept for later calls, so they must be ordinary tensors even when made during inference.
    with torch.inference_mode(False):
        m = torch.tensor(mean, dtype=torch.float64)
        s = torch.tensor(std, dtype=torch.float64)
        scale, shift = 1 / (255 * s), -m / s
        return (
            scale.to(torch.float32).view(1, -1, 1, 1).to(device),
            shift.to(torch.float32).view(1, -1, 1, 1).to(device),
        )

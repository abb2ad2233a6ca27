"""Input contract: `auto` becomes what is set, what the weights had, or the usual value.

The image size is decided in resolve.py, for it depends on the network.
"""

from __future__ import annotations

from typing import Any

from nunbit.config.contradictions import set_statistics
from nunbit.config.resolved import SET, Decision
from nunbit.config.sections import PixelsConfig
from nunbit.data.inspect import Inspection
from nunbit.data.scaling import for_channels
from nunbit.data.value_range import MeasuredRange, ValueRange
from nunbit.models.pretrained import WeightsInput


def decide_colour(
    pixels: PixelsConfig,
    inspection: Inspection,
    published: WeightsInput | None,
    *,
    only: int | None,
) -> Decision[str]:
    """Decide on grey or rgb; `only` is the number of channels of a network that takes no other."""
    if pixels.colour != "auto":
        return Decision("pixels.colour", pixels.colour, SET)
    if only is not None:
        channels, why = only, "the network takes no other number of channels"
    elif published is not None:
        channels, why = published.channels, "the weights were trained so"
    else:
        channels = 1 if inspection.is_grey else 3
        why = "no image has colours" if channels == 1 else "images have colours"
    return Decision("pixels.colour", "grey" if channels == 1 else "rgb", why)


def decide_resizing(
    pixels: PixelsConfig, published: WeightsInput | None
) -> tuple[Decision[Any], Decision[float], Decision[Any]]:
    """Fit, crop fraction and filter: as set, else as the weights had them, else the usual ones."""
    why = "the usual one" if published is None else "the weights were trained so"
    fit = Decision[Any]("pixels.fit", pixels.fit, SET)
    if pixels.fit == "auto":
        value = "crop" if published is None else published.fit
        fit = Decision("pixels.fit", value, why)
    if pixels.crop_share != "auto":
        fraction = Decision("pixels.crop_share", pixels.crop_share, SET)
    elif published is None or fit.value != published.fit:  # a fraction belongs to one way to fit
        fraction = Decision("pixels.crop_share", 1.0, "nothing is cut off")
    else:
        fraction = Decision("pixels.crop_share", published.crop_share, why)
    interpolation = Decision[Any]("pixels.interpolation", pixels.interpolation, SET)
    if pixels.interpolation == "auto":
        method = "bilinear" if published is None else published.interpolation
        interpolation = Decision("pixels.interpolation", method, why)
    return fit, fraction, interpolation


def decide_scaling(
    pixels: PixelsConfig, published: WeightsInput | None, *, channels: int
) -> Decision[tuple[tuple[float, ...], tuple[float, ...]] | None]:
    """Mean and standard deviation where weights or settings say them, else None: a z-score."""
    why = SET
    if published is not None:
        known, why = (published.mean, published.std), "they come with the weights"
    elif (stated := set_statistics(pixels, channels)) is not None:
        known = stated
    else:
        why = why if pixels.scaling == "z-score" else "the training part's own suit any data"
        return Decision("pixels.scaling", None, why)
    value = for_channels(known[0], channels), for_channels(known[1], channels)
    return Decision("pixels.scaling", value, why)


def decide_range(pixels: PixelsConfig, measured: MeasuredRange | None) -> Decision[ValueRange]:
    """Range of samples of more than 8 bits: as set, as measured, or full where there are none."""
    if pixels.range != "auto":
        return Decision[ValueRange]("pixels.range", pixels.range, SET)
    if measured is None:
        return Decision[ValueRange]("pixels.range", "full", "no image has more than 8 bits")
    note = ""
    if measured.value != "full":
        low, high = measured.value
        note = (
            f"Images of more than 8 bits: {low:g} becomes black and {high:g} white, for "
            f"{measured.reason} (pixels.range)."
        )
    return Decision("pixels.range", measured.value, measured.reason, note=note)

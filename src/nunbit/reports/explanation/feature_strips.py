"""Filters and feature maps as rows of small pictures with captions.

C channels, n filters, h height, w width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.explain.feature_maps import FeatureMaps
from nunbit.explain.filters import Filters
from nunbit.formatting import count
from nunbit.reports.explanation.pictures import (
    Picture,
    enlarged,
    filter_pictures,
    grid,
    map_picture,
    scale_end,
    squares,
)
from nunbit.reports.kit import exact_png_address, is_pixelated, thumbnail_address

MAPS_SHOWN = 12
"""Number of maps of a layer, the strongest."""
COLOUR_FILTERS_SHOWN = 64
GREY_FILTERS_SHOWN, CHANNELS_SHOWN = 16, 12
"""Limits for a layer whose filters see other channels than colours: filters, and channels of
each."""
FILTER_GAP = 6
MAP_SIDE, UNIT_SIDE, FILTER_SIDE = 128, 240, 64
"""Pixels of the longer side of a picture."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture in the page."""

    source: str
    """data: address."""
    description: str
    """Alternative text."""
    pixelated: bool
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A row of pictures, and what is to be said of them all."""

    pictures: Sequence[Shown]
    remark: str
    wide: bool = False
    """One picture that takes the whole row."""


def shown(picture: Picture, description: str, *, side: int, caption: str = "") -> Shown:
    """A picture [h, w, 3] whose longer side has at most `side` pixels in the page."""
    return Shown(
        source=thumbnail_address(picture, max_side=side),
        description=description,
        pixelated=is_pixelated(picture),
        caption=caption,
    )


def map_pictures(maps: FeatureMaps) -> list[tuple[int, Picture]]:
    """The strongest maps with their channels, on one scale from the least to the largest value."""
    limits = _limits(maps.maps)
    return [
        (int(channel), map_picture(maps.maps[channel], limits))
        for channel in maps.order[:MAPS_SHOWN]
    ]


def unit_picture(maps: FeatureMaps) -> Picture:
    """All units of a layer without places, each a square, in rows from the first to the last."""
    values = squares(maps.maps[:, 0, 0])
    drawn = map_picture(np.nan_to_num(values), _limits(maps.maps))
    drawn[np.isnan(values)] = 255
    return drawn


def map_strip(maps: FeatureMaps, image: str) -> Strip:
    """The strongest maps of a layer, or all units of one without places."""
    low, high = _limits(maps.maps)
    scale = f"from {low:.3g} (dark) to {high:.3g} (bright)"
    silent = f"; {count(maps.silent, 'channel')} nowhere above zero" if maps.silent else ""
    layer = maps.layer
    if layer.places is None:
        picture = enlarged(unit_picture(maps), UNIT_SIDE)
        text = f"activations of the {count(layer.channels)} units of {layer.name} for {image}"
        remark = f"Every unit is a square, row by row, {scale}{silent}."
        return Strip(pictures=[shown(picture, text, side=UNIT_SIDE)], remark=remark, wide=True)
    pictures = [
        shown(
            picture,
            f"map of channel {channel} of {layer.name} for {image}",
            side=MAP_SIDE,
            caption=f"{channel}",
        )
        for channel, picture in map_pictures(maps)
    ]
    remark = f"The strongest {len(pictures)} of {count(layer.channels)}, {scale}{silent}."
    return Strip(pictures=pictures, remark=remark)


def filter_grid(filters: Filters) -> Picture:
    """The shown filters in one picture: in colour, or a row of grey ones for each filter."""
    side, columns = _times(filters), 8
    if filters.in_colour:
        cells = filter_pictures(filters.weights, in_colour=True)[:COLOUR_FILTERS_SHOWN]
    else:
        grey = filter_pictures(filters.weights, in_colour=False)[..., None]
        if grey.shape[1] == 1:
            cells = grey[:COLOUR_FILTERS_SHOWN, 0]
        else:
            some = grey[:GREY_FILTERS_SHOWN, :CHANNELS_SHOWN]
            columns, cells = some.shape[1], some.reshape(-1, *some.shape[2:])
    return grid([enlarged(cell, side) for cell in cells], columns=columns, gap=FILTER_GAP)


def filter_strips(filters: Filters) -> tuple[str, Shown, str]:
    """Heading, picture and remark of a layer's filters."""
    number, channels, height, width = filters.weights.shape
    heading = f"{filters.layer} ({filters.kind})"
    picture = filter_grid(filters)
    by_channel = not filters.in_colour and channels > 1
    limit = GREY_FILTERS_SHOWN if by_channel else COLOUR_FILTERS_SHOWN
    first = f"the first {min(number, limit)} of {count(number)}" if number > limit else "all"
    form = f"{count(number, 'filter')} of {channels} × {height} × {width}"
    if filters.in_colour:
        what = "each in the red, green and blue that it answers to"
    elif by_channel:
        some = min(channels, CHANNELS_SHOWN)
        part = f"the first {some} of its {count(channels)}" if channels > some else f"its {some}"
        what = f"a row for each, with one picture for each of {part} channels"
    else:
        what = "bright where the filter wants light, dark where it wants none"
    end = scale_end(filters.weights)
    scale = f"Middle grey is a weight of 0, the scale ends at ±{end:.3g}."
    text = f"filters of {filters.layer}: {form}"
    return heading, _exact(picture, text), f"{form}; shown: {first}, {what}. {scale}"


def _exact(picture: Picture, description: str) -> Shown:
    plain = picture[..., 0] if picture.shape[2] == 1 else picture
    return Shown(source=exact_png_address(plain), description=description, pixelated=True)


def _times(filters: Filters) -> int:
    """Side of a filter's picture in pixels."""
    return max(FILTER_SIDE, *map(int, filters.weights.shape[2:]))


def _limits(values: NDArray[np.float32]) -> tuple[float, float]:
    """The scale of a layer: from zero, or its least value below, to its largest."""
    return min(0.0, float(values.min())), float(values.max())

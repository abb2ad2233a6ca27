"""Pictures for a page: what the network saw, and images as they were found."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from nunbit.data.inspect import Inspection
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError, UnusableImage
from nunbit.reports.kit.pictures import MAX_SIDE, Original, OriginalGetter, PictureGetter
from nunbit.types import Samples


def originals_of(
    samples: Samples, inspection: Inspection, preprocess: Preprocess
) -> OriginalGetter:
    """A getter that reads an image only when it is asked for it.

    A file that has vanished, cannot be read any more or has changed since the run read it gives a
    fault in place of a picture. Only the contract's limit of pixels and its background matter
    here: rotation and transparency are resolved as for the network, size and colour left alone.
    """
    images = samples.images

    def original(row: int) -> Original:
        try:
            content = images.read(row)
            if isinstance(content, np.ndarray):
                return Original(picture=content, height=content.shape[0], width=content.shape[1])
            if hashlib.sha256(content).hexdigest() != inspection.sha256[row]:
                return Original(fault="the file has changed since the run read it")
            picture = preprocess.shown(content, longest=MAX_SIDE)
        except UnusableImage as error:
            return Original(fault=error.what)
        facts = inspection.facts[row]
        height, width = (
            (picture.height, picture.width) if facts is None else (facts.height, facts.width)
        )
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        return Original(picture=np.asarray(picture), height=height, width=width)

    return original


def canvases_as_seen(pixels: Pixels, contract: Preprocess) -> PictureGetter:
    """A getter of what the network saw: canvases normalised for it, and back by the inverse.

    A file that has vanished since gives the background.
    """
    blank = np.full(
        (1, contract.height, contract.width, contract.channels), contract.background, dtype=np.uint8
    )

    def canvases_of(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        (canvases,) = pixels.stream([rows])
        seen = contract.network_input(canvases, canvases.device)
        return contract.denormalise(seen).numpy()

    def one(row: NDArray[np.int64]) -> NDArray[np.uint8]:
        try:
            return canvases_of(row)
        except DataError:
            return blank

    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        try:
            return canvases_of(rows)
        except DataError:  # a file has vanished that is decoded again at each use
            return np.concatenate([one(row) for row in np.split(rows, len(rows))])

    return pictures
